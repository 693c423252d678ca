"""What related systems give: success and latency of chunks that begin from a draft, beside DDIM-16.
`--system pad`: of policies that learn, too, what they will see (`support/foreseeing.py`).

One policy per task and seed, trained once with all drafts, so that every variant has the same weights, steps
and labels; rollouts are paired by their seeds. Rows with success: `fork` and `place` (see sampler_quality), a
new chunk every four steps. Latency, from the condition to the chunk at batch 1 with the faster engine, is of
the demo's MLP in these rows and of U-Net S in rows without success: the least of many, since others may
need the processor; all variants in turn.

passed: at least 4 times as fast as DDIM-16, and success no more than 3 points (anchored) or 5 (draft) below
its. Rows without a bar are there to compare: cold DDIM of as few calls, other drafts, drafts without noise.
"""

import argparse
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from benchmarks.support import foreseeing
from benchmarks.support.networks import HORIZON, always_warm, make_policy
from benchmarks.support.report import Row, arguments, report, write_rows
from benchmarks.support.rollouts import Meter, arm_bench, fork_bench
from benchmarks.support.trained_policy import ROBOT, Training, trained_policy
from drift.configuration import config_file
from drift.evaluation import seeds
from drift.simulation import make_shell
from drift_core.drafts import AnchorsConfig, GruConfig, MlpDraftConfig, ZerosConfig
from drift_core.engines import make_engine
from drift_core.intervals import paired_difference, success_rate
from drift_core.policy.policy import DiffusionPolicy
from drift_core.samplers import DraftSampler, Sampler
from drift_core.task import load_task
from rich.console import Console

REPLAN_STEPS = 4
DRAFTS = (AnchorsConfig(), GruConfig(), MlpDraftConfig(), ZerosConfig())
FULL = {"fork": Training(100, "demo", 2000, DRAFTS), "place": Training(40, "demo", 2000, DRAFTS)}
QUICK = {"fork": Training(40, "demo", 200, DRAFTS)}
QUICK_ROLLOUTS, QUICK_REPETITIONS, REPETITIONS = 10, 10, 100


@dataclass(frozen=True)
class Variant:
    """One way to make a chunk."""

    system: str
    name: str
    sampler: str
    draft: str | None = None  # the kind that it begins from, where the sampler takes several
    renoise: bool = True
    bar: float | None = None  # how far its success may lie below that of DDIM-16

    def make(self, policy: DiffusionPolicy) -> Sampler:
        sampler = policy.make_sampler(self.sampler)
        if isinstance(sampler, DraftSampler) and self.draft is not None:
            sampler.begin_from({self.draft: policy.drafts[self.draft]})
            sampler.renoise = self.renoise
        return sampler


REFERENCE = Variant("ddim", "ddim-16", "ddim-16")
VARIANTS = (
    REFERENCE,
    Variant("ddim", "ddim-3", "ddim-3"),
    Variant("ddim", "ddim-2", "ddim-2"),
    Variant("diffusiondrive", "anchored-2", "anchored-2", bar=0.03),
    Variant("diffusiondrive", "anchored-1", "anchored-1"),
    Variant("trajectory_diffuser", "draft-3", "draft-3", "gru", bar=0.05),
    Variant("trajectory_diffuser", "draft-1", "draft-1", "gru"),
    Variant("trajectory_diffuser", "draft-3 without noise", "draft-3", "gru", renoise=False),
    Variant("trajectory_diffuser", "draft-3 from mlp", "draft-3", "mlp"),
    Variant("trajectory_diffuser", "draft-3 from zeros", "draft-3", "zeros"),
    Variant("rti", "rti-3", "rti-3"),
)
QUICK_VARIANTS = tuple(v for v in VARIANTS if v.name in ("ddim-16", "ddim-2", "anchored-2", "draft-3"))


def latency_ms(network: str, variants: Sequence[Variant], repetitions: int) -> dict[str, float]:
    """Return the least time from condition to chunk by variant, of a random network in its faster engine."""
    policy = make_policy(network, drafts=DRAFTS)
    generator = torch.Generator().manual_seed(0)
    state, actions = (
        torch.randn(200, 2, 10, generator=generator),
        torch.randn(200, HORIZON, 10, generator=generator),
    )
    policy.fit_drafts(state, actions, torch.ones(200, HORIZON, dtype=torch.bool), generator)
    policy.use_engine(make_engine("auto", policy.denoiser))
    condition = 0.3 * torch.randn(1, policy.denoiser.condition_dim, generator=generator)
    samplers = {variant.name: always_warm(variant.make(policy)) for variant in variants}
    times_ms: dict[str, list[float]] = {name: [] for name in samplers}
    with torch.no_grad():
        for repetition in range(-2, repetitions):
            for name, sampler in samplers.items():
                started_s = time.perf_counter()
                policy.sample(condition, sampler, generator)
                if repetition >= 0:
                    times_ms[name].append(1e3 * (time.perf_counter() - started_s))
    return {name: min(times) for name, times in times_ms.items()}


@dataclass(frozen=True)
class Outcomes:
    """Rollouts of one variant with the policies of all seeds, in the order of their seeds."""

    success: list[bool]
    calls: list[int]


def outcomes(task_name: str, policies: Sequence[DiffusionPolicy], variant: Variant, count: int) -> Outcomes:
    """Return what became of `count` rollouts with each of `policies`."""
    task = load_task(config_file("task", task_name))
    shell = None if task.action_space == "point" else make_shell(ROBOT, task_name)
    success, calls = [], []
    for policy in policies:
        bench = (
            fork_bench(policy, task, REPLAN_STEPS)
            if shell is None
            else arm_bench(policy, shell, REPLAN_STEPS)
        )
        for seed in seeds(count):
            run = bench.run(seed, Meter(variant.make(policy)), False)
            success.append(run.success)
            calls += [chunk.calls for chunk in run.chunks]
    if shell is not None:
        shell.close()
    return Outcomes(success, calls)


def row(
    variant: Variant,
    task: str | None,
    seed_count: int | None,
    found: Outcomes | None,
    before: Outcomes | None,
    latency: float,
    ddim16: float,
) -> Row:
    """Return one row; without outcomes that of a network whose latency alone is measured."""
    rate = None if found is None else success_rate(found.success)
    speedup = ddim16 / latency
    passed = None
    if variant.bar is not None:
        kept = found is None or before is None or lost(before, found) <= variant.bar + 1e-9
        passed = speedup >= 4.0 and kept
    return {
        "system": variant.system,
        "variant": variant.name,
        "task": task,
        "seeds": seed_count,
        "rollouts": None if found is None else len(found.success),
        "success": None if rate is None else rate.value,
        "success_low": None if rate is None else rate.low,
        "success_high": None if rate is None else rate.high,
        "calls": None if found is None else statistics.fmean(found.calls),
        "latency_ms": latency,
        "speedup_ddim16": speedup,
        "passed": passed,
    }


def lost(before: Outcomes, after: Outcomes) -> float:
    return -paired_difference(before.success, after.success).value


def study_foreseeing(options: argparse.Namespace, log: Console) -> None:
    """Compare policies that foresee with one that does not."""
    size, tasks, folder = foreseeing.QUICK, ["fork"], options.folder / "foreseeing_quick"
    if not options.quick:
        counts = tuple(sorted(options.demonstrations))
        size = foreseeing.Size(
            counts,
            options.videos,
            seeds=options.seeds,
            rollouts=options.rollouts,
            repetitions=options.repetitions,
            variants=tuple(v for v in foreseeing.VARIANTS if options.videos or not v.videos),
        )
        tasks, folder = options.tasks, options.folder / "foreseeing"
    rows: list[Row] = []
    for task in tasks:
        for found in foreseeing.rows(task, size, folder):
            rows.append(found)
            log.print(
                f"{task}, {found['demonstrations']} demonstrations, {found['variant']}: {found['success']}"
            )
            write_rows(rows, options.json)
    report("policies that foresee what they will see", rows, options.json)


def main() -> None:
    parser = arguments("Related systems: chunks that begin from a draft")
    parser.add_argument("--folder", type=Path, default=Path("runs/draft_policies"), help="of the policies")
    parser.add_argument(
        "--tasks", nargs="*", choices=[*FULL, "insert"], default=list(FULL), help="none: latency alone"
    )
    parser.add_argument(
        "--variants", nargs="+", choices=[v.name for v in VARIANTS[1:]], help="beside ddim-16"
    )
    parser.add_argument("--repetitions", type=int, default=REPETITIONS, help="of each latency")
    parser.add_argument("--seeds", type=int, default=5, help="policies per task")
    parser.add_argument("--rollouts", type=int, default=50, help="of each variant with each policy")
    parser.add_argument("--system", choices=["drafts", "pad"], default="drafts", help="what is studied")
    parser.add_argument(
        "--demonstrations", type=int, nargs="+", default=[10, 25], help="of policies that foresee"
    )
    parser.add_argument("--videos", type=int, default=100, help="beside them; 0: without such policies")
    options = parser.parse_args()
    torch.set_num_threads(1)
    log = Console(stderr=True)
    if options.system == "pad":
        study_foreseeing(options, log)
        return
    chosen = options.variants or [variant.name for variant in VARIANTS]
    variants = [
        v for v in (QUICK_VARIANTS if options.quick else VARIANTS) if v == REFERENCE or v.name in chosen
    ]
    trainings = QUICK if options.quick else {task: FULL[task] for task in options.tasks}
    folder = options.folder / "quick" if options.quick else options.folder
    seed_count = 1 if options.quick else options.seeds
    repetitions = QUICK_REPETITIONS if options.quick else options.repetitions
    latency = {network: latency_ms(network, variants, repetitions) for network in ("mlp", "S")}
    rows: list[Row] = []
    for variant in variants:
        taken = latency["S"]
        rows.append(row(variant, "latency, S", None, None, None, taken[variant.name], taken[REFERENCE.name]))
    for task, training in trainings.items():
        policies = [trained_policy(task, training, folder, seed) for seed in range(seed_count)]
        before: Outcomes | None = None
        for variant in variants:
            found = outcomes(task, policies, variant, QUICK_ROLLOUTS if options.quick else options.rollouts)
            before = before or found
            taken = latency["mlp"]
            rows.append(
                row(variant, task, seed_count, found, before, taken[variant.name], taken[REFERENCE.name])
            )
            log.print(f"{task}, {variant.name}: {success_rate(found.success)}")
            write_rows(rows, options.json)
    report("chunks that begin from a draft", rows, options.json)


if __name__ == "__main__":
    main()
