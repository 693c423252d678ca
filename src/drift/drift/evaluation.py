"""Success of a checkpoint in the in-process shell: the same seeds for every checkpoint, several processes."""

import multiprocessing
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from drift.simulation import make_shell, policy_pace

EVALUATION_SEED = 1_000_000  # first seed of an evaluation; demonstrations and rounds stay below


@dataclass(frozen=True)
class Job:
    """What to evaluate."""

    checkpoint: Path
    robot: str
    task: str
    sampler: str  # for example "ddim-8"
    sha256: str | None = None  # of the checkpoint, where it is known


@dataclass(frozen=True)
class Rollout:
    """One episode driven by the policy alone."""

    seed: int
    success: bool
    duration_s: float
    failures: int  # inferences whose output was not finite


def seeds(count: int) -> list[int]:
    """Return the first `count` evaluation seeds."""
    return list(range(EVALUATION_SEED, EVALUATION_SEED + count))


def evaluate(
    job: Job, seeds: Iterable[int], processes: int = 2, on_rollout: Callable[[Rollout], None] | None = None
) -> list[Rollout]:
    """Run the policy of `job` once per seed; return the rollouts in the order of `seeds`.

    Each rollout depends on the checkpoint and its seed alone, so runs can be compared in pairs.
    """
    # spawn: a renderer or a ROS context of this process must not be copied into the children
    context = multiprocessing.get_context("spawn")
    rollouts = []
    with ProcessPoolExecutor(processes, context, initializer=_prepare, initargs=(job,)) as pool:
        for rollout in pool.map(_run, seeds):
            rollouts.append(rollout)
            if on_rollout is not None:
                on_rollout(rollout)
    return rollouts


class _Runner:
    """One process's shell and policy, made once."""

    def __init__(self, job: Job) -> None:
        import torch
        from drift_core.policy.checkpoint import load_checkpoint

        torch.set_num_threads(1)
        self._shell = make_shell(job.robot, job.task)
        loaded = load_checkpoint(job.checkpoint, job.sha256)
        self._policy, self._version = loaded.policy, loaded.info.version
        self._sampler = self._policy.make_sampler(job.sampler)
        self._pace = policy_pace()

    def __call__(self, seed: int) -> Rollout:
        result = self._shell.run_episode(
            seed,
            policy=self._policy,
            sampler=self._sampler,
            pace=self._pace,
            policy_version=self._version,
        )
        return Rollout(seed, result.success, result.duration_s, result.failures)


_runner: _Runner | None = None  # of a child process


def _prepare(job: Job) -> None:
    global _runner
    _runner = _Runner(job)


def _run(seed: int) -> Rollout:
    if _runner is None:
        raise RuntimeError("the evaluation process was not prepared")
    return _runner(seed)
