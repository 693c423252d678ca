"""The robot and the task of an episode, as the configuration describes them now."""

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from drift_config.errors import DriftError

from drift.configuration import config_file
from drift.errors import UserError

if TYPE_CHECKING:
    from drift_control.robot.robot import Robot
    from drift_core.data.cutter import WindowCutter
    from drift_core.episodes import EpisodeStore
    from drift_core.task import TaskConfig


@dataclass(frozen=True)
class OriginFiles:
    """What is known of a robot and a task by name."""

    robot: "Robot | None"  # None: a point, or not known
    task: "TaskConfig | None"
    unknown: str  # why there is no such robot or task, empty where both are known

    def cutter(self, store: "EpisodeStore") -> "WindowCutter | None":
        """Return what cuts training windows out of episodes of this robot and task, None if unknown."""
        from drift_core.data.cutter import WindowCutter

        if self.unknown or self.task is None:
            return None
        return WindowCutter(store, self.robot, self.task)

    def joint_names(self, width: int) -> list[str]:
        """Return the name of each column of `commanded` and `measured`, (J + 1) of them, with its unit."""
        if self.task is not None and self.task.action_space == "point":
            return [f"point {n + 1}" for n in range(width)]
        if self.robot is not None and len(self.robot.config.joint_names) == width - 1:
            return [f"{name} [rad]" for name in self.robot.config.joint_names] + ["gripper [m]"]
        return [f"joint {n + 1} [rad]" for n in range(width - 1)] + ["gripper [m]"] * (width > 0)


@cache
def origin_files(robot: str, task: str) -> OriginFiles:
    """Read the configuration of `robot` and `task`; what is not there or faulty is said in the result."""
    from drift_control.robot.robot import load_robot
    from drift_core.arm import POINT

    from drift.named_task import named_task

    try:
        config = named_task(task)
        arm = None if robot == POINT else load_robot(config_file("robot", robot))
    except (UserError, DriftError) as error:
        return OriginFiles(None, None, str(error))
    return OriginFiles(arm, config, "")


def action_names(width: int) -> list[str]:
    """Return the name of each column of an action, with its unit."""
    if width == 10:
        rotation = [f"tcp r{row}{column}" for column in (1, 2) for row in (1, 2, 3)]
        return ["tcp x [m]", "tcp y [m]", "tcp z [m]", *rotation, "gripper [m]"]
    return [f"action {n + 1}" for n in range(width)]
