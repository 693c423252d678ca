"""The way home: straight in joint space, the hand opening."""

import numpy as np

from drift_control.commanded import CommandedArm
from drift_control.gate.config import GateConfig
from drift_control.gate.gate import Event, Happening
from drift_control.gate.state import Reason
from drift_control.guard.guard import Guard
from drift_control.inputs import Now
from drift_control.robot.pose import Array
from drift_control.robot.robot import Robot
from drift_control.sources.tracker import ARRIVED_RAD, Tracker
from drift_control.sources.wish import MotionRequest
from drift_control.teleop.joystick import TeleopCommand

OPEN_TOLERANCE_M = 1e-6


class HomingSource:
    """Lead arm and hand home, for as long as that may take."""

    def __init__(self, config: GateConfig, robot: Robot, tracker: Tracker, guard: Guard) -> None:
        self._robot, self._tracker = robot, tracker
        self._speed_scale = config.homing_speed_scale
        self._timeout_s = config.homing_timeout_s
        self._gripper_step_m = guard.gripper_step_m
        self._dry_run = config.dry_run
        self._since_s = 0.0
        self.objection = ""  # of the guard to the last step

    def start(self, arm: CommandedArm, now: Now) -> None:
        """Begin; the time runs."""
        self._since_s = now.steady_s

    def wish(self, arm: CommandedArm, teleop: TeleopCommand | None, now: Now) -> MotionRequest:
        """Return what brings arm and hand nearer."""
        opening_m = arm.gripper_m + min(self._open_m(arm), self._gripper_step_m)
        return MotionRequest(self._tracker.straight(arm, self._home(arm), self._speed_scale), opening_m)

    def distance_rad(self, arm: CommandedArm) -> float:
        """Return the largest joint distance to home [rad]."""
        return float(np.abs(self._home(arm) - arm.motion.q).max())

    def happenings(
        self, arm: CommandedArm, measured: Array | None, cancelled: bool, now: Now
    ) -> list[Happening]:
        """Return how it ended, if it did."""
        if cancelled:
            return [Happening(Event.HOME_ENDED, Reason.STOP_REQUESTED, "homing cancelled")]
        if now.steady_s - self._since_s > self._timeout_s:
            text = f"not at home after {self._timeout_s} s"
            text += f": {self.objection}" if self.objection else ""
            return [Happening(Event.HOME_ENDED, Reason.NONE, text)]
        told = self.distance_rad(arm) < ARRIVED_RAD and self._open_m(arm) < OPEN_TOLERANCE_M
        if told and (self._dry_run or self._is_home(measured)):
            return [Happening(Event.HOME_DONE, text="at home")]
        return []

    def _is_home(self, measured: Array | None) -> bool:
        """An arm that does not come after is not at home, and soon a fault."""
        if measured is None:
            return False
        away_rad = np.abs(self._robot.nearest_turn(self._robot.home, measured) - measured)
        return float(away_rad.max()) <= self._robot.config.start_tolerance_rad

    def _home(self, arm: CommandedArm) -> Array:
        """Return home (J,) [rad], or the same pose some turns away if the arm is nearer to that."""
        return self._tracker.nearest_turn(arm, self._robot.home)

    def _open_m(self, arm: CommandedArm) -> float:
        """Return how far the hand still has to open [m]."""
        return self._robot.config.gripper.opening_max_m - arm.gripper_m
