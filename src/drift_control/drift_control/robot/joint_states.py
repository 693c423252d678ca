"""Joint states of arm and gripper, which may come in several messages, merged by joint name."""

import math
from collections.abc import Sequence

import numpy as np

from drift_control.inputs import JointReading
from drift_control.robot.config import RobotConfig


class JointStateMerger:
    """Collect positions by name until every joint of the robot is known; joints of others are ignored."""

    def __init__(self, config: RobotConfig) -> None:
        self._arm = config.joint_names
        self._gripper = config.gripper.joints
        self._position: dict[str, float] = {}
        self._stamp_s: dict[str, float] = {}
        self._arrival_s: dict[str, float] = {}

    @property
    def unheard(self) -> list[str]:
        """The robot's joints that no message has named yet, in its order."""
        return [name for name in (*self._arm, *self._gripper) if name not in self._position]

    def silent(self, since_s: float) -> list[str]:
        """The robot's joints of which nothing has arrived since `since_s` (steady time), in its order."""
        heard = (name for name in (*self._arm, *self._gripper) if name in self._arrival_s)
        return [name for name in heard if self._arrival_s[name] < since_s]

    def objection(self, names: Sequence[str], positions: Sequence[float]) -> str:
        """Return why `merge` ignores a message, in words; empty if it does not."""
        if len(names) != len(positions):
            return f"{len(names)} names with {len(positions)} positions"
        broken = [
            name
            for name, q in zip(names, positions, strict=True)
            if self._knows(name) and not math.isfinite(q)
        ]
        return f"not finite: {', '.join(broken)}" if broken else ""

    def merge(
        self, names: Sequence[str], positions: Sequence[float], stamp_s: float, arrival_s: float
    ) -> JointReading | None:
        """Take in one message; return the whole reading, or None until every joint was heard of.

        Stamp and arrival of the reading are those of its oldest joint, so that a silent gripper is noticed.
        A message whose lengths differ or whose values are not finite is ignored and thereby grows stale.
        """
        if self.objection(names, positions):
            return None
        for name, position in zip(names, positions, strict=True):
            if not self._knows(name):
                continue
            self._position[name] = float(position)
            self._stamp_s[name] = stamp_s
            self._arrival_s[name] = arrival_s
        if self.unheard:
            return None
        opening_m = sum(scale * self._position[name] for name, scale in self._gripper.items())
        return JointReading(
            positions_rad=np.array([self._position[name] for name in self._arm]),
            gripper_m=opening_m,
            stamp_s=min(self._stamp_s.values()),
            arrival_s=min(self._arrival_s.values()),
        )

    def _knows(self, name: str) -> bool:
        return name in self._arm or name in self._gripper
