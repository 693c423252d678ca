"""A stand-in for the person: looks at the true state and moves the stick of the joystick, a rate device."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from drift_control.gate_state import State
from drift_control.joystick import Joystick
from drift_control.robot import Robot
from drift_core.task import TaskConfig
from drift_sim.expert.phases import Phase, PickAndPlace, View, Wish, hand_yaw
from drift_sim.expert.supervisor import Supervisor
from drift_sim.expert.tremor import Tremor
from drift_sim.scene_config import parse_scene
from drift_sim.world import Truth

Mode = Literal["demonstrate", "correct"]


@dataclass(frozen=True)
class GateView:
    """What the expert reads of the gate."""

    state: State
    armed: bool
    epoch: int


@dataclass(frozen=True)
class Stick:
    """One joystick reading."""

    axes: tuple[float, ...]
    buttons: tuple[int, ...]


class ScriptedExpert:
    """Drive all the time (`demonstrate`), or take over only when the policy strays or stalls (`correct`)."""

    def __init__(
        self, task: TaskConfig, robot: Robot, joystick: Joystick, mode: Mode, seed: int = 0
    ) -> None:
        self._scene = parse_scene(task)
        self._robot = robot
        self._joystick = joystick
        self._mode = mode
        self._plan = PickAndPlace(self._scene, hand_yaw(robot.forward(robot.home).rotation))
        self.reset(seed)

    def reset(self, seed: int) -> None:
        """Forget the running episode; `seed` is that of the tremor."""
        rng = np.random.default_rng([seed, 0x7E])
        config = self._scene.expert
        self._tremor = Tremor(config.tremor_m_s, config.tremor_time_s, rng)
        self._count = 0  # of readings
        self._supervisor = Supervisor(config)
        self.cost_to_go = float("nan")  # at the last reading [ticks of 0.1 s]
        self.phase = Phase.REST

    @property
    def driving(self) -> bool:
        """True while the enable button is held."""
        return self._mode == "demonstrate" or self._supervisor.driving

    @property
    def reason(self) -> str:
        """Why the expert took over last."""
        return self._supervisor.reason

    def act(self, truth: Truth, q: np.ndarray, gripper_m: float, gate: GateView, now_s: float) -> Stick:
        """Return the stick and buttons for joint positions `q` (J,) [rad] and an opening [m]."""
        view = View(self._robot.forward(q), gripper_m, truth)
        wish = self._plan.wish(view)
        self.phase = wish.phase
        self.cost_to_go = self._plan.cost_to_go(view)
        if self._mode == "correct":
            done = wish.phase is Phase.REST
            self._supervisor.update(self.cost_to_go, done, gate.state is State.POLICY, now_s)
        return self._stick(wish, now_s)

    def _stick(self, wish: Wish, now_s: float) -> Stick:
        """Encode the wish, enable button and all; a released stick when the policy shall drive."""
        self._count += 1
        linear = wish.linear_m_s
        if self._mode == "demonstrate" and wish.phase in (Phase.APPROACH, Phase.CARRY):
            linear = linear + self._tremor(now_s)
        if self.driving:
            return Stick(
                *self._joystick.encode(True, linear, wish.angular_rad_s, wish.gripper, count=self._count)
            )
        return Stick(*self._joystick.encode(False, np.zeros(3), np.zeros(3), 0, count=self._count))
