"""What learning from outcomes and preferences gives, beside corrections (DRIFT-DAgger), in equal attempts.

`fork`, its right way closed (`support/closed_fork.py`): a policy that was trained on demonstrations of both
ways turns right about every second time. Each system has some rounds, each of as many attempts of its
present policy, then training for as many gradient steps. With a person beside, who turns right is taken over:
drift_dagger, d3po and set_supervised learn from that; dsrl and find learn from how their own attempts ended
(dsrl_synthetic with half of each batch made up), and b2 from how attempts ended that it makes in branches.
`--ablations`: b2 with what it adds left out.

Rollouts before and after are of the policy alone and paired by their seeds; 95 % intervals over all seeds.

passed: d3po and set_supervised if success is at least 90 %; dsrl and b2 if it is 20 points above what it was,
find 15. drift_dagger is there to compare with.
"""

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from benchmarks.support.closed_fork import Attempts, success
from benchmarks.support.report import Row, arguments, report, write_rows
from benchmarks.support.trained_policy import Training, trained_policy
from drift.configuration import config_file
from drift.evaluation import EVALUATION_SEED
from drift_core.episodes import EpisodeStore
from drift_core.intervals import success_rate
from drift_core.objectives import D3poObjective, PairObjective, SetSupervisedObjective
from drift_core.policy.checkpoint import load_latest
from drift_core.task import load_task
from drift_core.training.branches import B2Config
from drift_core.training.config import load_train_file
from drift_core.training.rounds import NoDataError, Rounds, train_round
from drift_core.training.synthetic import SyntheticConfig
from rich.console import Console

TASK, SAMPLER = "fork", "ddim-8"
ATTEMPT_SEED = 100_000  # of the first attempt


@dataclass(frozen=True)
class System:
    """A way to get better."""

    name: str
    kind: str  # of round
    person: bool = False
    objective: PairObjective = D3poObjective()
    variant: str = "aliased"
    synthetic: bool = False
    b2: B2Config = B2Config()
    least: float | None = None  # success that passes
    gain: float | None = None  # or how much more than before


SYSTEMS = (
    System("drift_dagger", "online", person=True),
    System("d3po", "preferences", person=True, least=0.9),
    System("set_supervised", "preferences", True, SetSupervisedObjective(), least=0.9),
    System("dsrl", "dsrl", gain=0.2),
    System("dsrl_synthetic", "dsrl", synthetic=True, gain=0.2),
    System("dsrl_sac", "dsrl", variant="sac", gain=0.2),
    System("find", "dsrl", variant="find", gain=0.15),
    System("b2", "b2", gain=0.2),
)
ABLATIONS = (
    System("b2, all draws at once", "b2", b2=B2Config(begin=1.0)),
    System("b2, beside all attempts", "b2", b2=B2Config(baseline="round")),
    System("b2, without both", "b2", b2=B2Config(begin=1.0, baseline="round")),
)


@dataclass(frozen=True)
class Size:
    """How much is done for each system."""

    training: Training
    seeds: int = 3
    rounds: int = 3
    attempts: int = 20  # in each round
    steps: int = 600  # gradient steps in each round
    model_steps: int = 2000  # of what makes experience up, beforehand
    rollouts: int = 100  # before and after


QUICK = Size(Training(20, "demo", 150), seeds=1, rounds=1, attempts=20, steps=20, model_steps=50, rollouts=10)
FULL = Size(Training(100, "demo", 2000))


@dataclass(frozen=True)
class Improved:
    """One system with one policy."""

    before: list[bool]
    after: list[bool]
    labels: int
    train_s: float


def improve(
    system: System, size: Size, folder: Path, seed: int, before: list[bool] | None = None
) -> Improved:
    """Let a copy of the policy of `seed` get better, in a folder of its own.

    `before`: its rollouts, where they are known.
    """
    trained_policy(TASK, size.training, folder, seed)
    base = folder.resolve() / TASK
    own = base / f"{system.name.replace(', ', '_').replace(' ', '_')}_{seed}"
    shutil.rmtree(own, ignore_errors=True)
    shutil.copytree(base / "episodes", own / "episodes")
    shutil.copytree(base / ("checkpoints" if seed == 0 else f"checkpoints_{seed}"), own / "checkpoints")
    task, file = load_task(config_file("task", TASK)), load_train_file(config_file("train", "demo"))
    file = replace(
        file,
        policy=replace(file.policy, sampler=SAMPLER),
        preferences=replace(file.preferences, objective=system.objective),
        dsrl=replace(
            file.dsrl,
            variant=system.variant,
            synthetic=SyntheticConfig(steps=size.model_steps) if system.synthetic else None,
        ),
        b2=replace(system.b2, groups=max(size.attempts // system.b2.branches, 1)),
    )
    rounds = Rounds(
        None,
        task,
        file,
        EpisodeStore(own / "episodes"),
        own / "checkpoints",
        seed=seed,
        threads=1,
        explore=lambda policy, sampler, start: float(success(policy, task, sampler, start)),
    )
    before = rollouts(own, size) if before is None else before
    train_s, labels = 0.0, 0
    for number in range(size.rounds):
        loaded = load_latest(own / "checkpoints")
        attempts = Attempts(own / "episodes", task, loaded.policy, loaded.info.version, SAMPLER)
        first = ATTEMPT_SEED + 1000 * seed + number * size.attempts
        for attempt in range(first, first + (0 if system.kind == "b2" else size.attempts)):
            attempts.record(attempt, system.person)
        begun_s = time.perf_counter()
        try:
            made = train_round(rounds, system.kind, steps=size.steps)
        except NoDataError as error:  # nobody had to take over, or all attempts ended alike
            Console(stderr=True).print(f"{system.name}, round {number + 1}: {error}"[:200])
            continue
        train_s += time.perf_counter() - begun_s
        labels = made.expert_labels
    demonstrations = Rounds(None, task, file, EpisodeStore(base / "episodes"), own / "none").data
    for _ in demonstrations.update():
        pass
    return Improved(before, rollouts(own, size), max(labels - demonstrations.expert_labels, 0), train_s)


def rollouts(own: Path, size: Size) -> list[bool]:
    """Return which of the evaluation's seeds the newest policy of a folder comes through, alone."""
    policy, task = load_latest(own / "checkpoints").policy, load_task(config_file("task", TASK))
    seeds = range(EVALUATION_SEED, EVALUATION_SEED + size.rollouts)
    return [success(policy, task, policy.make_sampler(SAMPLER), seed) for seed in seeds]


def row(system: System, size: Size, found: Sequence[Improved]) -> Row:
    """Return what one system gave, over all policies."""
    before = [one for each in found for one in each.before]
    rate = success_rate([one for each in found for one in each.after])
    was = sum(before) / len(before)
    passed = None
    if system.least is not None:
        passed = rate.value >= system.least
    elif system.gain is not None:
        passed = rate.value >= was + system.gain
    return {
        "system": system.name,
        "task": "fork, right way closed",
        "seeds": len(found),
        "episodes": size.rounds * size.attempts,
        "labels": sum(each.labels for each in found) / len(found),
        "success_before": was,
        "success_after": rate.value,
        "low": rate.low,
        "high": rate.high,
        "train_s": sum(each.train_s for each in found) / len(found),
        "passed": None if passed is None else str(passed).lower(),
    }


def main() -> None:
    parser = arguments("What learning from outcomes, preferences and corrections gives")
    parser.add_argument("--folder", type=Path, default=Path("runs/improvement"), help="of the policies")
    parser.add_argument("--seeds", type=int, default=FULL.seeds, help="policies")
    parser.add_argument(
        "--systems", nargs="+", choices=[each.name for each in SYSTEMS], help="all by default"
    )
    parser.add_argument("--ablations", action="store_true", help="of b2, too")
    options = parser.parse_args()
    torch.set_num_threads(1)
    size = QUICK if options.quick else replace(FULL, seeds=options.seeds)
    folder = options.folder / "quick" if options.quick else options.folder
    rows: list[Row] = []
    before: dict[int, list[bool]] = {}  # by seed
    chosen = [each for each in SYSTEMS if not options.systems or each.name in options.systems]
    for system in [*chosen, *(ABLATIONS if options.ablations else ())]:
        found = []
        for seed in range(size.seeds):
            found.append(improve(system, size, folder, seed, before.get(seed)))
            before[seed] = found[-1].before
        rows.append(row(system, size, found))
        write_rows(rows, options.json)
    report("improvement in equal attempts", rows, options.json)


if __name__ == "__main__":
    main()
