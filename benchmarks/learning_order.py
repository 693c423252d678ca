"""Corrections come one after the other: are they best trained on as they come, in rounds, or all at the end?
And does a rank that follows the gradient (docs/drift.md §4) learn better than a constant one?

A policy knows the old task of `support/shifted_task.py`. Corrections come on the new one, each of labels
around one situation. Every way has the same labels, the same number of gradient steps and the same batches
of half old, half new windows:

| order     | steps                                                                                      |
|-----------|--------------------------------------------------------------------------------------------|
| continual | those of a correction when it comes, by budget and settings of training without rounds     |
| rounds    | after each fifth of the corrections, from the averaged weights, as an online round         |
| batched   | after the last correction: one online round                                                |

The loss is that of held-out windows with averaged weights, at the learning rate that is best on average over
all seeds. `ratio`: to `batched` at constant rank, the geometric mean over seeds, with a 95 % bootstrap
interval; `loss_old`: on the old task. `continual` also has versions on the way, which this does not count.
"""

import copy
import math
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context

import numpy as np
import torch
from benchmarks.support.report import Row, arguments, report
from benchmarks.support.shifted_task import (
    demonstrated,
    draw,
    joined,
    new_policy,
    situations,
    train_config,
    windows,
)
from drift_core.data.training_data import Correction
from drift_core.policy.batch import Batch
from drift_core.policy.policy import DiffusionPolicy
from drift_core.rank.adaptive import AdaptiveRank
from drift_core.rank.schedule import ConstantRank, RankSchedule
from drift_core.training.budget import Budget
from drift_core.training.config import ContinuousConfig, RankConfig
from drift_core.training.trainer import StepProgress, Trainer, held_out_loss
from rich.console import Console

FRACTION, BATCH, LOOKS, ROUNDS = 0.125, 32, 8, 5
MODULATION = RankConfig(form="left", policy="exact", averages="restart")
ORDERS, RANKS = ("continual", "rounds", "batched"), ("constant", "adaptive")
BASELINE = ("batched", "constant")
Way = tuple[str, str]  # order, rank
NextBatch = Callable[[torch.Generator], Batch]


@dataclass(frozen=True)
class Size:
    """How much is done."""

    down_dims: tuple[int, ...]
    offline_steps: int
    corrections: int
    labels: int  # of each
    steps_per_label: int
    rates: tuple[float, ...]
    held_out: int  # windows
    seeds: int

    @property
    def steps(self) -> int:
        """Gradient steps of every way."""
        return self.corrections * self.labels * self.steps_per_label


FULL = Size((32, 64), 1000, 15, 8, 4, (1e-3, 3e-3), 1000, 6)
QUICK = Size((16, 32), 60, 5, 4, 2, (3e-3,), 64, 1)


@dataclass(frozen=True)
class Result:
    """One run."""

    new: float  # held-out loss on the new task
    old: float
    rank: float  # at the end, a fraction
    wall_s: float


def main() -> None:
    parser = arguments("Order of corrections and steps, and the rank schedule, at equal labels and steps")
    parser.add_argument("--processes", type=int, default=2, help="seeds at a time, one thread each")
    parser.add_argument("--seeds", type=int, default=FULL.seeds)
    options = parser.parse_args()
    size = QUICK if options.quick else replace(FULL, seeds=options.seeds)
    results: dict[tuple[Way, float], dict[int, Result]] = {}
    log = Console(stderr=True)
    with ProcessPoolExecutor(options.processes, mp_context=get_context("spawn")) as pool:
        for done in as_completed([pool.submit(run_seed, size, seed) for seed in range(size.seeds)]):
            for key, seed, result in done.result():
                results.setdefault(key, {})[seed] = result
                (order, rank), rate = key
                log.print(f"seed {seed}, {order}, {rank}, lr {rate}: {result.new:.4f} (old {result.old:.4f})")
    title = f"{size.corrections * size.labels} labels, {size.steps} steps at {FRACTION} of the rank"
    report(title, table(size.rates, results), options.json)


def table(rates: Sequence[float], results: dict[tuple[Way, float], dict[int, Result]]) -> list[Row]:
    """Return a row of each way at its best rate, compared seed by seed with BASELINE."""
    ways = [(order, rank) for order in ORDERS for rank in RANKS]
    best = {
        way: min(rates, key=lambda rate: statistics.fmean(run.new for run in results[way, rate].values()))
        for way in ways
    }
    baseline = results[BASELINE, best[BASELINE]]
    rows: list[Row] = []
    for way in ways:
        runs = results[way, best[way]]
        ratio, low, high = interval([math.log(run.new / baseline[seed].new) for seed, run in runs.items()])
        rows.append(
            {
                "order": way[0],
                "rank": way[1],
                "lr": best[way],
                "seeds": len(runs),
                "loss_new": statistics.fmean(run.new for run in runs.values()),
                "ratio": math.exp(ratio),
                "ratio_low": math.exp(low),
                "ratio_high": math.exp(high),
                "loss_old": statistics.fmean(run.old for run in runs.values()),
                "rank_at_end": statistics.fmean(run.rank for run in runs.values()),
                "wall_s": statistics.fmean(run.wall_s for run in runs.values()),
            }
        )
    return rows


def interval(values: Sequence[float], resamples: int = 10_000) -> tuple[float, float, float]:
    """Return the mean with a 95 % bootstrap interval; the same values give the same interval."""
    numbers = np.asarray(values)
    drawn = np.random.default_rng(0).integers(len(numbers), size=(resamples, len(numbers)))
    low, high = np.quantile(numbers[drawn].mean(axis=1), [0.025, 0.975])
    return float(numbers.mean()), float(low), float(high)


def run_seed(size: Size, seed: int) -> list[tuple[tuple[Way, float], int, Result]]:
    """Train a policy on the old task, then in all ways at all rates."""
    torch.set_num_threads(1)
    old = windows(4000, seed, new=False)
    policy = new_policy(size.down_dims, old, seed)
    trainer = Trainer(
        policy, train_config(size.offline_steps, 1e-3, BATCH), None, torch.Generator().manual_seed(seed)
    )
    trainer.run(lambda generator: draw(old, BATCH, generator))
    learned, corrections = trainer.merged_policy(), corrections_of(size, seed)
    held_out = [windows(size.held_out, 10_000, new=new) for new in (True, False)]
    found = []
    for order in ORDERS:
        for rank in RANKS:
            for rate in size.rates:
                began_s = time.perf_counter()
                made, at_end = WAYS[order](copy.deepcopy(learned), old, corrections, rank, rate, size, seed)
                wall_s = time.perf_counter() - began_s
                losses = [held_out_loss(made, [data], seed=0, noise_draws=8).total for data in held_out]
                found.append((((order, rank), rate), seed, Result(*losses, at_end, wall_s)))
    return found


def corrections_of(size: Size, seed: int) -> list[Batch]:
    """Return the labels of each correction: of one situation, with the hand somewhere about its start."""
    generator = torch.Generator().manual_seed(100 + seed)
    corrections = []
    for situation in situations(size.corrections, True, generator):
        state = situation.repeat(size.labels, 1)
        state[:, :2] += 0.1 * torch.randn(size.labels, 2, generator=generator)
        corrections.append(demonstrated(state, True, generator))
    return corrections


def continual(
    policy: DiffusionPolicy,
    old: Batch,
    corrections: list[Batch],
    rank: str,
    rate: float,
    size: Size,
    seed: int,
) -> tuple[DiffusionPolicy, float]:
    """Train on each correction as it comes; return the policy and its rank."""
    settings = ContinuousConfig(steps_per_label=size.steps_per_label)
    config = settings.train_config(train_config(size.steps, rate, BATCH))
    trainer = Trainer(policy, config, schedule_of(rank, size.steps), generator_of(seed), MODULATION)
    budget, known = Budget(settings.steps_per_label, settings.ema_share), list[Correction]()
    fractions = [trainer.rank]

    def count(progress: StepProgress) -> None:
        if progress.rank != fractions[-1]:
            fractions.append(progress.rank)
            budget.averages_restarted()
        budget.step(progress.ema_decay)

    for number, labels in enumerate(corrections):
        known.append(Correction(str(number), 0, labels.size, float(number)))
        budget.update(known)
        there = joined(corrections[: number + 1])
        while budget.owed:
            waiting = joined([corrections[int(episode)] for episode, _ in budget.waiting])
            batches = partial(mixed, old, there, waiting, settings.new_share)
            trainer.run(batches, budget.owed_to_next, count, budget.decay)
    return trainer.merged_policy(), trainer.rank


def in_rounds(
    count: int,
    policy: DiffusionPolicy,
    old: Batch,
    corrections: list[Batch],
    rank: str,
    rate: float,
    size: Size,
    seed: int,
) -> tuple[DiffusionPolicy, float]:
    """Train `count` rounds, each on all corrections that have come; return the policy and its rank."""
    generator, steps, fraction = generator_of(seed), size.steps // count, FRACTION
    for number in range(1, count + 1):
        there = joined(corrections[: len(corrections) * number // count])
        config, schedule = train_config(steps, rate, BATCH), schedule_of(rank, steps)
        trainer = Trainer(policy, config, schedule, generator, MODULATION)
        trainer.run(partial(mixed, old, there, None, 0.0))
        policy, fraction = trainer.merged_policy(), trainer.rank
    return policy, fraction


WAYS: dict[str, Callable[..., tuple[DiffusionPolicy, float]]] = {
    "continual": continual,
    "rounds": partial(in_rounds, ROUNDS),
    "batched": partial(in_rounds, 1),
}


def mixed(
    old: Batch, new: Batch, waiting: Batch | None, new_share: float, generator: torch.Generator
) -> Batch:
    """Draw half a batch of old windows and half of new ones, of these a share from those that wait."""
    half = BATCH // 2
    preferred = 0 if waiting is None else round(new_share * half)
    parts = [draw(old, half, generator), draw(new, half - preferred, generator)]
    return joined([*parts, draw(waiting, preferred, generator)] if waiting is not None else parts)


def schedule_of(rank: str, steps: int) -> RankSchedule:
    """Return a rank that begins at FRACTION, and stays or is looked at LOOKS times."""
    if rank == "constant":
        return ConstantRank(fraction=FRACTION)
    every = max(1, steps // LOOKS)
    return AdaptiveRank(start=FRACTION, lowest=FRACTION / 4, highest=2 * FRACTION, every=every)


def generator_of(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(1000 + seed)


if __name__ == "__main__":
    main()
