"""A person who waves the arm about by the joystick: what the latency of a camera is measured with."""

import numpy as np
from drift_control.gate.state import State
from drift_control.robot.robot import Robot
from drift_control.teleop.joystick import Joystick

from drift_sim.expert.grip import Grip
from drift_sim.expert.stick import GateView, ScriptedStick
from drift_sim.scenes.scene import Truth

_REACH_M = 0.10  # from the place where it began
_PAUSE = 0.25  # share of the strokes for which the hand rests
_BEFORE_S = 0.5  # hands off


class Waver:
    """Drive to and fro by strokes of irregular length and direction, turning the hand along."""

    reason = ""

    def __init__(self, robot: Robot, joystick: Joystick, seed: int = 0) -> None:
        self._robot, self._joystick = robot, joystick
        self.reset(seed)

    def reset(self, seed: int) -> None:
        """Begin anew; `seed` is that of the strokes."""
        self._rng = np.random.default_rng([seed, 0x3A])
        self._count = 0
        self._grip = Grip()
        self._start_m: np.ndarray | None = None
        self._from_s = np.inf
        self._until_s = -np.inf
        self._linear, self._angular = np.zeros(3), np.zeros(3)

    def act(
        self, truth: Truth, q: np.ndarray, gripper_m: float, gate: GateView, now_s: float
    ) -> ScriptedStick:
        """Return stick and buttons at joint positions `q` (J,) [rad]."""
        tcp_m = self._robot.forward(q).position
        if self._start_m is None:
            self._start_m, self._from_s = tcp_m, now_s + _BEFORE_S
        if now_s >= self._until_s:
            self._stroke(tcp_m - self._start_m, now_s)
        self._count += 1
        wanted = gate.armed and now_s >= self._from_s and gate.state not in (State.HOMING, State.FAULT)
        enabled = self._grip.hold(wanted, gate.state is State.EXPERT, now_s)
        share = float(enabled)  # the gate wants to see the stick at rest before
        stick = self._joystick.encode(
            enabled, share * self._linear, share * self._angular, 0, count=self._count
        )
        return ScriptedStick(*stick)

    def _stroke(self, away_m: np.ndarray, now_s: float) -> None:
        """Draw how to move next, and for how long: back, where the hand is far away."""
        rng, config = self._rng, self._joystick.config
        self._until_s = now_s + rng.uniform(0.3, 1.1)
        if rng.random() < _PAUSE:
            self._linear, self._angular = np.zeros(3), np.zeros(3)
            return
        direction = rng.normal(size=3) - 2.0 * away_m / _REACH_M
        self._linear = config.linear_speed_m_s * rng.uniform(0.5, 1.0) * direction / np.linalg.norm(direction)
        self._angular = config.angular_speed_rad_s * rng.uniform(-0.4, 0.4, size=3) * (0.0, 0.0, 1.0)
