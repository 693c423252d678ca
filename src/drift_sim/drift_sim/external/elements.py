"""Small helpers that write SDF and URDF elements from what MuJoCo has compiled, with all digits."""

from xml.etree.ElementTree import Element, SubElement

import numpy as np
from drift_config.errors import ConfigError
from numpy.typing import NDArray

from drift_sim.headless import mujoco
from drift_sim.mjcf import Value, text

Array = NDArray[np.float64]
_BOX = int(mujoco.mjtGeom.mjGEOM_BOX)
_SPHERE = int(mujoco.mjtGeom.mjGEOM_SPHERE)
_CYLINDER = int(mujoco.mjtGeom.mjGEOM_CYLINDER)
_CAPSULE = int(mujoco.mjtGeom.mjGEOM_CAPSULE)


def leaf(parent: Element, tag: str, value: Value, **attributes: Value) -> Element:
    """Append `<tag attributes…>value</tag>` to `parent` and return it."""
    element = SubElement(parent, tag, {name: text(said) for name, said in attributes.items()})
    element.text = text(value)
    return element


def roll_pitch_yaw(rotation: Array) -> Array:
    """Return the angles (3,) [rad] about fixed x, y, z of `rotation` (3, 3); pitch lies in ± 90 degrees."""
    across = float(np.hypot(rotation[0, 0], rotation[1, 0]))
    pitch = np.arctan2(-rotation[2, 0], across)
    if across < 1e-9:  # x points up or down: only the sum of the other two matters
        return np.array([0.0, pitch, np.arctan2(-rotation[0, 1], rotation[1, 1])])
    return np.array(
        [np.arctan2(rotation[2, 1], rotation[2, 2]), pitch, np.arctan2(rotation[1, 0], rotation[0, 0])]
    )


def rotation_of(quaternion: Array) -> Array:
    """Return (3, 3) for the unit quaternion (w, x, y, z)."""
    rotation = np.empty(9)
    mujoco.mju_quat2Mat(rotation, quaternion)
    return rotation.reshape(3, 3)


def pose(parent: Element, position: Array, rotation: Array) -> None:
    """Append SDF's `<pose>`."""
    leaf(parent, "pose", [*position, *roll_pitch_yaw(rotation)])


def origin(parent: Element, position: Array, rotation: Array) -> None:
    """Append URDF's `<origin>`."""
    SubElement(parent, "origin", xyz=text(position), rpy=text(roll_pitch_yaw(rotation)))


def sdf_geometry(parent: Element, kind: int, size: Array) -> None:
    """Append SDF's `<geometry>` for a geom of MuJoCo; ConfigError for a shape that is no primitive."""
    geometry = SubElement(parent, "geometry")
    if kind == _BOX:
        leaf(SubElement(geometry, "box"), "size", 2.0 * size)
    elif kind == _SPHERE:
        leaf(SubElement(geometry, "sphere"), "radius", size[0])
    elif kind in (_CYLINDER, _CAPSULE):
        shape = SubElement(geometry, "cylinder" if kind == _CYLINDER else "capsule")
        leaf(shape, "radius", size[0])
        leaf(shape, "length", 2.0 * size[1])
    else:
        raise ConfigError(_refusal(kind, "box, sphere, cylinder, capsule"))


def urdf_geometry(parent: Element, kind: int, size: Array) -> None:
    """Append URDF's `<geometry>` for a geom of MuJoCo; ConfigError for a shape that URDF does not know."""
    geometry = SubElement(parent, "geometry")
    if kind == _BOX:
        SubElement(geometry, "box", size=text(2.0 * size))
    elif kind == _SPHERE:
        SubElement(geometry, "sphere", radius=text(size[0]))
    elif kind == _CYLINDER:
        SubElement(geometry, "cylinder", radius=text(size[0]), length=text(2.0 * size[1]))
    else:
        raise ConfigError(_refusal(kind, "box, sphere, cylinder"))


def _refusal(kind: int, allowed: str) -> str:
    name = mujoco.mjtGeom(kind).name.removeprefix("mjGEOM_").lower()
    return f"geom of type {name} cannot be written as SDF or URDF, must be one of {allowed}"
