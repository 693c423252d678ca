"""While nobody drives: lead the command gently to where the arm is, so that it can be armed there."""

import numpy as np

from drift_control.commanded import CommandedArm
from drift_control.gate.config import GateConfig
from drift_control.gate.state import GuardFlag
from drift_control.inputs import Now
from drift_control.robot.pose import Array
from drift_control.sources.tracker import ARRIVED_RAD, Tracker
from drift_control.sources.wish import MotionRequest
from drift_control.teleop.command import TeleopCommand


class EasingSource:
    """Lead the command to a measured pose, if there is one to go to."""

    def __init__(self, config: GateConfig, tracker: Tracker) -> None:
        self._tracker = tracker
        self._speed_scale = config.homing_speed_scale
        self._goal: Array | None = None  # (J,) [rad]

    @property
    def active(self) -> bool:
        """Whether the command is on its way."""
        return self._goal is not None

    def ease_to(self, measured: Array | None) -> None:
        """Lead the command to (J,) [rad]; None: nobody knows where the arm is, the command stays."""
        self._goal = measured

    def stop(self) -> None:
        """Stay where the command is."""
        self._goal = None

    def wish(self, arm: CommandedArm, teleop: TeleopCommand | None, now: Now) -> MotionRequest | None:
        """Return what brings the command nearer; None: it stays."""
        if self._goal is None:
            return None
        wish = MotionRequest(
            self._tracker.straight(arm, self._goal, self._speed_scale), arm.gripper_m, GuardFlag.HOLD
        )
        if float(np.abs(self._goal - arm.motion.q).max()) < ARRIVED_RAD:
            self._goal = None
        return wish
