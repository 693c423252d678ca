"""An arm whose state says where the things of the scene are, too: learning from state, without pictures.

For learning the things are further joints: their entries follow the arm's wherever joint samples are put in,
recorded and interpolated.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

import numpy as np
from drift_control.robot.pose import pose_to_action
from drift_control.robot.robot import Robot
from drift_core.arm import ArmModel
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


class Sees(ArmModel, Protocol):
    """An arm whose state says more, or less, than its joints."""

    def seen(self, q: np.ndarray, truth: Truth) -> np.ndarray:
        """Return what learning is given as joint positions, with the arm at q (J,) [rad]."""


Seeing = Callable[[Robot], Sees]


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

    def seen(self, q: np.ndarray, truth: Truth) -> np.ndarray:
        """Return the joints (J,) followed by the things (18,)."""
        return np.concatenate([q, things(truth)])


class SeeingHand:
    """`ArmModel` of the hand and the things before it: nothing says which arm carries it, or how.

    Its 9 + 18 positions are the hand's place [m], the first two columns of its rotation matrix, and the
    things'. The hand stands in the state twice, where any arm's does and where joints would.
    """

    name = "hand"
    n_joints = 9 + N_THINGS

    def __init__(self, robot: Robot) -> None:
        self._robot = robot

    def near_home(self, q: np.ndarray) -> np.ndarray:
        """Return q (..., 27) as it is."""
        return q

    def state(self, q: np.ndarray, gripper_m: float) -> np.ndarray:
        """Return the hand's pose (9,), its opening [m], and q (27,)."""
        return np.concatenate([q[:9], [gripper_m], q])

    def seen(self, q: np.ndarray, truth: Truth) -> np.ndarray:
        """Return the hand's pose (9,) followed by the things (18,)."""
        return np.concatenate([pose_to_action(self._robot.forward(q), 0.0)[:9], things(truth)])
