"""Our own MuJoCo scenes: an arm with a hand on a table, driven through the arm's gate and guard."""

from drift_control.gate.config import GateConfig
from drift_control.horizon import RollingHorizon
from drift_control.loop import ControlLoop
from drift_control.robot.robot import Robot
from drift_control.teleop.joystick import Joystick
from drift_control.tick import Tick
from drift_core.arm import ArmModel
from drift_core.observation.spec import Image
from drift_core.task import TaskConfig

from drift_sim.cell import TIMESTEP_S
from drift_sim.environments.environment import EXPERT_TOPIC, Loop, Sensed
from drift_sim.environments.seeing_arm import Seeing
from drift_sim.errors import SimulationError
from drift_sim.expert.person import ATTENTIVE, Person
from drift_sim.expert.scripted import Mode, ScriptedExpert
from drift_sim.ros2_control.trajectory_controller import Trajectory
from drift_sim.scenes.scene import TaskOutcome, Truth
from drift_sim.world import World

JOINT_STATES_HZ = 100.0


class ArmCell:
    """One arm with one task."""

    tick_s = TIMESTEP_S
    sensors_s = 1.0 / JOINT_STATES_HZ
    waits = False
    rewarded = False

    def __init__(
        self,
        robot: Robot,
        task: TaskConfig,
        gate: GateConfig,
        joystick: Joystick,
        camera_delay_s: float = 0.02,
        sees: Seeing | None = None,
    ) -> None:
        """`joystick`: what the expert holds; `sees`: what learning is given in the place of the joints.

        Errors as of `World`.
        """
        self.robot, self.task, self.gate, self.joystick = robot, task, gate, joystick
        self._sees, self._seer = sees, None if sees is None else sees(robot)
        self.arm: ArmModel = self._seer or robot
        self.camera_delay_s = camera_delay_s
        self.world = World(robot, task)
        self._horizon = self._new_horizon()

    @property
    def control_s(self) -> float:
        """Period of the gate [s]."""
        return 1.0 / self.gate.rate_hz

    def reset(self, seed: int) -> None:
        """Home, and put the things where `seed` wants them."""
        self._horizon = self._new_horizon()
        self.world.reset(seed)

    def observe(self) -> Sensed:
        """Return joints and opening, and what is seen in the place of the joints."""
        q = self.world.joint_positions()
        seen = None if self._seer is None else self._seer.seen(q, self.world.truth())
        return Sensed(q, self.world.gripper_m(), seen)

    def picture(self, camera: str) -> Image:
        """Return what `camera` sees now, drawn when somebody looks at it."""
        return self.world.picture(camera)

    def loop(self) -> Loop:
        """Return the control loop of the gate node."""
        return ControlLoop(self.gate, self.robot, {EXPERT_TOPIC: self.joystick})

    def act(self, tick: Tick, now_s: float) -> None:
        """Tell the arm what the tick says, by the interface that it has."""
        if tick.command is None or tick.velocity is None or tick.gripper_m is None:
            return
        if self.robot.config.command_interface == "joint_trajectory":
            horizon = self._horizon.next(tick.command, tick.velocity, now_s)
            names = self.robot.config.joint_names
            self.world.follow(Trajectory(names, horizon.due_s, horizon.q, horizon.v))
        else:
            self.world.set_joint_command(tick.command)
        self.world.set_gripper_command(tick.gripper_m)

    def advance(self, ticks: int) -> None:
        """Step the physics."""
        self.world.step(ticks)

    def outcome(self) -> TaskOutcome:
        """Return what the scene says."""
        return self.world.outcome()

    def reward(self) -> float:
        """Its scenes give none: SimulationError."""
        raise SimulationError(f"task {self.task.name} gives no reward for a step")

    def score(self) -> float:
        """Return the world's."""
        return self.world.score()

    def truth(self) -> Truth:
        """Return where the things are."""
        return self.world.truth()

    def move_goal(self) -> None:
        """Move the goal inside the region that it starts in."""
        self.world.move_goal()

    def expert(
        self, mode: Mode, seed: int = 0, tremor_m_s: float | None = None, person: Person = ATTENTIVE
    ) -> ScriptedExpert:
        """Return a scripted expert for this arm and task; `tremor_m_s` and `person` as for it."""
        return ScriptedExpert(self.task, self.robot, self.joystick, mode, seed, tremor_m_s, person)

    def another(self, task: TaskConfig | None = None, robot: Robot | None = None) -> "ArmCell":
        """Return a cell with another task or arm, and the same gate, joystick and sensors."""
        robot, task = robot or self.robot, task or self.task
        return ArmCell(robot, task, self.gate, self.joystick, self.camera_delay_s, self._sees)

    def close(self) -> None:
        """Free the renderer."""
        self.world.close()

    def _new_horizon(self) -> RollingHorizon:
        return RollingHorizon(self.gate.dt_s, self.robot.low, self.robot.high)
