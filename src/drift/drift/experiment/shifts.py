"""What changes once a task has been learned: another cell in the place of the one that it was learned in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from drift_config.errors import ConfigError
from drift_control.robot.robot import load_robot
from drift_sim.environments.arm_cell import ArmCell
from drift_sim.shell import Shell

from drift.configuration import config_file

_ARM = "ur5e"
_BOX = {"half_size_m": [0.025, 0.025, 0.035], "mass_kg": 0.15, "grip_height_m": 0.015}
_CAMERA, _MOVED_M, _TURNED_M = "front", (0.0, 0.15, 0.05), (0.0, 0.03, 0.0)  # the place; where it looks
_SIDES = (("object", "goal"), ("goal", "object"))


@dataclass(frozen=True)
class Shift:
    """One change."""

    title: str
    change: Callable[[ArmCell], ArmCell]  # ConfigError for a cell in which there is nothing to change
    sees: tuple[str, ...]  # what a policy may see that is to learn before and after


def shifted(shell: Shell, name: str) -> Shell:
    """Return a shell where something has changed; ConfigError for a task that cannot be changed so."""
    if not isinstance(shell.environment, ArmCell):
        raise ConfigError(f"task={shell.task.name} must be one of ours to be changed: {SHIFTS[name].title}")
    return Shell(SHIFTS[name].change(shell.environment))


def _camera(cell: ArmCell) -> ArmCell:
    cameras = cell.task.scene.get("cameras", {})
    if _CAMERA not in cameras or _CAMERA not in {camera.name for camera in cell.task.cameras}:
        raise ConfigError(f"task={cell.task.name} must see by a camera {_CAMERA}, for it to be moved")
    before = cameras[_CAMERA]
    moved = {
        name: [there + by for there, by in zip(before[name], way_m, strict=True)]
        for name, way_m in (("position_m", _MOVED_M), ("look_at_m", _TURNED_M))
    }
    return _with_scene(cell, {"cameras": {**cameras, _CAMERA: {**before, **moved}}})


def _box(cell: ArmCell) -> ArmCell:
    if cell.task.scene.get("kind") != "table":
        raise ConfigError(f"task={cell.task.name} must have a scene of kind table, for its box to be another")
    return _with_scene(cell, {"object": {**cell.task.scene["object"], **_BOX}})


def _arm(cell: ArmCell) -> ArmCell:
    if cell.robot.name == _ARM:
        raise ConfigError(f"robot={_ARM} must be another one, for it to be exchanged for {_ARM}")
    return cell.another(robot=load_robot(config_file("robot", _ARM)))


def _sides(cell: ArmCell) -> ArmCell:
    """Let the object start in the goal's region, and the goal in the object's."""
    reset = cell.task.scene.get("reset", {})
    if "goal_low_m" not in reset:
        raise ConfigError(f"task={cell.task.name} must have regions where object and goal start")
    regions = {f"{to}_{end}_m": reset[f"{of}_{end}_m"] for to, of in _SIDES for end in ("low", "high")}
    return _with_scene(cell, {"reset": {**reset, **regions}})


def _with_scene(cell: ArmCell, changes: Mapping[str, Any]) -> ArmCell:
    return cell.another(replace(cell.task, scene={**cell.task.scene, **changes}))


SHIFTS = {
    "camera": Shift("the front camera moved", _camera, ("images",)),
    "box": Shift("another box", _box, ("state", "hand", "images")),
    "arm": Shift(f"a {_ARM} in its place", _arm, ("hand",)),
    "sides": Shift("object and goal on other sides", _sides, ("state", "hand", "images")),
}
