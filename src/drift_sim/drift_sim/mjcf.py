"""Small helpers that write MJCF (MuJoCo's XML) elements with full floating-point precision."""

from collections.abc import Iterable
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import numpy as np

Value = str | float | int | bool | Iterable[float]


def text(value: Value) -> str:
    """Return `value` as an MJCF attribute; floats keep all 17 digits so that poses survive the trip."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return repr(value)
    if isinstance(value, float):  # also NumPy's, whose own repr is no number
        return repr(float(value))
    return " ".join(repr(float(number)) for number in value)


def child(parent: Element, tag: str, **attributes: Value) -> Element:
    """Append `<tag attributes…/>` to `parent` and return it (a trailing underscore is dropped: class_)."""
    return SubElement(parent, tag, {name.rstrip("_"): text(value) for name, value in attributes.items()})


def to_string(root: Element) -> str:
    """Return the document as indented XML."""
    indent(root)
    return tostring(root, encoding="unicode")


def quaternion(rotation: np.ndarray) -> np.ndarray:
    """Return the unit quaternion (w, x, y, z) of `rotation` (3, 3), w >= 0 (Shepperd's method)."""
    r = rotation
    trace = float(np.trace(r))
    candidates = np.array([trace, r[0, 0], r[1, 1], r[2, 2]])
    largest = int(np.argmax(candidates))
    q = np.empty(4)
    if largest == 0:
        q[:] = 1.0 + trace, r[2, 1] - r[1, 2], r[0, 2] - r[2, 0], r[1, 0] - r[0, 1]
    else:
        i, j, k = largest - 1, largest % 3, (largest + 1) % 3
        q[0] = r[k, j] - r[j, k]
        q[1 + i] = 1.0 + 2.0 * r[i, i] - trace
        q[1 + j] = r[j, i] + r[i, j]
        q[1 + k] = r[k, i] + r[i, k]
    q /= np.linalg.norm(q)
    return q if q[0] >= 0.0 else -q


def look_at(position: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the six numbers of `xyaxes` for a camera at `position` (3,) that looks at `target` (3,), z up.

    A MuJoCo camera looks along its -z with +y up in the image.
    """
    backward = np.asarray(position, float) - np.asarray(target, float)
    backward /= np.linalg.norm(backward)
    up = np.array([0.0, 0.0, 1.0]) if abs(backward[2]) < 0.999 else np.array([1.0, 0.0, 0.0])
    right = np.cross(up, backward)
    right /= np.linalg.norm(right)
    return np.concatenate([right, np.cross(backward, right)])
