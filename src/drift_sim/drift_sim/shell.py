"""The stack in one process and in simulated time: deterministic, and faster than real time.

The same ControlLoop, PolicyLoop, Joystick, EpisodeWriter and expert as in the nodes; what the nodes get
from clocks, timers and the network comes here from a counter of the environment's ticks.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
from drift_config.errors import ConfigError
from drift_control.gate.state import CommandSource, State, wants_chunks
from drift_control.inputs import Chunk, Inputs, JointReading, JoyReading, Now, Requests
from drift_control.tick import Tick
from drift_core.arm import POINT
from drift_core.episodes import EpisodeKind, EpisodeMeta, EpisodeWriter, OutcomeName, StepRecord
from drift_core.observation.spec import Image
from drift_core.policy.loop import Actor
from drift_core.policy.policy import DiffusionPolicy
from drift_core.samplers import Sampler
from drift_core.task import TaskConfig

from drift_sim.environments.child import EnvironmentFault
from drift_sim.environments.environment import EXPERT_TOPIC, Environment, Expert, Loop
from drift_sim.expert.stick import GateView, Mode
from drift_sim.policy_driver import PolicyDriver, PolicyPace
from drift_sim.scenes.scene import TaskOutcome

START_S = 1000.0  # simulated ROS and steady time at which every episode starts
OUTCOME_NAMES: dict[TaskOutcome, OutcomeName] = {
    TaskOutcome.RUNNING: "failure",  # it took too long
    TaskOutcome.SUCCESS: "success",
    TaskOutcome.FAILURE: "failure",
}


E = TypeVar("E", bound=Environment)


@dataclass(frozen=True)
class EpisodeResult:
    """What happened in one episode."""

    seed: int
    success: bool
    outcome: OutcomeName
    score: float  # how well it went, in [0, 1]: 1 for a success, partial credit where the task gives it
    duration_s: float  # until the outcome, or all of it
    steps: int  # control steps
    expert_steps: int  # of these, driven by the expert
    hold_steps: int  # of these, neither policy nor expert drove
    interventions: int  # take-overs by the expert
    reasons: tuple[str, ...]  # of the take-overs
    chunks: int  # handed to the gate
    failures: int  # inferences whose output was not finite
    path: Path | None  # of the recorded episode
    fault: str = ""  # of the environment, which ended the episode; empty: none


@dataclass(frozen=True, eq=False)
class _Frame:
    """A picture on its way."""

    due: int  # tick of the environment at which it arrives
    camera: str
    picture: Image
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


class Shell(Generic[E]):
    """One environment; episodes are run one after the other and do not influence each other."""

    def __init__(self, environment: E) -> None:
        """ConfigError where a period of it is no multiple of its tick."""
        self.environment = environment
        # Periods in ticks.
        self.control_every = self._ticks(environment.control_s, "period of control")
        self.sensors_every = self._ticks(environment.sensors_s, "period of the sensors")
        self.frames_every = self._ticks(environment.task.dt_s, "dt_s")
        self.frame_delay = self._ticks(environment.camera_delay_s, "camera_delay_s", least=0)

    @property
    def task(self) -> TaskConfig:
        """The environment's task."""
        return self.environment.task

    def expert(self, mode: Mode, seed: int = 0) -> Expert:
        """Return the environment's expert; `mode` is "demonstrate" or "correct"."""
        return self.environment.expert(mode, seed)

    def writer(self, root: Path, episode_id: str, seed: int, kind: EpisodeKind) -> EpisodeWriter:
        """Return a writer for `run_episode`."""
        arm, task = self.environment.arm, self.task
        robot = POINT if arm is None else arm.name
        meta = EpisodeMeta(episode_id, robot, task.name, seed, kind, task.camera_specs, task.dt_s, START_S)
        return EpisodeWriter(root, replace(meta, rewarded=self.environment.rewarded))

    def run_episode(
        self,
        seed: int,
        policy: DiffusionPolicy | None = None,
        sampler: Sampler | None = None,
        expert: Expert | None = None,
        writer: EpisodeWriter | None = None,
        pace: PolicyPace | None = None,
        policy_version: int = 1,
        tail_s: float = 0.0,
        goal_moves_s: float | None = None,
        loop: Loop | None = None,
        duration_s: float | None = None,
        on_tick: Callable[[Tick], None] = lambda tick: None,
    ) -> EpisodeResult:
        """Reset to `seed`, run until the outcome or `max_duration_s`, and close `writer`.

        An environment that fails ends the episode as a failure, whose result names the `fault`.

        `tail_s` goes on after a success, so that a demonstration ends with the arm at rest.
        `goal_moves_s`: when the goal jumps to another place (`move_goal`).
        `loop`: in place of the environment's. `duration_s`: run as long as this, whatever happens.
        `on_tick` is told every control step.
        """
        driver = None
        if policy is not None:
            if sampler is None or pace is None:
                raise ConfigError("sampler and pace must be given with a policy")
            actor = Actor(policy, sampler, policy_version)
            keep = {} if writer is None else {"on_chunk": writer.add_chunk}
            driver = PolicyDriver(actor, self.task, self.environment.arm, pace, seed, **keep)
        if expert is not None:
            expert.reset(seed)
        run = _Run(self, driver, expert, writer, on_tick, loop)
        try:
            return run.run(seed, tail_s, goal_moves_s, duration_s)
        except EnvironmentFault as fault:
            return run.failed(seed, str(fault))
        except BaseException:
            if writer is not None:
                writer.abort()
            raise

    def to_next_event(self, n: int) -> int:
        """Return the ticks from tick `n` to the next reading or control step."""
        return min(every - n % every for every in (self.control_every, self.sensors_every, self.frames_every))

    def ticks(self, duration_s: float) -> int:
        """Return a duration in whole ticks of the environment."""
        return round(duration_s / self.environment.tick_s)

    def close(self) -> None:
        """End what runs for the environment."""
        self.environment.close()

    def _ticks(self, period_s: float, name: str, least: int = 1) -> int:
        """Return a period in ticks; ConfigError if it is no multiple of one."""
        count, tick_s = self.ticks(period_s), self.environment.tick_s
        if count < least or abs(count * tick_s - period_s) > 1e-9:
            raise ConfigError(f"{name}={period_s} must be a multiple of the simulation's step, {tick_s} s")
        return count


class _Run:
    """One episode: what is on its way, who drives, and what is counted."""

    def __init__(
        self,
        shell: Shell,
        driver: PolicyDriver | None,
        expert: Expert | None,
        writer: EpisodeWriter | None,
        on_tick: Callable[[Tick], None],
        loop: Loop | None,
    ) -> None:
        self._on_tick = on_tick
        self._shell, self._driver, self._expert, self._writer = shell, driver, expert, writer
        self._environment: Environment = shell.environment
        self._loop: Loop = loop or shell.environment.loop()
        self._on_the_way: list[_Frame] = []
        self._sensed: JointReading | None = None
        self._chunk: Chunk | None = None
        self._tick: Tick | None = None
        self._counts = _Counts()
        self._done_s = 0.0  # of the episode [s]

    def run(
        self, seed: int, tail_s: float, goal_moves_s: float | None, duration_s: float | None
    ) -> EpisodeResult:
        """Reset to `seed` and run to the end."""
        shell, environment = self._shell, self._environment
        limit = shell.ticks(shell.task.max_duration_s if duration_s is None else duration_s)
        environment.reset(seed)
        n, end = 0, limit  # ticks: so far, at which to stop
        decided: int | None = None  # at the outcome
        move = None if goal_moves_s is None else shell.ticks(goal_moves_s)
        while n < end:
            self._done_s = n * environment.tick_s
            if move is not None and n >= move:
                environment.move_goal()
                move = None
            now_s = START_S + n * environment.tick_s
            self._sense(now_s, n)
            if n % shell.control_every == 0:
                self._control(now_s)
            pause = shell.to_next_event(n)
            environment.advance(pause)
            n += pause
            if self._writer is not None and environment.rewarded:
                self._writer.add_reward(environment.reward(), START_S + n * environment.tick_s)
            now = environment.outcome()
            if decided is None and now is not TaskOutcome.RUNNING:
                decided = n
                if duration_s is None:
                    end = n + (shell.ticks(tail_s) if now is TaskOutcome.SUCCESS else 0)
        done = limit if decided is None else decided
        outcome, score = OUTCOME_NAMES[environment.outcome()], environment.score()
        return self._result(seed, outcome, score, done * environment.tick_s)

    def failed(self, seed: int, fault: str) -> EpisodeResult:
        """Close what was recorded until the environment failed."""
        return self._result(seed, "failure", None, self._done_s, fault)

    def _result(
        self, seed: int, outcome: OutcomeName, score: float | None, duration_s: float, fault: str = ""
    ) -> EpisodeResult:
        return EpisodeResult(
            seed=seed,
            success=outcome == "success",
            outcome=outcome,
            score=float(outcome == "success") if score is None else score,
            duration_s=duration_s,
            steps=self._counts.steps,
            expert_steps=self._counts.expert,
            hold_steps=self._counts.hold,
            interventions=len(self._counts.reasons),
            reasons=tuple(self._counts.reasons.values()),
            chunks=self._driver.loop.made if self._driver else 0,
            failures=self._driver.failures if self._driver else 0,
            path=self._writer.close(outcome, score) if self._writer is not None else None,
            fault=fault,
        )

    def _sense(self, now_s: float, n: int) -> None:
        """Read the sensors, take pictures, and hand on what arrives now."""
        shell = self._shell
        if n % shell.sensors_every == 0:
            sensed = self._environment.observe()
            self._sensed = JointReading(sensed.positions, sensed.gripper_m, now_s, now_s)
            sample = sensed.learned, sensed.gripper_m, now_s, now_s
            if self._driver is not None:
                self._driver.loop.put_joints(*sample)
            if self._writer is not None:
                self._writer.add_joints(*sample)
        if n % shell.frames_every == 0 and self._looks(now_s):
            cameras, due = (camera.name for camera in shell.task.cameras), n + shell.frame_delay
            self._on_the_way += [
                _Frame(due, name, self._environment.picture(name), now_s) for name in cameras
            ]
        while self._on_the_way and self._on_the_way[0].due <= n:
            frame = self._on_the_way.pop(0)
            if self._driver is not None:
                self._driver.loop.put_frame(frame.camera, frame.picture, frame.stamp_s, now_s)
            if self._writer is not None:
                self._writer.add_frame(frame.camera, np.asarray(frame.picture), frame.stamp_s, now_s)
        if self._driver is not None and n % shell.sensors_every == 0:
            self._chunk = self._driver.step(now_s) or self._chunk

    def _looks(self, now_s: float) -> bool:
        """Whether anybody may look at a picture taken now; if not, it is not taken."""
        if self._writer is not None or self._driver is None:
            return self._writer is not None
        return not self._environment.waits or self._driver.loop.looks(now_s)

    def _control(self, now_s: float) -> None:
        """One tick of the gate."""
        arm = self._tick is None or not self._tick.armed
        inputs = Inputs(self._sensed, self._joys(now_s), self._chunk, Requests(arm=arm))
        tick = self._tick = self._loop.tick(inputs, Now(now_s, now_s))
        self._environment.act(tick, now_s)
        if self._driver is not None:
            self._driver.loop.put_gate(tick.epoch, wants_chunks(tick.state, tick.armed))
        if self._writer is not None:
            self._writer.add_step(StepRecord.of(tick))
        self._counts.add(tick, self._expert.reason if self._expert is not None else "")
        self._on_tick(tick)

    def _joys(self, now_s: float) -> dict[str, JoyReading]:
        """What the expert's hand does now; nothing without an expert."""
        if self._expert is None or self._sensed is None:
            return {}
        tick = self._tick
        gate = GateView(tick.state, tick.armed, tick.epoch) if tick else GateView(State.HOLD, False, 0)
        sensed = self._sensed
        stick = self._expert.act(
            self._environment.truth(), sensed.positions_rad, sensed.gripper_m, gate, now_s
        )
        return {EXPERT_TOPIC: JoyReading(stick.axes, stick.buttons, now_s, now_s)}
