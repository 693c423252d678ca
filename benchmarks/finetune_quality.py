"""How well a shifted task is learned at 1/8 of the rank, at equal steps, and how much of the old one is lost.

The task and its shift are those of `support/shifted_task.py`. Every method fine-tunes the same
network, trained offline on the old task, for as many steps on 1000 windows of the new one; the loss is that
of held-out windows, with averaged weights, at the learning rate that is best on average over all seeds. The
bars: usv within 5 %, left within 10 % of full.

| method             | offline at                     | then trains                                        |
|--------------------|--------------------------------|----------------------------------------------------|
| full               | full rank                      | everything                                         |
| left, usv          | full rank                      | the top 1/8 of each layer's directions             |
| left adaptive      | full rank                      | at first as many, then 1/32 to 1/4 by the gradient |
| left random        | full rank                      | as many random directions                          |
| lora               | full rank                      | peft's adapters, as many numbers as usv            |
| norm and bias      | full rank                      | these alone                                        |
| drift left, usv    | a rank that falls to 1/8       | the top 1/8: the paper's method as a whole         |
"""

import copy
import statistics
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from benchmarks.support.report import Row, arguments, report
from benchmarks.support.shifted_task import draw, new_policy, train_config, windows
from drift.experiment.lora import add_lora, without_lora
from drift_core.policy.policy import DiffusionPolicy
from drift_core.rank.adaptive import AdaptiveRank
from drift_core.rank.schedule import ConstantRank, RankSchedule, SigmoidDecay
from drift_core.training.config import RankConfig
from drift_core.training.trainer import Trainer, held_out_loss
from rich.console import Console

FRACTION, BATCH = 0.125, 64
CONSTANT = ConstantRank(fraction=FRACTION)
ADAPTIVE = AdaptiveRank(start=FRACTION, lowest=FRACTION / 4, highest=2 * FRACTION, every=25)


@dataclass(frozen=True)
class Method:
    """One row's way of fine-tuning."""

    name: str
    offline: str  # full or scheduled
    rank: RankConfig | None = None
    schedule: RankSchedule = CONSTANT


LEFT, USV = RankConfig(form="left", policy="exact"), RankConfig(form="usv", policy="exact")
METHODS = (
    Method("full", "full"),
    Method("left", "full", LEFT),
    Method("left adaptive", "full", LEFT, ADAPTIVE),
    Method("usv", "full", USV),
    Method("left random", "full", RankConfig(form="left", policy="exact", subspace="random")),
    Method("lora", "full"),
    Method("norm and bias", "full"),
    Method("drift left", "left", LEFT),
    Method("drift usv", "usv", USV),
)


@dataclass(frozen=True)
class Size:
    """How much is done."""

    down_dims: tuple[int, ...]
    offline_steps: int
    steps: int
    rates: tuple[float, ...]
    seeds: int
    methods: tuple[str, ...]


FULL = Size((32, 64, 128), 1000, 250, (1e-3, 2e-3, 3e-3, 5e-3, 1e-2), 3, tuple(m.name for m in METHODS))
QUICK = Size((32, 64), 150, 50, (1e-3,), 1, ("full", "left", "usv", "lora"))


@dataclass(frozen=True)
class MethodResult:
    """One run."""

    new: float  # held-out loss on the new task
    old: float
    trained: int  # parameters, at the end


def main() -> None:
    parser = arguments("Quality of fine-tuning at a low rank")
    parser.add_argument("--threads", type=int, default=1, help="torch threads")
    parser.add_argument("--seeds", type=int, default=FULL.seeds)
    parser.add_argument("--methods", nargs="+", choices=FULL.methods, default=FULL.methods, metavar="NAME")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    size = QUICK if options.quick else FULL
    seeds = range(size.seeds if options.quick else options.seeds)
    wanted = size.methods if options.quick else ("full", *options.methods)
    methods = [method for method in METHODS if method.name in wanted]
    results: dict[tuple[str, float], list[MethodResult]] = {}
    log = Console(stderr=True)
    for seed in seeds:
        offline: dict[str, DiffusionPolicy] = {}
        for method in methods:
            if method.offline not in offline:
                offline[method.offline] = pretrain(method.offline, size, seed, options.threads)
            for rate in size.rates:
                result = finetune(method, rate, offline[method.offline], size, seed, options.threads)
                results.setdefault((method.name, rate), []).append(result)
                log.print(
                    f"seed {seed}, {method.name}, lr {rate}: {result.new:.4f} (old task {result.old:.4f})"
                )
    rows = table(methods, size.rates, results)
    report(f"{size.steps} steps on a shifted task at {FRACTION} of the rank", rows, options.json)


def table(
    methods: Iterable[Method], rates: Iterable[float], results: dict[tuple[str, float], list[MethodResult]]
) -> list[Row]:
    """Return a row of each method at its best rate, compared seed by seed with full fine-tuning."""
    best = {
        method.name: min(rates, key=lambda rate: mean(r.new for r in results[method.name, rate]))
        for method in methods
    }
    baseline = results["full", best["full"]]
    rows = []
    for method in methods:
        runs = results[method.name, best[method.name]]
        ratios = [run.new / full.new for run, full in zip(runs, baseline, strict=True)]
        rows.append(
            {
                "method": method.name,
                "offline": method.offline,
                "lr": best[method.name],
                "seeds": len(runs),
                "loss_new": mean(run.new for run in runs),
                "loss_ratio": mean(ratios),
                "loss_ratio_min": min(ratios),
                "loss_ratio_max": max(ratios),
                "loss_old": mean(run.old for run in runs),
                "trained_parameters": round(mean(run.trained for run in runs)),
            }
        )
    return rows


def pretrain(kind: str, size: Size, seed: int, threads: int) -> DiffusionPolicy:
    """Train a new policy on the old task, at full rank or with a rank that falls to FRACTION."""
    data = windows(4000, seed, new=False)
    policy = new_policy(size.down_dims, data, seed)
    steps = size.offline_steps
    falling = SigmoidDecay(start=1.0, end=FRACTION, steps=steps, every=max(1, steps // 15), tau=0.5)
    rank = {"full": None, "left": LEFT, "usv": USV}[kind]
    generator = torch.Generator().manual_seed(seed)
    settings = train_config(steps, 1e-3, BATCH, threads)
    trainer = Trainer(policy, settings, falling if rank else None, generator, rank)
    trainer.run(lambda generator: draw(data, BATCH, generator))
    return trainer.merged_policy()


def finetune(
    method: Method, rate: float, offline: DiffusionPolicy, size: Size, seed: int, threads: int
) -> MethodResult:
    """Fine-tune a copy of `offline` on the new task and evaluate it."""
    policy = copy.deepcopy(offline)
    if method.name == "lora":
        add_lora(policy, FRACTION)
    if method.name == "norm and bias":
        for parameter in policy.parameters():
            parameter.requires_grad_(parameter.ndim == 1)
    generator = torch.Generator().manual_seed(1000 + seed)
    schedule = method.schedule if method.rank else None
    trainer = Trainer(
        policy, train_config(size.steps, rate, BATCH, threads), schedule, generator, method.rank
    )
    data = windows(1000, 100 + seed, new=True)
    report = trainer.run(lambda generator: draw(data, BATCH, generator))
    merged = trainer.merged_policy()
    if method.name == "lora":
        merged = without_lora(merged)
    new, old = (windows(1000, 10_000, new=new) for new in (True, False))
    return MethodResult(
        held_out_loss(merged, [new], seed=0, noise_draws=8).total,
        held_out_loss(merged, [old], seed=0, noise_draws=8).total,
        report.trainable_parameters,
    )


def mean(values: Iterable[float]) -> float:
    return statistics.fmean(values)


if __name__ == "__main__":
    main()
