"""The stack in one process and in simulated time: deterministic, and faster than real time.

The same ControlLoop, PolicyLoop, Joystick, EpisodeWriter and expert as in the nodes; what the nodes get
from clocks, timers and the network comes here from a counter of physics steps.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from drift_config.errors import ConfigError
from drift_control.gate.state import CommandSource, State, wants_chunks
from drift_control.horizon import RollingHorizon
from drift_control.inputs import Chunk, Inputs, JointReading, JoyReading, Now, Requests
from drift_control.loop import ControlLoop, GateConfig, Tick
from drift_control.robot.robot import Robot
from drift_control.teleop.joystick import Joystick
from drift_core.episodes import EpisodeKind, EpisodeMeta, EpisodeWriter, OutcomeName, StepRecord
from drift_core.policy.loop import Actor
from drift_core.policy.policy import DiffusionPolicy
from drift_core.samplers import Sampler
from drift_core.task import TaskConfig

from drift_sim.camera import Picture
from drift_sim.cell import TIMESTEP_S
from drift_sim.expert.scripted import GateView, Mode, ScriptedExpert
from drift_sim.policy_driver import PolicyDriver, PolicyPace
from drift_sim.ros2_control.trajectory_controller import Trajectory
from drift_sim.scenes.scene import TaskOutcome
from drift_sim.world import World

START_S = 1000.0  # simulated ROS and steady time at which every episode starts
JOINT_STATES_HZ = 100.0
_JOY = "expert/joy"
OUTCOME_NAMES: dict[TaskOutcome, OutcomeName] = {
    TaskOutcome.RUNNING: "failure",  # it took too long
    TaskOutcome.SUCCESS: "success",
    TaskOutcome.FAILURE: "failure",
}


class Loop(Protocol):
    """Who tells the arm what to do; the control loop, but for a record that is driven again."""

    def tick(self, inputs: Inputs, now: Now) -> Tick:
        """Return what to tell the arm now."""


@dataclass(frozen=True)
class EpisodeResult:
    """What happened in one episode."""

    seed: int
    success: bool
    outcome: OutcomeName
    duration_s: float  # until the outcome, or all of it
    steps: int  # control steps
    expert_steps: int  # of these, driven by the expert
    hold_steps: int  # of these, neither policy nor expert drove
    interventions: int  # take-overs by the expert
    reasons: tuple[str, ...]  # of the take-overs
    chunks: int  # handed to the gate
    failures: int  # inferences whose output was not finite
    path: Path | None  # of the recorded episode


@dataclass(frozen=True, eq=False)
class _Frame:
    """A picture on its way."""

    due: int  # physics step at which it arrives
    camera: str
    picture: Picture
    stamp_s: float


@dataclass
class _Counts:
    """Control steps by who drove."""

    steps: int = 0
    expert: int = 0
    hold: int = 0
    reasons: dict[int, str] = field(default_factory=dict)  # why, by intervention_id

    def add(self, tick: Tick, reason: str) -> None:
        self.steps += 1
        self.expert += tick.source == CommandSource.EXPERT
        self.hold += tick.source == CommandSource.HOLD
        if tick.source == CommandSource.EXPERT:
            self.reasons.setdefault(tick.intervention_id, reason)


class Shell:
    """One arm with one task; episodes are run one after the other and do not influence each other."""

    def __init__(
        self,
        robot: Robot,
        task: TaskConfig,
        gate: GateConfig,
        joystick: Joystick,
        camera_delay_s: float = 0.02,
    ) -> None:
        """`camera_delay_s`: from the stamp of an image to its arrival [s]."""
        self.robot, self.task, self.joystick = robot, task, joystick
        self.world = World(robot, task)
        self.gate = gate
        # Periods in physics steps.
        self.control_every = _physics_steps(1.0 / gate.rate_hz, "1 / rate_hz")
        self.joints_every = _physics_steps(1.0 / JOINT_STATES_HZ, "period of joint_states")
        self.frames_every = _physics_steps(task.dt_s, "dt_s")
        self.frame_delay = _physics_steps(camera_delay_s, "camera_delay_s")

    def expert(self, mode: Mode, seed: int = 0, tremor_m_s: float | None = None) -> ScriptedExpert:
        """Return a scripted expert for this arm and task; `mode` is "demonstrate" or "correct"."""
        return ScriptedExpert(self.task, self.robot, self.joystick, mode, seed, tremor_m_s)

    def writer(self, root: Path, episode_id: str, seed: int, kind: EpisodeKind) -> EpisodeWriter:
        """Return a writer for `run_episode`."""
        cameras = self.task.camera_specs
        robot, task = self.robot.config.name, self.task.name
        meta = EpisodeMeta(episode_id, robot, task, seed, kind, cameras, self.task.dt_s, START_S)
        return EpisodeWriter(root, meta)

    def run_episode(
        self,
        seed: int,
        policy: DiffusionPolicy | None = None,
        sampler: Sampler | None = None,
        expert: ScriptedExpert | None = None,
        writer: EpisodeWriter | None = None,
        pace: PolicyPace | None = None,
        policy_version: int = 1,
        tail_s: float = 0.0,
        goal_moves_s: float | None = None,
        loop: Loop | None = None,
        duration_s: float | None = None,
        on_tick: Callable[[Tick], None] = lambda tick: None,
    ) -> EpisodeResult:
        """Home, reset to `seed`, run until the outcome or `max_duration_s`, and close `writer`.

        `tail_s` goes on after a success, so that a demonstration ends with the arm at rest.
        `goal_moves_s`: when the goal jumps to another place (`World.move_goal`).
        `loop`: in place of the control loop. `duration_s`: run as long as this, whatever happens.
        `on_tick` is told every control step.
        """
        driver = None
        if policy is not None:
            if sampler is None or pace is None:
                raise ConfigError("sampler and pace must be given with a policy")
            actor = Actor(policy, sampler, policy_version)
            driver = PolicyDriver(actor, self.task, self.robot, pace, seed)
        if expert is not None:
            expert.reset(seed)
        run = _Run(self, driver, expert, writer, on_tick, loop)
        try:
            return run.run(seed, tail_s, goal_moves_s, duration_s)
        except BaseException:
            if writer is not None:
                writer.abort()
            raise

    def to_next_event(self, n: int) -> int:
        """Return the physics steps from step `n` to the next reading or control tick."""
        return min(every - n % every for every in (self.control_every, self.joints_every, self.frames_every))

    def close(self) -> None:
        """Free the renderer."""
        self.world.close()


class _Run:
    """One episode: what is on its way, who drives, and what is counted."""

    def __init__(
        self,
        shell: Shell,
        driver: PolicyDriver | None,
        expert: ScriptedExpert | None,
        writer: EpisodeWriter | None,
        on_tick: Callable[[Tick], None],
        loop: Loop | None,
    ) -> None:
        self._on_tick = on_tick
        self._shell, self._driver, self._expert, self._writer = shell, driver, expert, writer
        self._world = shell.world
        self._loop: Loop = loop or ControlLoop(shell.gate, shell.robot, {_JOY: shell.joystick})
        self._horizon = RollingHorizon(shell.gate.dt_s, shell.robot.low, shell.robot.high)
        # Drawn when somebody looks: the recorder at each of them, the policy at the newest when it plans.
        self._cameras = [camera.name for camera in shell.task.cameras]
        self._on_the_way: list[_Frame] = []
        self._joints: JointReading | None = None
        self._chunk: Chunk | None = None
        self._tick: Tick | None = None
        self._counts = _Counts()

    def run(
        self, seed: int, tail_s: float, goal_moves_s: float | None, duration_s: float | None
    ) -> EpisodeResult:
        """Reset to `seed` and run to the end."""
        longest_s = self._shell.task.max_duration_s if duration_s is None else duration_s
        world, limit = self._world, round(longest_s / TIMESTEP_S)
        world.reset(seed)
        n, end, decided = 0, limit, limit  # physics steps: so far, at which to stop, at the outcome
        move = limit if goal_moves_s is None else round(goal_moves_s / TIMESTEP_S)
        while n < end:
            if n >= move:
                world.move_goal()
                move = limit
            now_s = START_S + n * TIMESTEP_S
            self._sense(now_s, n)
            if n % self._shell.control_every == 0:
                self._control(now_s)
            pause = self._shell.to_next_event(n)
            world.step(pause)
            n += pause
            if decided == limit and world.outcome() is not TaskOutcome.RUNNING:
                decided = n
                if duration_s is None:
                    end = n + (round(tail_s / TIMESTEP_S) if world.outcome() is TaskOutcome.SUCCESS else 0)
        outcome = OUTCOME_NAMES[world.outcome()]
        return EpisodeResult(
            seed=seed,
            success=outcome == "success",
            outcome=outcome,
            duration_s=decided * TIMESTEP_S,
            steps=self._counts.steps,
            expert_steps=self._counts.expert,
            hold_steps=self._counts.hold,
            interventions=len(self._counts.reasons),
            reasons=tuple(self._counts.reasons.values()),
            chunks=self._driver.loop.made if self._driver else 0,
            failures=self._driver.failures if self._driver else 0,
            path=self._writer.close(outcome) if self._writer is not None else None,
        )

    def _sense(self, now_s: float, n: int) -> None:
        """Read the joints, take pictures, and hand on what arrives now."""
        shell, world = self._shell, self._world
        if n % shell.joints_every == 0:
            joints = self._joints = JointReading(world.joint_positions(), world.gripper_m(), now_s, now_s)
            sample = joints.positions_rad, joints.gripper_m, joints.stamp_s, joints.arrival_s
            if self._driver is not None:
                self._driver.loop.put_joints(*sample)
            if self._writer is not None:
                self._writer.add_joints(*sample)
        if n % shell.frames_every == 0:
            due = n + shell.frame_delay
            self._on_the_way += [_Frame(due, name, world.picture(name), now_s) for name in self._cameras]
        while self._on_the_way and self._on_the_way[0].due <= n:
            frame = self._on_the_way.pop(0)
            if self._driver is not None:
                self._driver.loop.put_frame(frame.camera, frame.picture, frame.stamp_s, now_s)
            if self._writer is not None:
                self._writer.add_frame(frame.camera, np.asarray(frame.picture), frame.stamp_s, now_s)
        if self._driver is not None and n % shell.joints_every == 0:
            self._chunk = self._driver.step(now_s) or self._chunk

    def _control(self, now_s: float) -> None:
        """One tick of the gate."""
        arm = self._tick is None or not self._tick.armed
        inputs = Inputs(self._joints, self._joys(now_s), self._chunk, Requests(arm=arm))
        tick = self._tick = self._loop.tick(inputs, Now(now_s, now_s))
        self._command(tick, now_s)
        if self._driver is not None:
            self._driver.loop.put_gate(tick.epoch, wants_chunks(tick.state, tick.armed))
        if self._writer is not None:
            self._writer.add_step(StepRecord.of(tick))
        self._counts.add(tick, self._expert.reason if self._expert is not None else "")
        self._on_tick(tick)

    def _command(self, tick: Tick, now_s: float) -> None:
        """Tell the arm what the tick says, by the interface that it has."""
        if tick.command is None or tick.velocity is None or tick.gripper_m is None:
            return
        robot = self._shell.robot
        if robot.config.command_interface == "joint_trajectory":
            horizon = self._horizon.next(tick.command, tick.velocity, now_s)
            self._world.follow(Trajectory(robot.config.joint_names, horizon.due_s, horizon.q, horizon.v))
        else:
            self._world.set_joint_command(tick.command)
        self._world.set_gripper_command(tick.gripper_m)

    def _joys(self, now_s: float) -> dict[str, JoyReading]:
        """What the expert's hand does now; nothing without an expert."""
        if self._expert is None or self._joints is None:
            return {}
        tick = self._tick
        gate = GateView(tick.state, tick.armed, tick.epoch) if tick else GateView(State.HOLD, False, 0)
        q, opening_m = self._joints.positions_rad, self._joints.gripper_m
        stick = self._expert.act(self._world.truth(), q, opening_m, gate, now_s)
        return {_JOY: JoyReading(stick.axes, stick.buttons, now_s, now_s)}


def _physics_steps(period_s: float, name: str) -> int:
    """Return a period in physics steps."""
    steps = round(period_s / TIMESTEP_S)
    if steps < 1 or abs(steps * TIMESTEP_S - period_s) > 1e-9:
        raise ConfigError(f"{name}={period_s} must be a multiple of the physics step, {TIMESTEP_S} s")
    return steps
