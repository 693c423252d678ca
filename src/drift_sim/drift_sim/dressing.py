"""The cell made good to look at: floor, table legs, sky, shadows. For people, never for a policy."""

from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import numpy as np

from drift_sim.mjcf import child, look_at, to_string

EYE = "overview"  # the camera that looks at the whole cell
SIZE = (480, 640)  # (H, W) of its pictures
FOVY_DEG = 44.0
_EYE_M, _LOOKS_AT_M = (1.42, -1.0, 0.92), (0.34, 0.0, 0.27)
_FLOOR_M = -0.75  # height of the floor: the table's top is 0
_TABLE_TOP, _TABLE_LEG = (0.80, 0.77, 0.71, 1.0), (0.30, 0.32, 0.35, 1.0)


def dressed(mjcf: str) -> str:
    """Return the cell `mjcf` (of `build_mjcf`) with all that only looks well, and the camera EYE.

    No body, joint, actuator or mocap body is added: the state is that of the cell as it was.
    """
    root = ElementTree.fromstring(mjcf)
    child(root, "statistic", center=(0.35, 0.0, 0.2), extent=1.3)  # what shadows are drawn for
    _light(root)
    world = _only(root, "worldbody")
    asset = child(root, "asset")
    child(
        asset,
        "texture",
        type="skybox",
        builtin="gradient",
        rgb1=(0.93, 0.95, 0.97),
        rgb2=(0.60, 0.67, 0.75),
        width=256,
        height=256,
    )
    child(
        asset,
        "texture",
        name="tiles",
        type="2d",
        builtin="checker",
        rgb1=(0.64, 0.67, 0.70),
        rgb2=(0.60, 0.63, 0.66),
        width=256,
        height=256,
    )
    child(asset, "material", name="tiles", texture="tiles", texrepeat=(3, 3), texuniform=True, reflectance=0)
    child(
        world,
        "geom",
        name="floor",
        type="plane",
        size=(6, 6, 0.1),
        pos=(0, 0, _FLOOR_M),
        material="tiles",
        class_="seen",
    )
    _furnish(world)
    child(
        world,
        "camera",
        name=EYE,
        pos=_EYE_M,
        xyaxes=look_at(np.array(_EYE_M), np.array(_LOOKS_AT_M)),
        fovy=FOVY_DEG,
    )
    return to_string(root)


def _light(root: Element) -> None:
    """Less light from the eye, more from one lamp that throws shadows."""
    visual = _only(root, "visual")
    _only(visual, "quality").set("shadowsize", "2048")
    _only(visual, "map").set("shadowclip", "6")  # wide enough for the floor that is seen
    _only(visual, "headlight").set("ambient", "0.35 0.35 0.37")
    _only(visual, "headlight").set("diffuse", "0.25 0.25 0.25")
    lamp = _only(_only(root, "worldbody"), "light")
    lamp.set("pos", "0.9 0.9 2.2")
    lamp.set("dir", "-0.25 -0.45 -1")
    lamp.set("diffuse", "0.55 0.54 0.52")
    lamp.set("castshadow", "true")


def _furnish(world: Element) -> None:
    """Paint the table, and give it legs."""
    (table,) = (geom for geom in world.findall("geom") if geom.get("name") == "table")
    table.set("rgba", " ".join(map(str, _TABLE_TOP)))
    x, y, _ = (float(number) for number in table.get("pos", "").split())
    half_x, half_y, half_z = (float(number) for number in table.get("size", "").split())
    half_m = 0.5 * (-2 * half_z - _FLOOR_M)  # of a leg
    for side_x in (-1.0, 1.0):
        for side_y in (-1.0, 1.0):
            child(
                world,
                "geom",
                type="box",
                size=(0.03, 0.03, half_m),
                pos=(x + side_x * (half_x - 0.06), y + side_y * (half_y - 0.06), _FLOOR_M + half_m),
                rgba=_TABLE_LEG,
                class_="seen",
            )


def _only(parent: Element, tag: str) -> Element:
    (found,) = parent.findall(tag)
    return found
