"""What learning from outcomes and preferences gives, beside corrections (DRIFT-DAgger), in equal attempts
to learn from.

    fork     its right way closed (`support/closed_fork.py`): a policy that was trained on demonstrations of
             both ways turns right about every second time
    place    from state (`support/place_from_state.py`): a policy of few demonstrations succeeds about every
             second time

Each system has some rounds, each of as many attempts of its present policy, then training for as many
gradient steps. With a person beside, who is about to fail is taken over: drift_dagger, d3po and
set_supervised learn from that; dsrl and find learn from how their own attempts ended (dsrl_synthetic with
half of each batch made up), and b2 from how attempts ended that it makes in branches; what it makes only to
compare its new version with the last one counts among its episodes, too. drift_then_dsrl: all rounds but the
last are drift_dagger's, the last is dsrl's. `--ablations`: b2 with what it adds left out, and dsrl that knows
nothing but its own attempts.

Rollouts before and after are of the policy alone and paired by their seeds; 95 % intervals over all seeds.

passed: d3po and set_supervised if success is at least 90 %; dsrl and b2 if it is 20 points above what it was,
find 15; all of them in fork, for which these bars were set.
"""

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from benchmarks.support.closed_fork import ClosedFork
from benchmarks.support.ground import Ground
from benchmarks.support.place_from_state import PlaceFromState
from benchmarks.support.report import Row, arguments, report, write_rows
from drift.configuration import config_file
from drift.evaluation import EVALUATION_SEED
from drift_core.data.cutter import LabelCounter, WindowCutter
from drift_core.episodes import EpisodeStore
from drift_core.intervals import success_rate
from drift_core.objectives import D3poObjective, PairObjective, SetSupervisedObjective
from drift_core.policy.checkpoint import load_latest
from drift_core.policy.checkpoint_folder import read_latest
from drift_core.policy.policy import DiffusionPolicy
from drift_core.samplers import Sampler
from drift_core.training.branches import B2Config
from drift_core.training.config import TrainFile, load_train_file
from drift_core.training.rounds import NoDataError, Rounds, WorseError, train_round
from drift_core.training.synthetic import SyntheticConfig
from rich.console import Console

GROUNDS: dict[str, type[Ground]] = {"fork": ClosedFork, "place": PlaceFromState}
SAMPLER = "ddim-8"
ATTEMPT_SEED = 100_000  # of the first attempt
WITH_A_PERSON = ("online", "preferences")  # kinds of rounds whose attempts have one beside


@dataclass(frozen=True)
class System:
    """A way to get better."""

    name: str
    kind: str  # of its rounds
    last: str | None = None  # of the last round, where it is another one
    objective: PairObjective = D3poObjective()
    variant: str = "aliased"
    demonstrations: bool = True  # in the replay of dsrl
    synthetic: bool = False
    b2: B2Config = B2Config()
    least: float | None = None  # success that passes
    gain: float | None = None  # or how much more than before

    def kind_of(self, number: int, rounds: int) -> str:
        """Return the kind of round `number`, from 0 on."""
        return self.last if self.last is not None and number == rounds - 1 else self.kind


SYSTEMS = (
    System("drift_dagger", "online"),
    System("drift_then_dsrl", "online", last="dsrl"),
    System("d3po", "preferences", least=0.9),
    System("set_supervised", "preferences", objective=SetSupervisedObjective(), least=0.9),
    System("dsrl", "dsrl", gain=0.2),
    System("dsrl_synthetic", "dsrl", synthetic=True, gain=0.2),
    System("dsrl_sac", "dsrl", variant="sac", gain=0.2),
    System("find", "dsrl", variant="find", gain=0.15),
    System("b2", "b2", gain=0.2),
)
ABLATIONS = (
    System("dsrl, attempts alone", "dsrl", demonstrations=False),
    System("b2, all draws at once", "b2", b2=B2Config(begin=1.0)),
    System("b2, beside all attempts", "b2", b2=B2Config(baseline="round")),
    System("b2, without both", "b2", b2=B2Config(begin=1.0, baseline="round")),
)


@dataclass(frozen=True)
class Size:
    """How much is done for each system."""

    demonstrations: int
    first_steps: int = 2000  # gradient steps of the policy that all begin with
    seeds: int = 3  # policies
    rounds: int = 3
    attempts: int = 20  # in each round
    canary: int = 20  # attempts of b2's new version in each round, and as many of the last one
    steps: int = 600  # gradient steps in each round
    model_steps: int = 2000  # of what makes experience up, beforehand
    rollouts: int = 100  # before and after


QUICK = {
    "fork": Size(20, first_steps=150, seeds=1, rounds=1, steps=20, model_steps=50, rollouts=10),
    "place": Size(
        4, first_steps=50, seeds=1, rounds=1, attempts=4, canary=2, steps=20, model_steps=50, rollouts=2
    ),
}
FULL = {"fork": Size(100), "place": Size(30, steps=1200, rollouts=50)}


@dataclass(frozen=True)
class Improved:
    """One system with one policy."""

    before: list[bool]
    after: list[bool]
    episodes: int
    labels: int
    train_s: float


@dataclass(frozen=True)
class Bench:
    """Where, how much, and in which folder."""

    ground: Ground
    size: Size
    folder: Path  # of the ground

    def rounds(self, folder: Path, file: TrainFile, seed: int, threads: int = 1) -> Rounds:
        """Return the trainer for a folder of episodes and checkpoints."""
        ground = self.ground
        return Rounds(
            ground.arm,
            ground.task,
            file,
            EpisodeStore(folder / "episodes"),
            folder / "checkpoints",
            seed=seed,
            threads=threads,
        )

    def first(self, seed: int) -> Path:
        """Return the folder of the policy that all systems of a seed begin with; train a missing one."""
        first = self.folder / f"first_{seed}"
        if read_latest(first / "checkpoints") is None:
            Console(stderr=True).print(f"{self.ground.title}: policy {seed + 1} of demonstrations")
            self.ground.demonstrate(first / "episodes", self.size.demonstrations)
            rounds = self.rounds(first, load_train_file(config_file("train", "demo")), seed)
            train_round(rounds, "offline", steps=self.size.first_steps)
        return first

    def improve(self, system: System, seed: int, before: list[bool] | None = None) -> Improved:
        """Let a copy of the policy of `seed` get better, in a folder of its own.

        `before`: its rollouts, where they are known.
        """
        first, size = self.first(seed), self.size
        own = self.folder / f"{system.name.replace(', ', '_').replace(' ', '_')}_{seed}"
        shutil.rmtree(own, ignore_errors=True)
        for name in ("episodes", "checkpoints"):
            shutil.copytree(first / name, own / name)
        rounds = self.rounds(own, recipe(system, size), seed)
        before = self.rollouts(own) if before is None else before
        train_s, episodes = 0.0, 0

        def explore(policy: DiffusionPolicy, sampler: Sampler, start: int) -> float:
            nonlocal episodes
            episodes += 1
            return self.ground.score(policy, sampler, start)

        rounds.explore = explore
        for number in range(size.rounds):
            kind = system.kind_of(number, size.rounds)
            if kind == "b2":  # makes its own attempts: elsewhere, also after a round that was not announced
                rounds.seed = seed + size.seeds * number
            else:
                self.attempt(own, ATTEMPT_SEED + 1000 * seed + number * size.attempts, kind in WITH_A_PERSON)
                episodes += size.attempts
            begun_s = time.perf_counter()
            try:
                train_round(rounds, kind, steps=size.steps)
            except (NoDataError, WorseError) as error:  # all attempts ended alike, or the canary refused
                Console(stderr=True).print(f"{system.name}, round {number + 1}: {error}"[:200])
                continue
            train_s += time.perf_counter() - begun_s
        labels = self.labels(own) - self.labels(first)
        return Improved(before, self.rollouts(own), episodes, labels, train_s)

    def attempt(self, folder: Path, first: int, person: bool) -> None:
        """Record a round's attempts of the newest policy of a folder."""
        loaded = load_latest(folder / "checkpoints")
        for seed in range(first, first + self.size.attempts):
            self.ground.attempt(folder / "episodes", loaded, SAMPLER, seed, person)

    def rollouts(self, folder: Path) -> list[bool]:
        """Return which of the evaluation's seeds the newest policy of a folder comes through, alone."""
        policy = load_latest(folder / "checkpoints").policy
        seeds = range(EVALUATION_SEED, EVALUATION_SEED + self.size.rollouts)
        return [self.ground.succeeds(policy, policy.make_sampler(SAMPLER), seed) for seed in seeds]

    def labels(self, folder: Path) -> int:
        """Return how many labels of a person the episodes of a folder have."""
        store = EpisodeStore(folder / "episodes")
        counter = LabelCounter(store, WindowCutter(store, self.ground.arm, self.ground.task))
        counter.add_all()
        return counter.total

    def row(self, system: System, found: Sequence[Improved]) -> Row:
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
            "task": self.ground.title,
            "seeds": len(found),
            "episodes": sum(each.episodes for each in found) / len(found),
            "labels": sum(each.labels for each in found) / len(found),
            "success_before": was,
            "success_after": rate.value,
            "low": rate.low,
            "high": rate.high,
            "by_seed": " ".join(f"{sum(each.before)}→{sum(each.after)}" for each in found),
            "train_s": sum(each.train_s for each in found) / len(found),
            "passed": None if passed is None else str(passed).lower(),
        }


def recipe(system: System, size: Size) -> TrainFile:
    """Return what a system makes of the demo's train file."""
    file = load_train_file(config_file("train", "demo"))
    return replace(
        file,
        policy=replace(file.policy, sampler=SAMPLER),
        preferences=replace(file.preferences, objective=system.objective),
        dsrl=replace(
            file.dsrl,
            variant=system.variant,
            demonstrations=system.demonstrations,
            synthetic=SyntheticConfig(steps=size.model_steps) if system.synthetic else None,
        ),
        b2=replace(
            system.b2, groups=max(size.attempts // system.b2.branches, 1), canary_attempts=size.canary
        ),
    )


def main() -> None:
    parser = arguments("What learning from outcomes, preferences and corrections gives")
    parser.add_argument("--task", choices=GROUNDS, default="fork")
    parser.add_argument("--folder", type=Path, default=Path("runs/improvement"), help="of the policies")
    parser.add_argument("--seeds", type=int, help=f"policies; {Size(0).seeds} by default")
    names = [each.name for each in SYSTEMS]
    parser.add_argument("--systems", nargs="*", choices=names, default=names, help="all by default")
    parser.add_argument("--ablations", action="store_true", help="of b2 and dsrl, too")
    options = parser.parse_args()
    torch.set_num_threads(1)
    size = (QUICK if options.quick else FULL)[options.task]
    size = size if options.seeds is None else replace(size, seeds=options.seeds)
    folder = options.folder.resolve() / ("quick" if options.quick else "") / options.task
    bench = Bench(GROUNDS[options.task](), size, folder)
    rows: list[Row] = []
    before: dict[int, list[bool]] = {}  # by seed
    chosen = [each for each in SYSTEMS if each.name in options.systems]
    for system in [*chosen, *(ABLATIONS if options.ablations else ())]:
        found = []
        for seed in range(size.seeds):
            found.append(bench.improve(system, seed, before.get(seed)))
            before[seed] = found[-1].before
        rows.append(bench.row(system, found))
        write_rows(rows, options.json)
    report("improvement in equal attempts to learn from", rows, options.json)


if __name__ == "__main__":
    main()
