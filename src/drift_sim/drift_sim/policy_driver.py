"""The policy node's work in simulated time: one inference at a time, each taking `inference_s`."""

from dataclasses import dataclass

import torch
from drift_control.inputs import Chunk
from drift_control.robot.robot import Robot
from drift_core.observation.assembler import Assembler, Missing
from drift_core.policy.pace import Pace
from drift_core.policy.policy import DiffusionPolicy
from drift_core.policy.prefix import chunk_prefix
from drift_core.samplers import Sampler
from drift_core.task import TaskConfig


@dataclass(frozen=True)
class PolicyPace:
    """How the policy is run; the values of the policy node's parameters of the same names."""

    replan_steps: int  # steps of a chunk that are used before the next is computed
    realtime_chunking: bool  # impose the steps that run during inference, in-paint the rest
    inference_s: float  # simulated time from observation to chunk [s]
    idle_rate_hz: float = 1.0  # chunks per second while the expert drives


class PolicyDriver:
    """Assemble observations, keep one inference going, deliver each chunk when its time has passed."""

    def __init__(
        self,
        policy: DiffusionPolicy,
        sampler: Sampler,
        task: TaskConfig,
        robot: Robot,
        pace: PolicyPace,
        seed: int,
        version: int,
    ) -> None:
        """`seed` is that of the sampling noise, `version` that of the weights."""
        self.assembler = Assembler(policy.config.observation, robot.state, task.latency_s)
        self.n_chunks = 0
        self._policy, self._sampler, self._version = policy, sampler, version
        self._settings, self._dt_s, self._space = pace, task.dt_s, task.action_space
        self._pace = Pace(pace.replan_steps, task.dt_s, 1.0 / pace.idle_rate_hz)
        self._generator = torch.Generator().manual_seed(seed)
        self._epoch, self._driving = 0, False
        self._last_t_ref_s: float | None = None  # of the last job of this epoch
        self._last_chunk: Chunk | None = None  # of this epoch
        self._job: Chunk | None = None  # its arrival_s is when it will be finished

    def put_gate(self, epoch: int, driving: bool) -> None:
        """Take the gate's epoch; `driving`: the policy drives or is awaited."""
        if epoch != self._epoch:
            self._last_t_ref_s, self._last_chunk = None, None
        if driving and not self._driving:
            self._last_t_ref_s = None
        self._epoch, self._driving = epoch, driving

    def step(self, now_s: float) -> Chunk | None:
        """Return a chunk that has just been finished and is still wanted; begin the next when due."""
        finished = None
        if self._job is not None and now_s >= self._job.arrival_s:
            if self._job.epoch == self._epoch:
                finished = self._last_chunk = self._job
            self._job = None
        if self._job is None:
            self._job = self._begin(now_s)
        return finished

    def _begin(self, now_s: float) -> Chunk | None:
        t_ref_s = self.assembler.t_ref_s()
        if t_ref_s is None or t_ref_s == self._last_t_ref_s:
            return None
        if not self._pace.due(t_ref_s, self._last_t_ref_s, self._driving):
            return None
        observation = self.assembler.assemble()
        if isinstance(observation, Missing):
            return None
        if self._last_chunk is None:
            self._sampler.reset()
        self._last_t_ref_s = t_ref_s
        done_s = now_s + self._settings.inference_s
        last, prefix = self._last_chunk, None
        if self._settings.realtime_chunking and self._driving and last is not None:
            prefix = chunk_prefix(last.data, last.stamp_s, t_ref_s, done_s, self._dt_s)
        data = self._policy.act(observation, self._sampler, self._generator, prefix)
        self.n_chunks += 1
        return Chunk(
            id=self.n_chunks,
            epoch=self._epoch,
            stamp_s=t_ref_s,
            dt_s=self._dt_s,
            data=data.astype(float),
            action_space=self._space,
            policy_version=self._version,
            oldest_input_s=observation.oldest_input_s,
            arrival_s=done_s,
        )
