"""The study of PAD: does a policy act better for learning, too, what it will see?

The same network of kind `joint`, as many gradient steps and labels: without the terms of what is foreseen,
with them under both masks, and with videos (demonstrations without actions) beside. Rollouts are paired.

passed: at the fewest demonstrations more success than without, by more than one standard error of the paired
difference (over policies where there are several, else over rollouts). surprise_auc: how often a failed
rollout has a larger mean error of what was foreseen than a successful one.
"""

import math
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from benchmarks.support.report import Row
from benchmarks.support.rollouts import Meter, arm_bench, fork_bench
from benchmarks.support.trained_policy import ROBOT, record, train
from benchmarks.support.videos import add_videos
from drift.configuration import config_file
from drift.evaluation import seeds
from drift.run_folder import RunFolder
from drift.simulation import make_shell
from drift_core.denoisers import JointConfig
from drift_core.denoisers.joint import FeaturesConfig, StateConfig
from drift_core.engines import make_engine
from drift_core.intervals import success_rate
from drift_core.objectives import DenoisingObjective
from drift_core.observation.spec import Observation
from drift_core.policy.checkpoint import load_latest
from drift_core.policy.checkpoint_folder import read_latest
from drift_core.policy.foresight import Foresight
from drift_core.policy.policy import DiffusionPolicy
from drift_core.task import load_task
from drift_core.training.config import TrainFile, load_train_file

REPLAN_STEPS = 4
SAMPLER = "ddim-16"
VIDEO_SEED = 500_000  # the first of the demonstrations that videos are made of
WEIGHT = 0.1  # of what is foreseen, beside the actions


@dataclass(frozen=True)
class Variant:
    """One way to train."""

    name: str
    mask: str
    weight: float = WEIGHT
    videos: bool = False


REFERENCE = Variant("without", "droppable", weight=0.0)
VARIANTS = (
    REFERENCE,
    Variant("published", "published"),
    Variant("droppable", "droppable"),
    Variant("published, videos", "published", videos=True),
    Variant("droppable, videos", "droppable", videos=True),
)


@dataclass(frozen=True)
class Size:
    """How much is trained and driven."""

    demonstrations: tuple[int, ...] = (10, 25)
    videos: int = 100
    steps: int = 2000
    seeds: int = 5
    rollouts: int = 50
    width: int = 64
    blocks: int = 2
    noise_draws: int = 1  # of each window and step
    repetitions: int = 100
    variants: tuple[Variant, ...] = VARIANTS


QUICK = Size((10,), 0, 100, 1, 10, 32, 2, repetitions=10, variants=VARIANTS[:3])


class Watched:
    """A policy whose surprise is written down."""

    def __init__(self, policy: DiffusionPolicy) -> None:
        self._policy = policy
        self.begin()

    def begin(self) -> None:
        self._foresight, self.errors = Foresight(self._policy), list[float]()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._policy, name)

    def act(self, observation: Observation, *rest: Any, **named: Any) -> np.ndarray:
        chunk = self._policy.act(observation, *rest, **named)
        error = self._foresight.look(observation, chunk)
        self.errors += [] if error is None else [error]
        return chunk


@dataclass(frozen=True)
class Outcomes:
    """Rollouts of all policies of one variant, those of a policy side by side."""

    success: list[list[bool]]
    errors: list[float]  # mean surprise of each rollout, in the same order; NaN where nothing was foreseen
    calls: float

    @property
    def all(self) -> list[bool]:
        return [success for policy in self.success for success in policy]


def rows(task: str, size: Size, folder: Path) -> Iterator[Row]:
    """Yield the rows of one task, the fewest demonstrations first."""
    for count in size.demonstrations:
        run = RunFolder((folder / f"{count}" / task).resolve()).create()
        plain, both = run.path / "episodes", run.path / "episodes_and_videos"
        record(task, plain, 0, count)
        if any(variant.videos for variant in size.variants):
            watched = (folder / "watched" / task).resolve()
            record(task, watched, VIDEO_SEED, size.videos)
            record(task, both, 0, count)
            add_videos(watched, size.videos, both)
        before: tuple[DiffusionPolicy, Outcomes] | None = None
        for variant in size.variants:
            policies = [_policy(task, variant, size, run, both, seed) for seed in range(size.seeds)]
            found = _outcomes(task, policies, size)
            before = before or (policies[0], found)
            latencies_ms = _latencies_ms((policies[0], before[0]), size.repetitions)
            fewest = count == min(size.demonstrations)
            yield _row(task, variant, count, found, before[1], latencies_ms, fewest)


def _policy(
    task: str, variant: Variant, size: Size, run: RunFolder, both: Path, seed: int
) -> DiffusionPolicy:
    name = variant.name.replace(", ", "_and_")
    checkpoints = run.path / f"checkpoints_{name}_{seed}"
    if read_latest(checkpoints) is None:
        episodes = both if variant.videos else run.episodes
        train(task, _train_file(task, variant, size), episodes, checkpoints, size.steps, seed)
    return load_latest(checkpoints).policy


def _train_file(task: str, variant: Variant, size: Size) -> TrainFile:
    file = load_train_file(config_file("train", "joint"))
    cameras = load_task(config_file("task", task)).cameras
    modality, term = (FeaturesConfig(), "future_features") if cameras else (StateConfig(), "future_state")
    denoiser = JointConfig(
        mask=variant.mask,  # type: ignore[arg-type]
        modalities=(modality,),
        width=size.width,
        blocks=size.blocks,
        step_dim=64,
    )
    objective = DenoisingObjective(weights={term: variant.weight}, unlabelled=variant.videos)
    offline = replace(file.offline, noise_draws=size.noise_draws)
    return replace(file, policy=replace(file.policy, denoiser=denoiser), objective=objective, offline=offline)


def _outcomes(task_name: str, policies: Sequence[DiffusionPolicy], size: Size) -> Outcomes:
    task = load_task(config_file("task", task_name))
    shell = None if task.action_space == "point" else make_shell(ROBOT, task_name)
    success: list[list[bool]] = []
    errors: list[float] = []
    calls: list[int] = []
    for policy in policies:
        watched: Any = Watched(policy)
        bench = (
            fork_bench(watched, task, REPLAN_STEPS)
            if shell is None
            else arm_bench(watched, shell, REPLAN_STEPS)
        )
        success.append([])
        for seed in seeds(size.rollouts):
            watched.begin()
            driven = bench.run(seed, Meter(policy.make_sampler(SAMPLER)), False)
            success[-1].append(driven.success)
            errors.append(statistics.fmean(watched.errors) if watched.errors else math.nan)
            calls += [chunk.calls for chunk in driven.chunks]
    if shell is not None:
        shell.close()
    return Outcomes(success, errors, statistics.fmean(calls))


def _latencies_ms(policies: Sequence[DiffusionPolicy], repetitions: int) -> list[float]:
    """Return the least time from condition to chunk of each, in its faster engine; one after the other in
    turn, since others may need the processor."""
    generator, times_s = torch.Generator().manual_seed(0), [math.inf] * len(policies)
    condition = 0.3 * torch.randn(1, policies[0].denoiser.condition_dim, generator=generator)
    for policy in policies:
        policy.use_engine(make_engine("auto", policy.denoiser))
    with torch.no_grad():
        for _ in range(repetitions + 2):
            for number, policy in enumerate(policies):
                sampler, started_s = policy.make_sampler(SAMPLER), time.perf_counter()
                policy.sample(condition, sampler, generator)
                times_s[number] = min(times_s[number], time.perf_counter() - started_s)
    return [1e3 * least_s for least_s in times_s]


def gain(before: Sequence[Sequence[bool]], after: Sequence[Sequence[bool]]) -> tuple[float, float]:
    """Return the mean of after - before, paired, and its standard error: over policies, or else rollouts."""
    by_policy = [
        [float(new) - float(old) for old, new in zip(*pair, strict=True)]
        for pair in zip(before, after, strict=True)
    ]
    each = by_policy[0] if len(by_policy) == 1 else [statistics.fmean(changes) for changes in by_policy]
    error = statistics.stdev(each) / math.sqrt(len(each)) if len(each) > 1 else math.inf
    return statistics.fmean(each), error


def surprise_auc(success: Sequence[bool], errors: Sequence[float]) -> float | None:
    """Return how often a failed rollout has the larger error of two; None without both kinds."""
    failed = [error for error, good in zip(errors, success, strict=True) if not good and error == error]
    good = [error for error, good in zip(errors, success, strict=True) if good and error == error]
    if not failed or not good:
        return None
    larger = [float(bad > well) + 0.5 * float(bad == well) for bad in failed for well in good]
    return statistics.fmean(larger)


def _row(
    task: str,
    variant: Variant,
    count: int,
    found: Outcomes,
    reference: Outcomes,
    latencies_ms: Sequence[float],
    fewest: bool,
) -> Row:
    rate = success_rate(found.all)
    more, error = gain(reference.success, found.success)
    return {
        "system": "pad",
        "variant": variant.name,
        "task": task,
        "demonstrations": count,
        "seeds": len(found.success),
        "rollouts": len(found.all),
        "success": rate.value,
        "success_low": rate.low,
        "success_high": rate.high,
        "calls": found.calls,
        "latency_ms": latencies_ms[0],
        "speedup_ddim16": 1.0 if variant == REFERENCE else latencies_ms[1] / latencies_ms[0],
        "gain": None if variant == REFERENCE else more,
        "gain_error": None if variant == REFERENCE else error,
        "surprise_auc": surprise_auc(found.all, found.errors) if variant.weight else None,
        "passed": None if variant == REFERENCE or not fewest else more > error,
    }
