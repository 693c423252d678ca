"""The policy loop in simulated time: an inference ends `inference_s` after it began."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from drift_control.inputs import Chunk
from drift_core.arm import ArmModel, state_of
from drift_core.episodes import ChunkRecord
from drift_core.observation.assembler import Assembler, Missing
from drift_core.policy.loop import Actor, Inference, MadeChunk, PolicyLoop
from drift_core.policy.pace import Pace
from drift_core.policy.policy import NonFiniteError
from drift_core.task import TaskConfig


@dataclass(frozen=True)
class PolicyPace:
    """How the policy is run; the values of the policy node's parameters of the same names."""

    replan_steps: int  # steps of a chunk that are used before the next is computed
    realtime_chunking: bool  # impose the steps that run during inference, in-paint the rest
    inference_s: float  # simulated time from observation to chunk [s]
    idle_rate_hz: float  # chunks per second while the expert drives


class PolicyDriver:
    """Keep one inference of the loop going and deliver each chunk when its time has passed."""

    def __init__(
        self,
        actor: Actor,
        task: TaskConfig,
        arm: ArmModel | None,
        pace: PolicyPace,
        seed: int,
        on_chunk: Callable[[ChunkRecord], None] = lambda chunk: None,
    ) -> None:
        """`arm`: None for a task without one; `seed` is that of the sampling noise.

        `on_chunk` is told every chunk that is handed out.
        """
        actor.policy.serve(task.name)
        spec = actor.policy.config.observation
        self.loop = PolicyLoop(
            Assembler(spec, state_of(arm), task.latency_s),
            Pace(pace.replan_steps, task.dt_s, 1.0 / pace.idle_rate_hz),
            pace.realtime_chunking,
            torch.Generator().manual_seed(seed),
        )
        self.failures = 0  # inferences whose output was not finite
        self._actor, self._task, self._inference_s = actor, task, pace.inference_s
        self._on_chunk = on_chunk
        self._done_s = 0.0  # when the inference under way ends
        self._data: np.ndarray | None = None  # what it gives; None: nothing that is finite

    def step(self, now_s: float) -> Chunk | None:
        """Return a chunk that has just been finished and is still wanted; begin the next when due."""
        finished = self._finished(now_s)
        if self.loop.due():
            inference = self.loop.begin(self._actor, now_s, self._inference_s)
            if not isinstance(inference, Missing):
                self._done_s, self._data = now_s + self._inference_s, self._run(inference)
        return finished or self._finished(now_s)  # the second only where an inference takes no time

    def _finished(self, now_s: float) -> Chunk | None:
        """Return the chunk of the inference under way, if its time has passed."""
        return self._finish() if self.loop.inference is not None and now_s >= self._done_s else None

    def _run(self, inference: Inference) -> np.ndarray | None:
        # What may happen on the robot happens here, too: the next observation is tried. Everything else that
        # the node would outlive is a mistake of the caller and ends the episode.
        try:
            return inference.run()
        except NonFiniteError:
            return None

    def _finish(self) -> Chunk | None:
        if self._data is None:
            self.failures += 1
            self.loop.fail()
            return None
        made = self.loop.finish(self._data, self._inference_s)
        if made is None:
            return None
        chunk = Chunk(
            id=made.id,
            epoch=made.epoch,
            stamp_s=made.t_ref_s,
            dt_s=self._task.dt_s,
            data=made.data.astype(float),
            action_space=self._task.action_space,
            policy_version=made.version,
            oldest_input_s=made.oldest_input_s,
            arrival_s=self._done_s,
        )
        self._on_chunk(_record(made, chunk))
        return chunk


def _record(made: MadeChunk, chunk: Chunk) -> ChunkRecord:
    return ChunkRecord(
        id=chunk.id,
        epoch=chunk.epoch,
        stamp_s=chunk.stamp_s,
        arrival_s=chunk.arrival_s,
        dt_s=chunk.dt_s,
        action_space=chunk.action_space,
        policy_version=chunk.policy_version,
        oldest_input_s=chunk.oldest_input_s,
        inference_ms=1000.0 * made.inference_s,
        sampler=made.sampler,
        seed=made.seed,
        data=chunk.data,
        latent=np.empty((0, 0)) if made.latent is None else made.latent.astype(float),
    )
