"""The things on the table as MJCF: a box, and a disc or a slot for it."""

from xml.etree.ElementTree import Element

import numpy as np

from drift_sim.mjcf import child
from drift_sim.scenes.table.config import DiscConfig, SlotConfig, TableConfig

OBJECT_BODY = "object"
OBJECT_JOINT = "object_free"
GOAL_BODY = "goal"


def add_object(world: Element, table: TableConfig) -> None:
    body = child(world, "body", name=OBJECT_BODY, pos=(0.5, 0.0, table.rest_height_m))
    child(body, "freejoint", name=OBJECT_JOINT)
    child(
        body,
        "geom",
        name="object",
        type="box",
        size=table.object.half_size_m,
        mass=table.object.mass_kg,
        rgba=table.object.rgba,
        condim=4,
        friction=(1.0, 0.01, 0.0001),
        contype=1,
        conaffinity=1,
        group=1,
    )


def add_goal(world: Element, table: TableConfig) -> None:
    """Add the goal as a mocap body: fixed while the task runs, put anywhere at a reset."""
    body = child(world, "body", name=GOAL_BODY, mocap=True)
    goal = table.goal
    if isinstance(goal, DiscConfig):
        child(
            body,
            "geom",
            name="disc",
            type="cylinder",
            size=(goal.radius_m, 0.0005),
            pos=(0, 0, 0.0005),
            rgba=goal.rgba,
            class_="seen",
        )
        return
    half_x, half_y, _ = table.object.half_size_m
    for name, pos, size in slot_walls(goal, half_x, half_y):
        child(body, "geom", name=name, type="box", pos=pos, size=size, rgba=goal.rgba, class_="touch")
    # The floor of the slot is painted so that the hole can be seen from above.
    child(
        body,
        "geom",
        name="slot_floor",
        type="box",
        size=(half_x + goal.clearance_m, half_y + goal.clearance_m, 0.0005),
        pos=(0, 0, 0.0005),
        rgba=(0.1, 0.1, 0.1, 1.0),
        class_="seen",
    )


def slot_walls(slot: SlotConfig, half_x: float, half_y: float) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Return name, centre (3,) and half size (3,) of the walls around a box of half_x, half_y."""
    inner = np.array([half_x + slot.clearance_m, half_y + slot.clearance_m])
    t, h = slot.wall_thickness_m / 2, slot.wall_height_m / 2
    walls = []
    for axis, across in ((0, 1), (1, 0)):
        for sign in (1.0, -1.0):
            centre, size = np.zeros(3), np.zeros(3)
            centre[axis], centre[2] = sign * (inner[axis] + t), h
            size[axis], size[across], size[2] = t, inner[across] + (2 * t if axis == 0 else 0.0), h
            walls.append((f"wall_{'xy'[axis]}{'+' if sign > 0 else '-'}", centre, size))
    return walls
