"""The policy loop in real time: threads, watched inputs, checkpoints that change, and status. Knows no ROS.

One thread (the executor's) calls every method; three more threads denoise, encode frames that have arrived,
and verify checkpoints, and ask through `wake` for a call of `step`.
"""

from collections.abc import Callable
from queue import SimpleQueue

import numpy as np
import torch
from drift_config.errors import ConfigError, DriftError
from drift_control.robot.robot import Robot
from drift_core.observation.assembler import Assembler, Missing
from drift_core.observation.spec import Observation
from drift_core.policy.loop import MadeChunk, PolicyLoop
from drift_core.policy.pace import Pace
from drift_core.samplers import make_sampler
from drift_core.samplers.noise_schedule import NoiseSchedule
from drift_core.task import TaskConfig
from drift_ros.input_watch import GATE, JOINTS, InputWatch, camera_source
from drift_ros.statistics import EventRate, Percentiles

from drift_policy_node.candidate import Execution, PolicySlot
from drift_policy_node.config import PolicyNodeConfig
from drift_policy_node.exchange import CheckpointExchange
from drift_policy_node.fetch import AskPiece, Fetcher
from drift_policy_node.intake import Intake
from drift_policy_node.status import PolicyPhase, PolicyStatus
from drift_policy_node.worker import InferenceWorker, Outcome

_GATE_TIMEOUT_S = 1.0  # gate/state is repeated at 5 Hz
_LATENCIES = 100  # of the last chunks, for percentiles


class PolicyRuntime:
    """Keep one inference going, hand out its chunks, and say what is missing."""

    def __init__(
        self,
        config: PolicyNodeConfig,
        robot: Robot,
        task: TaskConfig,
        wake: Callable[[], None],
        ask: AskPiece,
    ) -> None:
        """`ask`: for pieces of the trainer's files."""
        self.configured = False
        self.active = False
        make_sampler(
            config.sampler, NoiseSchedule(1000), "epsilon"
        )  # an unknown name is refused now, not later
        self._config, self._wake, self._closed = config, wake, False
        place = PolicySlot(robot.config.name, task, robot.n_joints)
        execution = Execution(config.sampler, config.engine, _device(config.device), config.foresight)
        fetcher = Fetcher(config.checkpoint_folder, ask, 1e6 * config.fetch_mb_s)
        self.exchange = CheckpointExchange(
            place, execution, config.checkpoint_folder, config.load_limit_s, self._ask, fetcher
        )
        limits_s = {camera_source(camera.name): config.input_timeout_s for camera in task.cameras}
        self.watch = InputWatch({**limits_s, JOINTS: config.input_timeout_s, GATE: _GATE_TIMEOUT_S})
        self.loop = PolicyLoop(
            Assembler(place.spec, robot.state, task.latency_s),
            Pace(config.replan_steps, task.dt_s, 1.0 / config.idle_rate_hz),
            config.realtime_chunking,
            torch.Generator().manual_seed(config.seed),
            config.foresight,
        )
        self.intake = Intake(config, robot, self.loop, self.watch)
        self._stored: Observation | None = None  # the newest one denoised, for trials of checkpoints
        self._whole_s = float("-inf")  # steady time of the last whole observation, or of a silent source
        self._missing = ""  # why there was none since
        self._failure = ""  # of the last inference
        self._crashes: list[str] = []
        self._deaths = 0
        self._latency_s, self._rate = Percentiles(_LATENCIES), EventRate()
        self._made: SimpleQueue[Outcome[np.ndarray]] = SimpleQueue()
        self._worker = InferenceWorker("inference", self._on_outcome, (DriftError,))
        self._encoded: SimpleQueue[Outcome[None]] = SimpleQueue()
        self._encoder = InferenceWorker("encoder", self._on_encoded, (DriftError,))

    def put_gate(self, epoch: int, driving: bool, arrival_s: float) -> None:
        """Take the gate's epoch; `driving`: the policy drives or is awaited."""
        self.loop.put_gate(epoch, driving)
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
            self.loop.replan()
        chunk = self._take_chunk(now_s)
        if self.active:
            self._begin(now_s, ros_s)
            self._encode()
        return chunk

    def problems(self, now_s: float) -> list[str]:
        """Return in words why no chunk can be published now; empty if all is well."""
        problems = [] if self.exchange.current else ["no checkpoint yet"]
        problems += self.watch.missing(now_s)
        if not problems and self._missing and now_s - self._whole_s > self._config.input_timeout_s:
            problems.append(self._missing)
        if (busy_s := self._worker.busy_s(now_s)) > self._config.hang_limit_s:
            problems.append(f"inference has been running for {busy_s:.1f} s")
        if self._failure:
            problems.append(self._failure)
        return problems

    def status(self, now_s: float) -> PolicyStatus:
        """Return what PolicyState says."""
        problems, latency, running = self.problems(now_s), self._latency_s.summary(), self.exchange.current
        phase = PolicyPhase.WAITING if problems else PolicyPhase.ACTIVE
        # chunks are made in spite of these
        of_files = (
            self.exchange.trouble(now_s),
            self.exchange.waiting(now_s),
            self.exchange.unremembered,
        )
        troubles = [text for text in of_files if text]
        if not self.active:
            phase = PolicyPhase.INACTIVE if self.configured else PolicyPhase.UNCONFIGURED
        return PolicyStatus(
            state=phase,
            version=self.exchange.version,
            sha256=running.sha256 if running else "",
            path=str(running.path) if running else "",
            sampler=self._config.sampler,
            engine=running.engine if running else "",
            inference_ms_p50=1000.0 * latency.p50,
            inference_ms_p95=1000.0 * latency.p95,
            rate_hz=self._rate.hz(now_s),
            future_error=self.loop.future_error,
            swaps=self.exchange.swaps,
            last_refusal=self.exchange.refusal,
            text="; ".join([*problems, *troubles]),
        )

    def figures(self, now_s: float) -> dict[str, object]:
        """Return the numbers for diagnostics."""
        latency, running = self._latency_s.summary(), self.exchange.current
        figures: dict[str, object] = {
            "version": self.exchange.version,
            "sampler": self._config.sampler,
            "engine": running.engine if running else "",
            "encoder_engine": running.encoder_engine if running else "",
            "chunk_rate_hz": self._rate.hz(now_s),
            "inference_ms_p50": 1000.0 * latency.p50,
            "inference_ms_p95": 1000.0 * latency.p95,
            "inference_ms_p99": 1000.0 * latency.p99,
            "inference_ms_max": 1000.0 * latency.max,
            "dropped_observations": self.loop.dropped,
            "discarded_chunks": self.loop.discarded,
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
        self._worker.stop(0.5)
        self._encoder.stop(0.5)
        self.exchange.close()

    def _begin(self, now_s: float, ros_s: float) -> None:
        """Start an inference when one is due and its inputs can be believed, or note what is missing."""
        if self.watch.missing(now_s):
            self._whole_s = now_s
            return
        running = self.exchange.current
        if running is None or not self.loop.due():
            return
        if delayed := self.intake.delayed(now_s, ros_s):
            self._missing = delayed
            return
        inference = self.loop.begin(running, ros_s, inference_s=self._latency_s.summary().p95)
        if isinstance(inference, Missing):
            self._missing = inference.reason
            return
        self._missing, self._whole_s, self._stored = "", now_s, inference.observation
        self._worker.revive()
        self._worker.submit(inference.run)

    def _encode(self) -> None:
        """Encode what has arrived for observations to come, beside the inference, and look at what came."""
        while not self._encoded.empty():
            # An error that is expected is not told here: the inference that needs the frame, or that saw what
            # is compared, meets it, too.
            if trace := self._encoded.get().trace:
                self._crashes.append(trace)
        running = self.exchange.current
        if running is None or self._encoder.busy:
            return
        if (work := self.loop.encoding(running) or self.loop.foreseeing()) is not None:
            self._encoder.revive()
            self._encoder.submit(work.run)

    def _take_chunk(self, now_s: float) -> MadeChunk | None:
        if self._made.empty():
            return None
        outcome = self._made.get()
        if outcome.result is None:
            self._failure = f"inference failed: {outcome.reason}"
            if outcome.trace:
                self._crashes.append(outcome.trace)
            self.loop.fail()
            return None
        self._failure = ""
        self._latency_s.add(outcome.elapsed_s)
        if not self.active:
            self.loop.discard()
            return None
        chunk = self.loop.finish(outcome.result, outcome.elapsed_s)
        if chunk is not None:
            self._rate.add(now_s)
        return chunk

    def _on_outcome(self, outcome: Outcome[np.ndarray]) -> None:
        self._made.put(outcome)
        self._ask()

    def _on_encoded(self, outcome: Outcome[None]) -> None:
        self._encoded.put(outcome)
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
