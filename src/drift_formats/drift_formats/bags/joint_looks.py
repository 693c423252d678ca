"""Joint states in a bag of ours as the recorder took them: the newest ones of each look, merged by name."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from drift_control.inputs import JointMessage
from drift_control.robot.joint_states import JointStateMerger
from drift_core.errors import DataError
from drift_core.messages.steps import seconds

from drift_formats.bags.episode_notes import OPENING
from drift_formats.bags.storages import BagMessage
from drift_formats.format import Cell

ARM_TIMEOUT_S = 0.5  # a state in which an arm's joint is older is not recorded


@dataclass(frozen=True, eq=False)
class JointSample:
    """One sample of an episode."""

    positions_rad: np.ndarray  # (J,)
    gripper_m: float
    stamp_s: float
    arrival_s: float


@dataclass
class JointLooks:
    """Take messages in the order of the bag; those that one look has found share a number."""

    cell: Cell
    refused: list[str] = field(default_factory=list)  # why samples were not taken
    _look: dict[tuple[str, tuple[str, ...]], tuple[JointMessage, float]] = field(default_factory=dict)
    _number: int = 0

    def __post_init__(self) -> None:
        arm = self.cell.arm
        self._merger = None if arm is None else JointStateMerger(arm.config)

    def take(self, message: BagMessage, msg: Any, arrival_s: float, ros_s: float) -> Iterator[JointSample]:
        """Take a message that came at ROS time `ros_s`; yields the samples of the look before it."""
        if message.sequence != self._number:
            yield from self.end_of_look()
        self._number = message.sequence
        stamp_s = seconds(msg.header.stamp)
        if OPENING in msg.name:
            yield JointSample(*self._merged(message, msg), stamp_s, arrival_s)
            return
        key = (message.topic.name, tuple(msg.name))
        self._look.pop(key, None)  # the later ones last
        self._look[key] = (JointMessage(msg.name, msg.position, stamp_s, arrival_s), ros_s)

    def end_of_look(self) -> Iterator[JointSample]:
        """Yield the samples of the look under way; what has number 0 is from before the episode."""
        look, self._look = self._look, {}
        for message, ros_s in look.values():
            if self._merger is None:
                raise DataError("joint states need a robot, got a task without arm")
            news = self._merger.merge(message, ros_s)
            if self._number == 0:
                continue
            if trouble := self._merger.trouble(message.arrival_s, ARM_TIMEOUT_S):
                self.refused.append(trouble)
            elif news and (now := self._merger.reading) is not None:
                yield JointSample(now.positions_rad, now.gripper_m, now.stamp_s, now.arrival_s)

    def _merged(self, message: BagMessage, msg: Any) -> tuple[np.ndarray, float]:
        """Return joint positions and opening of a message that an export has written."""
        joints = len(msg.name) - 1 if self.cell.arm is None else self.cell.arm.n_joints
        if not joints < len(msg.position) == len(msg.name):
            raise DataError(f"{message}: {len(msg.name)} names with {len(msg.position)} positions")
        return np.array(msg.position[:joints]), float(msg.position[list(msg.name).index(OPENING)])
