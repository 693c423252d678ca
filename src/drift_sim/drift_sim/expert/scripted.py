"""A stand-in for the person: looks at the true state and moves the stick of the joystick, a rate device."""

import numpy as np
from drift_control.gate.state import State
from drift_control.robot.robot import Robot
from drift_control.teleop.joystick import Joystick
from drift_core.task import TaskConfig

from drift_sim.expert.disagreement import Disagreement
from drift_sim.expert.grip import Grip
from drift_sim.expert.person import ATTENTIVE, Person
from drift_sim.expert.stick import GateView, Mode, ScriptedStick
from drift_sim.expert.tremor import Tremor
from drift_sim.scenes import make_arm_scene
from drift_sim.scenes.scene import ExpertMotion, TaskPhase, Truth, View


class ScriptedExpert:
    """Drive all the time (`demonstrate`), or take over only when the policy strays or stalls (`correct`)."""

    def __init__(
        self,
        task: TaskConfig,
        robot: Robot,
        joystick: Joystick,
        mode: Mode,
        seed: int = 0,
        tremor_m_s: float | None = None,
        person: Person = ATTENTIVE,
    ) -> None:
        """`tremor_m_s`: standard deviation of the hand's tremor in demonstrations; None: the task's own.

        `person`: who corrects.
        """
        self._scene = make_arm_scene(task)
        self._person, self._config = person, person.config(self._scene.expert)
        self._robot = robot
        self._joystick = joystick
        self._mode = mode
        self._tremor_m_s = self._config.tremor_m_s if tremor_m_s is None else tremor_m_s
        self._plan = self._scene.plan(robot.forward(robot.home))
        self.reset(seed)

    def reset(self, seed: int) -> None:
        """Forget the running episode; `seed` is that of the tremor, and of the person's own randomness."""
        rng = np.random.default_rng([seed, 0x7E])
        config = self._config
        self._tremor = Tremor(self._tremor_m_s, config.tremor_time_s, rng)
        self._count = 0  # of readings
        self._supervisor = self._person.rule(config, np.random.default_rng([seed, 0x6A]))
        threshold = config.cosine_threshold
        self._disagreement = None if threshold is None else Disagreement(threshold)
        self._grip = Grip()
        self.cost_to_go = float("nan")  # at the last reading [ticks of 0.1 s]
        self.phase = TaskPhase.REST

    @property
    def driving(self) -> bool:
        """True while the expert wants to hold the enable button."""
        return self._mode == "demonstrate" or self._supervisor.driving

    @property
    def reason(self) -> str:
        """Why the expert took over last."""
        return self._supervisor.reason

    def act(
        self, truth: Truth, q: np.ndarray, gripper_m: float, gate: GateView, now_s: float
    ) -> ScriptedStick:
        """Return the stick and buttons for joint positions `q` (J,) [rad] and an opening [m]."""
        view = View(self._robot.forward(q), gripper_m, truth)
        wish = self._plan.wish(view)
        self.phase = wish.phase
        self.cost_to_go = self._plan.cost_to_go(view)
        if not gate.armed or gate.state in (State.HOMING, State.FAULT):
            self.rest()
            return self.hands_off()
        if self._mode == "correct":
            done, policy_drives = wish.phase is TaskPhase.REST, gate.state is State.POLICY
            disagrees = self._disagrees(view, wish, policy_drives, now_s)
            self._supervisor.update(self.cost_to_go, done, policy_drives, now_s, disagrees)
        if not self._grip.hold(self.driving, gate.state is State.EXPERT, now_s):
            return self.hands_off()
        linear = wish.linear_m_s
        shakes = self._mode == "demonstrate" or self._person.shakes
        if shakes and wish.phase in (TaskPhase.APPROACH, TaskPhase.CARRY):
            # A hand that slows down for the last centimetres is steadier, too.
            share = float(np.linalg.norm(linear)) / self._config.linear_m_s
            linear = linear + min(1.0, share) * self._tremor(now_s)
        return self._stick(True, linear, wish.angular_rad_s, wish.gripper)

    def _disagrees(self, view: View, wish: ExpertMotion, policy_drives: bool, now_s: float) -> bool:
        if self._disagreement is None:
            return False
        if not policy_drives:
            self._disagreement.forget()
            return False
        return self._disagreement.update(view.tcp.position, wish.linear_m_s, now_s)

    def rest(self) -> None:
        """Let go, and forget what the policy has done so far."""
        self._supervisor.forget()
        self._grip.release()

    def hands_off(self) -> ScriptedStick:
        """Return a joystick that nobody touches."""
        return self._stick(False, np.zeros(3), np.zeros(3), 0)

    def _stick(self, enabled: bool, linear: np.ndarray, angular: np.ndarray, gripper: int) -> ScriptedStick:
        self._count += 1
        return ScriptedStick(*self._joystick.encode(enabled, linear, angular, gripper, count=self._count))
