"""The gate's loop, a controller and its arm around one another, in simulated time."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from drift_control.horizon import RollingHorizon
from drift_control.robot.pose import Array
from drift_control.testing.bench import Bench
from drift_control.tick import Tick

from drift_sim.ros2_control.controller_manager import ControllerManager
from drift_sim.ros2_control.trajectory_controller import Trajectory

Message = Trajectory | Array


class Messages:
    """What the gate sends for a tick, by either interface."""

    def __init__(self, bench: Bench) -> None:
        robot = self._robot = bench.robot
        self._by_trajectory = robot.config.command_interface == "joint_trajectory"
        self._horizon = RollingHorizon(bench.config.dt_s, robot.low, robot.high)

    def of(self, tick: Tick, now_s: float) -> Message | None:
        """Return the message of a tick, None where nothing is sent."""
        if not tick.sent or tick.command is None or tick.velocity is None:
            self._horizon.forget()
            return None
        if not self._by_trajectory:
            return tick.command
        horizon = self._horizon.next(tick.command, tick.velocity, now_s)
        return Trajectory(self._robot.config.joint_names, horizon.due_s, horizon.q, horizon.v)


@dataclass(frozen=True)
class Course:
    """What happened, one row per cycle of the controller."""

    times_s: Array  # (N,)
    output: Array  # (N, J) [rad] what the arm was told
    q: Array  # (N, J) [rad] where it was
    v: Array  # (N, J) [rad/s]

    @property
    def output_speed(self) -> Array:
        """The output's steps as speeds (N - 1, J) [rad/s]."""
        return np.diff(self.output, axis=0) / np.diff(self.times_s)[:, None]

    @property
    def acceleration(self) -> Array:
        """Acceleration of the arm (N - 1, J) [rad/s^2]."""
        return np.diff(self.v, axis=0) / np.diff(self.times_s)[:, None]


class ClosedLoop:
    """Tick the gate, carry its message to the controller, run the controller until the next tick."""

    def __init__(
        self,
        bench: Bench,
        manager: ControllerManager,
        message_of: Callable[[Tick, float], Message | None] | None = None,
        activity: bool = False,
    ) -> None:
        """`message_of` makes the message of a tick at a time; left out: as the gate does.

        `activity`: the gate is told, with the next tick, whether the controller is active.
        """
        self.bench, self.manager = bench, manager
        bench.follows = False  # the arm is the manager's
        self._activity = activity
        self._message_of = message_of or Messages(bench).of
        self._under_way: deque[tuple[float, Message]] = deque()  # time of arrival, message
        self._rows: list[tuple[float, Array, Array, Array]] = []
        self.refused = ""  # the last refusal of the controller

    def tick(self, *, late_s: float = 0.0, lost: bool = False, **inputs) -> Tick:
        """Run one tick of the gate; its message arrives `late_s` after it, or never."""
        manager, bench = self.manager, self.bench
        bench.q = manager.arm.q.copy()
        if self._activity:
            bench.controller_trouble = "" if manager.controller.active else "the controller is inactive"
        tick = bench.tick(**inputs)
        message = self._message_of(tick, manager.time_s)
        if message is not None and not lost:
            last_s = self._under_way[-1][0] if self._under_way else 0.0
            self._under_way.append((max(manager.time_s + late_s, last_s), message))
        for _ in range(round(bench.config.dt_s / manager.period_s)):
            while self._under_way and self._under_way[0][0] <= manager.time_s + 1e-9:
                _, message = self._under_way.popleft()
                self.refused = manager.controller.accept(message, manager.time_s) or self.refused
            manager.step()
            self._rows.append((manager.time_s, manager.output, manager.arm.q, manager.arm.v))
        return tick

    def run(self, seconds: float, **inputs) -> Tick:
        """Repeat a tick; values that can be called are called for each."""
        for _ in range(round(seconds / self.bench.config.dt_s)):
            tick = self.tick(**{k: v() if callable(v) else v for k, v in inputs.items()})
        return tick

    def course(self, since_s: float = 0.0) -> Course:
        """Return what happened after `since_s`."""
        rows = [row for row in self._rows if row[0] > since_s + 1e-9]
        return Course(*(np.array(column) for column in zip(*rows, strict=True)))
