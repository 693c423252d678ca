"""The policy at work: inputs come in, chunks come out, checkpoints change in between. Knows no ROS.

One thread (the executor's) calls every method; two more threads denoise and verify checkpoints, and ask
through `wake` for a call of `step`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue

import numpy as np
import torch
from drift_config.errors import ConfigError, DriftError
from drift_control.robot.robot import Robot
from drift_core.observation.assembler import Missing
from drift_core.observation.spec import Observation
from drift_core.policy.pace import Pace
from drift_core.policy.prefix import chunk_prefix
from drift_core.samplers import Prefix, make_sampler
from drift_core.samplers.noise_schedule import NoiseSchedule
from drift_core.task import TaskConfig
from drift_ros.statistics import Percentiles, Rate

from drift_policy_node.candidate import Execution, Place, Running
from drift_policy_node.config import PolicyNodeConfig
from drift_policy_node.exchange import CheckpointExchange
from drift_policy_node.inputs import InputWatch
from drift_policy_node.intake import JOINTS, Intake, camera_source
from drift_policy_node.status import Phase, Status
from drift_policy_node.worker import Outcome, Worker

GATE = "gate/state"
_GATE_TIMEOUT_S = 1.0  # gate/state is repeated at 5 Hz
_LATENCIES = 100  # of the last chunks, for percentiles


@dataclass(frozen=True, eq=False)
class MadeChunk:
    """A finished chunk; step i is due at t_ref_s + (i + 1) dt_s."""

    id: int
    epoch: int
    t_ref_s: float
    data: np.ndarray  # (T, A)
    version: int
    oldest_input_s: float
    inference_s: float


@dataclass(frozen=True, eq=False)
class _Job:
    observation: Observation
    epoch: int
    running: Running


class PolicyRuntime:
    """Assemble observations, keep one inference going, hand out its chunks, and say what is missing."""

    def __init__(
        self, config: PolicyNodeConfig, robot: Robot, task: TaskConfig, wake: Callable[[], None]
    ) -> None:
        self.configured = False
        self.active = False
        make_sampler(
            config.sampler, NoiseSchedule(1000), "epsilon"
        )  # an unknown name is refused now, not later
        self._config, self._task, self._wake, self._closed = config, task, wake, False
        place = Place(robot.config.name, task, robot.n_joints)
        execution = Execution(config.sampler, config.engine, _device(config.device))
        self.exchange = CheckpointExchange(place, execution, config.load_limit_s, self._ask)
        limits_s = {camera_source(camera.name): config.input_timeout_s for camera in task.cameras}
        self.watch = InputWatch({**limits_s, JOINTS: config.input_timeout_s, GATE: _GATE_TIMEOUT_S})
        self.intake = Intake(config, robot, task, self.watch, self._start_afresh)
        self._pace = Pace(config.replan_steps, task.dt_s, 1.0 / config.idle_rate_hz)
        self._generator = torch.Generator().manual_seed(config.seed)
        self._epoch, self._driving = 0, False
        self._tried_t_ref_s: float | None = None  # of the last observation that was denoised in this epoch
        self._last_t_ref_s: float | None = None  # of the last one that gave a chunk or is under way
        self._last_chunk: MadeChunk | None = None  # of this epoch
        self._warm: Running | None = None  # whose sampler has made that chunk, and nothing since
        self._stored: Observation | None = None  # the newest one denoised, for trials of checkpoints
        self._whole_s = float("-inf")  # steady time of the last whole observation, or of a silent source
        self._missing = ""  # why there was none since
        self._failure = ""  # of the last inference
        self._crashes: list[str] = []
        self._deaths = self._discarded = self._chunk_id = self._dropped = 0
        self._seen_t_ref_s: float | None = None  # of the newest observation, denoised or not
        self._latency_s, self._rate = Percentiles(_LATENCIES), Rate()
        self._job: _Job | None = None  # under way, or finished and not looked at
        self._made: SimpleQueue[Outcome[np.ndarray]] = SimpleQueue()
        self._inference = Worker("inference", self._on_outcome, (DriftError,))

    def put_gate(self, epoch: int, driving: bool, arrival_s: float) -> None:
        """Take the gate's epoch; `driving`: the policy drives or is awaited."""
        if epoch != self._epoch:
            self._start_afresh()
        if driving and not self._driving:
            self._last_t_ref_s = None  # do not wait for the idle period
        self._epoch, self._driving = epoch, driving
        self.watch.arrived(GATE, arrival_s)

    def roll_back(self) -> bool:
        """Run the checkpoint before the present one from the next chunk on; False if there is none."""
        self._failure = ""
        return self.exchange.roll_back()

    def step(self, now_s: float, ros_s: float) -> MadeChunk | None:
        """Look after the threads; return a chunk that has just been finished and is still wanted.

        `now_s` is steady time, `ros_s` the time of stamps.
        """
        if self.exchange.step(self._stored, now_s):
            self._failure = ""
        chunk = self._take_chunk(now_s)
        if self.active and self._job is None:
            self._start_job(now_s, ros_s)
        self._count_dropped()
        return chunk

    def problems(self, now_s: float) -> list[str]:
        """Return in words why no chunk can be published now; empty if all is well."""
        problems = [] if self.exchange.current else ["no checkpoint yet"]
        problems += self.watch.missing(now_s)
        if not problems and self._missing and now_s - self._whole_s > self._config.input_timeout_s:
            problems.append(self._missing)
        if (busy_s := self._inference.busy_s(now_s)) > self._config.hang_limit_s:
            problems.append(f"inference has been running for {busy_s:.1f} s")
        if self._failure:
            problems.append(self._failure)
        return problems

    def status(self, now_s: float) -> Status:
        """Return what PolicyState says."""
        problems, latency, running = self.problems(now_s), self._latency_s.summary(), self.exchange.current
        phase = Phase.WAITING if problems else Phase.ACTIVE
        loading = self.exchange.trouble(now_s)  # chunks are made all the same
        if not self.active:
            phase = Phase.INACTIVE if self.configured else Phase.UNCONFIGURED
        return Status(
            state=phase,
            version=self.exchange.version,
            sha256=running.sha256 if running else "",
            path=str(running.path) if running else "",
            sampler=self._config.sampler,
            engine=running.engine if running else "",
            inference_ms_p50=1000.0 * latency.p50,
            inference_ms_p95=1000.0 * latency.p95,
            rate_hz=self._rate.hz(now_s),
            swaps=self.exchange.swaps,
            last_refusal=self.exchange.refusal,
            text="; ".join([*problems, loading] if loading else problems),
        )

    def figures(self, now_s: float) -> dict[str, object]:
        """Return the numbers for diagnostics."""
        latency, running = self._latency_s.summary(), self.exchange.current
        figures: dict[str, object] = {
            "version": self.exchange.version,
            "sampler": self._config.sampler,
            "engine": running.engine if running else "",
            "chunk_rate_hz": self._rate.hz(now_s),
            "inference_ms_p50": 1000.0 * latency.p50,
            "inference_ms_p95": 1000.0 * latency.p95,
            "inference_ms_p99": 1000.0 * latency.p99,
            "inference_ms_max": 1000.0 * latency.max,
            "dropped_observations": self._dropped,
            "discarded_chunks": self._discarded,
            "thread_deaths": self._deaths,
        }
        return figures | {f"age_s {source}": age_s for source, age_s in self.watch.ages_s(now_s).items()}

    def take_crashes(self) -> list[str]:
        """Return the tracebacks of threads that died since the last call; their work goes on in new ones."""
        crashes = self._crashes + self.exchange.crashes
        self._crashes, self.exchange.crashes = [], []
        self._deaths += len(crashes)
        return crashes

    def close(self) -> None:
        """End the threads; one that hangs is left behind."""
        self._closed = True
        self._inference.stop(0.5)
        self.exchange.close()

    def _start_job(self, now_s: float, ros_s: float) -> None:
        running, t_ref_s = self.exchange.current, self.intake.assembler.t_ref_s()
        if self.watch.missing(now_s):
            self._whole_s = now_s
            return
        if running is None or t_ref_s is None or t_ref_s == self._tried_t_ref_s:
            return
        if not self._pace.due(t_ref_s, self._last_t_ref_s, self._driving):
            return
        if delayed := self.intake.delayed(ros_s):
            self._missing = delayed
            return
        observation = self.intake.assembler.assemble()
        if isinstance(observation, Missing):
            self._missing = observation.reason
            return
        self._missing, self._whole_s, self._stored = "", now_s, observation
        self._tried_t_ref_s = self._last_t_ref_s = t_ref_s
        self._job = _Job(observation, self._epoch, running)
        prefix, generator, fresh = self._prefix(t_ref_s, ros_s), self._generator, self._warm is not running
        self._warm = None

        def job() -> np.ndarray:
            if fresh:
                running.sampler.reset()
            return running.policy.act(observation, running.sampler, generator, prefix)

        self._inference.revive()
        self._inference.submit(job)

    def _count_dropped(self) -> None:
        """Count each observation that came while an older one was being denoised: it is not queued."""
        t_ref_s, job = self.intake.assembler.t_ref_s(), self._job
        if t_ref_s != self._seen_t_ref_s and job is not None and job.observation.t_ref_s != t_ref_s:
            self._dropped += 1
        self._seen_t_ref_s = t_ref_s

    def _prefix(self, t_ref_s: float, ros_s: float) -> Prefix | None:
        last = self._last_chunk
        if not self._config.realtime_chunking or not self._driving or last is None:
            return None
        done_s = ros_s + self._latency_s.summary().p95
        return chunk_prefix(last.data, last.t_ref_s, t_ref_s, done_s, self._task.dt_s)

    def _take_chunk(self, now_s: float) -> MadeChunk | None:
        if self._made.empty() or self._job is None:
            return None
        outcome, job = self._made.get(), self._job
        self._job = None
        if outcome.result is None:
            self._failure = f"inference failed: {outcome.reason}"
            if outcome.trace:
                self._crashes.append(outcome.trace)
            self._last_t_ref_s = None if self._last_chunk is None else self._last_chunk.t_ref_s
            return None
        self._failure = ""
        self._latency_s.add(outcome.elapsed_s)
        if not self.active or self._tried_t_ref_s is None:  # begun afresh since: another epoch or clock
            self._discarded += 1
            return None
        self._chunk_id += 1
        self._rate.add(now_s)
        self._warm = job.running
        seen = job.observation
        self._last_chunk = MadeChunk(
            id=self._chunk_id,
            epoch=job.epoch,
            t_ref_s=seen.t_ref_s,
            data=outcome.result,
            version=job.running.version,
            oldest_input_s=seen.oldest_input_s,
            inference_s=outcome.elapsed_s,
        )
        return self._last_chunk

    def _start_afresh(self) -> None:
        self._tried_t_ref_s, self._last_t_ref_s, self._last_chunk, self._warm = None, None, None, None

    def _on_outcome(self, outcome: Outcome[np.ndarray]) -> None:
        self._made.put(outcome)
        self._ask()

    def _ask(self) -> None:
        if not self._closed:
            self._wake()


def _device(name: str) -> str:
    """Return "cpu" or "cuda"; ConfigError for a device that is not there."""
    there = torch.cuda.is_available()
    if name == "cuda" and not there:
        raise ConfigError("device='cuda' needs a GPU and a CUDA build of torch; allowed here: auto, cpu")
    return "cuda" if there and name != "cpu" else "cpu"
