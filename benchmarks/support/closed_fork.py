"""`fork` with its right way closed: a policy that has learned both ways fails in about half of its attempts.

Attempts are recorded as by the stack, with every chunk and the noise that it came from. With a person beside,
whoever turns right is taken over and led past the left; the policy goes on inferring meanwhile.
"""

from pathlib import Path

import numpy as np
import torch
from benchmarks.support.trained_policy import record
from drift.configuration import config_file
from drift_core.arm import POINT
from drift_core.episodes import ChunkRecord, EpisodeMeta, EpisodeWriter, StepRecord, StepSource
from drift_core.observation.spec import Observation
from drift_core.policy.checkpoint import LoadedCheckpoint
from drift_core.policy.policy import DiffusionPolicy
from drift_core.samplers import Sampler
from drift_core.task import TaskConfig, load_task
from drift_sim.scenes.fork import Fork, Way, rollout, set_point

REPLAN_STEPS = 4
TURNED_M = 0.03  # so far to the right a person sees where it goes


class ClosedFork:
    """A `Ground`: success is to come to the goal by the way that is open."""

    title = "fork, right way closed"
    arm = None

    def __init__(self) -> None:
        self.task = load_task(config_file("task", "fork"))

    def demonstrate(self, folder: Path, count: int) -> None:
        record(self.task.name, folder, 0, count)

    def succeeds(self, policy: DiffusionPolicy, sampler: Sampler, seed: int) -> bool:
        generator = torch.Generator().manual_seed(seed)
        found = rollout(self.task, seed, lambda seen: policy.act(seen, sampler, generator))
        return found.success and found.way is Way.LEFT

    def score(self, policy: DiffusionPolicy, sampler: Sampler, seed: int) -> float:
        return float(self.succeeds(policy, sampler, seed))

    def attempt(self, folder: Path, loaded: LoadedCheckpoint, sampler: str, seed: int, person: bool) -> None:
        _Attempt(self.task, loaded, loaded.policy.make_sampler(sampler), seed).record(folder, person)


class _Attempt:
    """One attempt of a policy."""

    def __init__(self, task: TaskConfig, loaded: LoadedCheckpoint, sampler: Sampler, seed: int) -> None:
        self._task, self._policy, self._version = task, loaded.policy, loaded.info.version
        self._sampler, self._seed = sampler, seed

    def record(self, folder: Path, person: bool) -> None:
        """Record it, with a `person` beside or not."""
        task, fork, dt_s, seed = self._task, Fork(self._task), self._task.dt_s, self._seed
        generator = torch.Generator().manual_seed(seed)
        meta = EpisodeMeta(f"attempt_{seed:06d}", POINT, task.name, seed, "intervention", (), dt_s, 0.0)
        state, taken, step, chunk_id = fork.reset(seed), False, 0, 0
        chunk = np.zeros((1, 2))
        with EpisodeWriter(folder, meta) as writer:
            while not fork.done:
                now_s = step * dt_s
                writer.add_joints(state, 0.0, now_s, now_s)
                if step % REPLAN_STEPS == 0:
                    chunk_id += 1
                    chunk = self._chunk(state, now_s, generator)
                    writer.add_chunk(self._record(chunk, chunk_id, now_s, taken))
                turned = (
                    state[1] < fork.scene.obstacle_m[1] - TURNED_M and state[0] < fork.scene.obstacle_m[0]
                )
                taken = taken or (person and bool(turned))
                wanted = chunk[step % REPLAN_STEPS].astype(float)
                action = set_point(fork.scene, state, 1.0, dt_s) if taken else wanted
                source = StepSource.EXPERT if taken else StepSource.POLICY
                writer.add_step(
                    StepRecord(
                        now_s + dt_s, step, source, 1 + taken, int(taken), 0 if taken else chunk_id,
                        0 if taken else self._version, -1.0, action, state, action, 0, chunk_id, wanted,
                    )
                )  # fmt: skip
                state, step = fork.step(action), step + 1
            run = fork.episode()
            succeeded = run.success and run.way is Way.LEFT
            writer.close("success" if succeeded else "failure")

    def _chunk(self, state: np.ndarray, now_s: float, generator: torch.Generator) -> np.ndarray:
        seen = Observation(now_s, {}, np.array([state], np.float32), now_s)
        return self._policy.act(seen, self._sampler, generator)

    def _record(self, chunk: np.ndarray, number: int, now_s: float, taken: bool) -> ChunkRecord:
        latent = self._sampler.latent
        return ChunkRecord(
            id=number,
            epoch=1 + taken,
            stamp_s=now_s,
            arrival_s=now_s,
            dt_s=self._task.dt_s,
            action_space="point",
            policy_version=self._version,
            oldest_input_s=now_s,
            inference_ms=0.0,
            sampler=self._sampler.called,
            seed=0,
            data=chunk.astype(float),
            latent=np.empty((0, 0)) if latent is None else latent[0].numpy().astype(float),
        )
