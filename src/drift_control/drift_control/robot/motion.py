"""The commanded motion: position, velocity and acceleration of the joints, changed only within the limits."""

from dataclasses import dataclass

import numpy as np
import ruckig

from drift_control.robot.pose import Array
from drift_control.robot.robot import Robot

# Where a braking path is looked at, as parts of its duration: closely at its start, where the speed peaks.
SAMPLE_TIMES = np.linspace(0.0, 1.0, 12) ** 2
INDEPENDENT = getattr(ruckig.Synchronization, "No")  # noqa: B009
TOGETHER = ruckig.Synchronization.Phase
MARGIN = 0.999  # of the limits, so that rounding does not exceed them


@dataclass(frozen=True)
class MotionState:
    """Commanded motion of the joints at one time."""

    q: Array  # (J,) [rad]
    v: Array  # (J,) [rad/s]
    a: Array  # (J,) [rad/s^2]

    @staticmethod
    def standstill(q: Array) -> "MotionState":
        """Return the state of standing at `q`."""
        return MotionState(np.array(q, dtype=float), np.zeros(len(q)), np.zeros(len(q)))

    @property
    def still(self) -> bool:
        """True when nothing moves."""
        return not (self.v.any() or self.a.any())


@dataclass(frozen=True)
class BrakingPath:
    """The motion from a state to standstill at full braking."""

    times_s: Array  # (N,) from the state on, the first 0
    q: Array  # (N, J)
    v: Array  # (N, J) [rad/s]


class Motion:
    """Jerk-limited steps of one tick, by ruckig's velocity interface.

    On the way to a wanted velocity the joints are independent. When braking they stop together: motions of
    joints that cancel each other at the TCP go on doing so, instead of letting it shoot off as one stops.
    Braking has a jerk limit of its own, above that of motion: a command that is just speeding up must lose
    its acceleration before it slows down, and nobody beside the arm should have to wait for that.
    """

    def __init__(self, robot: Robot, dt_s: float) -> None:
        n = robot.n_joints
        self._dt_s = dt_s
        self._acceleration = robot.acceleration * MARGIN
        self._otg = ruckig.Ruckig(n, dt_s)
        self._input = ruckig.InputParameter(n)
        self._input.control_interface = ruckig.ControlInterface.Velocity
        self._input.max_velocity = robot.velocity.tolist()
        self._input.max_acceleration = self._acceleration.tolist()
        self._input.target_acceleration = [0.0] * n
        self._trajectory = ruckig.Trajectory(n)
        self._jerk = (robot.jerk * MARGIN).tolist()
        self._braking_jerk = (robot.braking_jerk * MARGIN).tolist()
        self._still = [0.0] * n

    def toward(self, state: MotionState, velocity: Array) -> MotionState:
        """Return the state one tick later when `velocity` (J,) [rad/s] is wanted."""
        self._plan(state, velocity.tolist(), INDEPENDENT, self._jerk)
        return MotionState(*map(np.array, self._trajectory.at_time(self._dt_s)[:3]))

    def brake(self, state: MotionState) -> MotionState:
        """Return the state one tick later when standstill is wanted; at the end exactly still."""
        self._plan(state, self._still, TOGETHER, self._braking_jerk)
        q, v, a = map(np.array, self._trajectory.at_time(self._dt_s)[:3])
        if self._trajectory.duration <= self._dt_s:
            return MotionState.standstill(q)
        return MotionState(q, v, a)

    def braking_path(self, state: MotionState) -> BrakingPath:
        """Return the way from `state` to standstill, sampled."""
        if state.still:
            return BrakingPath(np.zeros(1), state.q[None], state.v[None])
        self._plan(state, self._still, TOGETHER, self._braking_jerk)
        times = self._trajectory.duration * SAMPLE_TIMES
        q, v, _ = map(np.array, zip(*(self._trajectory.at_time(t)[:3] for t in times.tolist()), strict=True))
        return BrakingPath(times, q, v)

    def _plan(
        self, state: MotionState, velocity: list[float], how: ruckig.Synchronization, jerk: list[float]
    ) -> None:
        self._input.synchronization = how
        self._input.max_jerk = jerk
        self._input.current_position = state.q.tolist()
        self._input.current_velocity = state.v.tolist()
        # Rounding may leave the acceleration a hair above what ruckig accepts.
        self._input.current_acceleration = np.clip(state.a, -self._acceleration, self._acceleration).tolist()
        self._input.target_velocity = velocity
        result = self._otg.calculate(self._input, self._trajectory)
        if result not in (ruckig.Result.Working, ruckig.Result.Finished):
            raise ArithmeticError(f"ruckig refused {state} toward {velocity}: {result}")


def approach_velocity(error: Array, gain_1_s: float, acceleration: Array) -> Array:
    """Return velocities (J,) that close `error` (J,): proportional when near, braking in time when far.

    Half of the acceleration is planned with; the rest absorbs the time that ruckig needs to build it up.
    """
    size = np.abs(error)
    return np.sign(error) * np.minimum(gain_1_s * size, np.sqrt(acceleration * size))
