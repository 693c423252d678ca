"""The last resort when the control loop itself fails: brake from the last command to a standstill."""

import numpy as np
from drift_control.robot.motion import Motion, MotionState
from drift_control.robot.robot import Robot


class EmergencyBrake:
    """Remember what was commanded; from then on every call slows down within the robot's limits."""

    def __init__(self, robot: Robot, dt_s: float) -> None:
        self._motion = Motion(robot, dt_s)
        self._robot, self._dt_s = robot, dt_s
        self._state: MotionState | None = None
        self._low, self._high = robot.low, robot.high
        self.gripper_m: float | None = None  # stays as last commanded

    def note(self, command_rad: np.ndarray, gripper_m: float) -> None:
        """Remember a command (J,) that has been sent."""
        if self._state is None:
            velocity = np.zeros(len(command_rad))
        else:
            velocity = (command_rad - self._state.q) / self._dt_s
        velocity = np.clip(velocity, -self._robot.velocity, self._robot.velocity)
        self._state = MotionState(command_rad.copy(), velocity, np.zeros(len(command_rad)))
        # an arm may have been armed a little beyond its limits: it must not leap back to them
        self._low = np.minimum(self._robot.low, command_rad)
        self._high = np.maximum(self._robot.high, command_rad)
        self.gripper_m = gripper_m

    def forget(self) -> None:
        """Nothing is commanded any more; the arm may be moved by others."""
        self._state = None

    def command(self) -> np.ndarray | None:
        """Return the next command (J,) on the way to standstill; None if nothing was ever commanded."""
        if self._state is None:
            return None
        self._state = self._motion.brake(self._state)
        return np.clip(self._state.q, self._low, self._high)

    @property
    def velocity(self) -> np.ndarray | None:
        """The commanded velocity (J,) [rad/s]."""
        return None if self._state is None else self._state.v

    @property
    def still(self) -> bool:
        """The commanded motion has ended."""
        return self._state is None or self._state.still
