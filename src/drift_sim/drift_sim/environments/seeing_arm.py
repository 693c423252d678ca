"""An arm whose state says where the things of the scene are, too: learning from state, without pictures.

For learning the things are further joints: their entries follow the arm's wherever joint samples are put in,
recorded and interpolated.
"""

from dataclasses import replace

import numpy as np
from drift_control.robot.robot import Robot
from drift_core.task import TaskConfig

from drift_sim.scenes.scene import Truth

N_THINGS = 18  # of object and goal: position [m], and the first two columns of the rotation matrix


def things(truth: Truth) -> np.ndarray:
    """Return where object and goal are (18,), in the base frame [m]."""
    return np.concatenate(
        [
            part
            for pose in (truth.object, truth.goal)
            for part in (pose.position, pose.rotation[:, 0], pose.rotation[:, 1])
        ]
    )


def from_state(task: TaskConfig) -> TaskConfig:
    """Return the task without cameras, under another name: its episodes and policies are others."""
    return replace(task, name=f"{task.name}_from_state", cameras=())


class SeeingArm:
    """`ArmModel` of an arm and the things before it: J + 18 entries, of which the last are the things'."""

    def __init__(self, robot: Robot) -> None:
        self._robot = robot
        self.name, self.n_joints = robot.name, robot.n_joints + N_THINGS

    def near_home(self, q: np.ndarray) -> np.ndarray:
        """Return q (..., J + 18) with the arm's joints as `Robot.near_home` has them."""
        joints, seen = np.split(q, [self._robot.n_joints], axis=-1)
        return np.concatenate([self._robot.near_home(joints), seen], axis=-1)

    def state(self, q: np.ndarray, gripper_m: float) -> np.ndarray:
        """Return the arm's state (10 + J,) followed by the things (18,)."""
        joints, seen = np.split(np.asarray(q, float), [self._robot.n_joints])
        return np.concatenate([self._robot.state(joints, gripper_m), seen])
