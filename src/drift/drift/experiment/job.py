"""One seed of one method on one task, from the first demonstration to the last rollout."""

import math
import shutil
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Annotated

import torch
from drift_config.strict import STRICT
from drift_core.data.cutter import LabelCounter, WindowCutter
from drift_core.episodes import EpisodeKind, EpisodeStore
from drift_core.policy.checkpoint import load_latest
from drift_core.training.config import TrainFile, load_train_file
from drift_core.training.rounds import Backlog, Hooks, Rounds, train_round
from drift_core.training.trainer import StepProgress
from drift_sim.policy_driver import PolicyPace
from drift_sim.shell import EpisodeResult, Shell
from pydantic import Field
from pydantic.dataclasses import dataclass as checked_dataclass

from drift.configuration import config_file
from drift.demo.offline import demonstrate
from drift.evaluation import seeds as evaluation_seeds
from drift.experiment.bench import make_shell, versions
from drift.experiment.budget import Budget
from drift.experiment.methods import METHODS, Method
from drift.experiment.study import Job
from drift.run_folder import RunFolder
from drift.simulation import policy_pace

Share = Annotated[float, Field(ge=0)]


@checked_dataclass(frozen=True, config=STRICT)
class Point:
    """How good a policy was, and what it had learned from."""

    labels: int  # of the expert, in all
    gradient_steps: int
    success: tuple[bool, ...]  # by evaluation seed
    episode_s: float | None  # mean duration of the successful rollouts [s]; None: there was none
    durations_s: tuple[float, ...] = ()  # by evaluation seed


@checked_dataclass(frozen=True, config=STRICT)
class Spent:
    """What a policy had cost, without its rollouts alone."""

    episodes_s: Share  # simulated time of demonstrations and corrected episodes [s]
    driven_s: Share  # of it, driven by the expert
    training_s: Share  # in gradient steps; of the clock on the wall

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """In the order in which they are given."""
        return tuple(field.name for field in fields(cls))


@checked_dataclass(frozen=True, config=STRICT)
class JobResult:
    """What one job gave; all but the times follows from its seed."""

    points: tuple[Point, ...]  # in the order of the method's course, which ends with the one that counts
    takeovers: int
    offline_batch_ms: float  # mean duration of a gradient step
    online_batch_ms: float | None  # None: without rounds
    training_s: float  # in gradient steps
    duration_s: float  # of the whole job
    faults: tuple[str, ...]  # of the environment, each one failed episode
    versions: dict[str, str]
    spent: tuple[Spent, ...] = ()  # of each point
    late_ticks: Share | None = None  # share of the nodes' control ticks; None: no node ran


@dataclass
class Counts:
    """What is counted on the way."""

    takeovers: int = 0
    faults: list[str] = field(default_factory=list)
    offline_s: list[float] = field(default_factory=list)  # of each gradient step
    online_s: list[float] = field(default_factory=list)
    demonstrating_s: float = 0.0  # in episodes of the expert alone
    driving_s: float = 0.0  # in episodes of a policy
    episodes_s: float = 0.0  # of simulated time that somebody was there for
    driven_s: float = 0.0  # of it, driven by the expert
    spent: list[Spent] = field(default_factory=list)  # until each evaluation
    node_steps: int = 0  # control ticks of the nodes
    late_steps: int = 0  # of them, more than a period late

    def take(self, result: EpisodeResult) -> None:
        """Count an episode of a policy alone."""
        if result.fault:
            self.faults.append(f"seed {result.seed}: {result.fault}")

    def take_watched(self, result: EpisodeResult, control_s: float) -> None:
        """Count an episode that somebody drove or watched."""
        self.take(result)
        self.episodes_s += result.steps * control_s
        self.driven_s += result.expert_steps * control_s

    @property
    def training_s(self) -> float:
        """In gradient steps so far."""
        return math.fsum(self.offline_s + self.online_s)

    def spend(self) -> None:
        """Note what has been spent so far."""
        self.spent.append(Spent(self.episodes_s, self.driven_s, self.training_s))


def run_job(job: Job, folder: Path, on_text: Callable[[str], None] = lambda text: None) -> JobResult:
    """Run `job` in `folder`, which is begun anew; DriftError where something does not fit."""
    torch.set_num_threads(1)  # one process per core
    began_s = time.monotonic()
    shutil.rmtree(folder, ignore_errors=True)
    run = RunFolder(folder).create()
    shell = make_shell(job.task)
    try:
        learner = Learner(job, shell, run, on_text)
        points = learner.run()
        used = versions(shell.environment)
    finally:
        shell.close()
    counts = learner.counts
    return JobResult(
        points=tuple(points),
        takeovers=counts.takeovers,
        offline_batch_ms=1e3 * statistics.fmean(counts.offline_s),
        online_batch_ms=1e3 * statistics.fmean(counts.online_s) if counts.online_s else None,
        training_s=counts.training_s,
        duration_s=time.monotonic() - began_s,
        faults=tuple(counts.faults),
        versions=used,
        spent=tuple(counts.spent),
        late_ticks=counts.late_steps / counts.node_steps if counts.node_steps else None,
    )


RollOut = Callable[["Learner", Sequence[int]], list[tuple[bool, float]]]  # success and duration by seed [s]


class Learner:
    """The stages of a job, of which a course makes its own order; `counts` grows with them."""

    def __init__(self, job: Job, shell: Shell, run: RunFolder, on_text: Callable[[str], None]) -> None:
        self.job, self._shell, self._run, self._on_text = job, shell, run, on_text
        self._method: Method = METHODS[job.method]
        self.recipe = recipe(job)
        self._pace = pace(shell)
        self.counts = Counts()
        store = EpisodeStore(run.episodes)
        arm, task = shell.environment.arm, shell.task
        self._rounds = Rounds(arm, task, self.recipe, store, run.checkpoints, seed=job.seed, threads=1)
        self._labels = LabelCounter(store, WindowCutter(store, arm, task))

    @property
    def folder(self) -> RunFolder:
        """Episodes and checkpoints."""
        return self._run

    @property
    def budget(self) -> Budget:
        """How much of everything there is to be."""
        return self.job.budget

    @property
    def labels(self) -> int:
        """Labels of the expert so far."""
        self._labels.add_all()
        return self._labels.total

    @property
    def trained_labels(self) -> int:
        """Labels so far, without those of episodes that are held out."""
        return sum(correction.labels for correction in self._rounds.update_data(Hooks()).corrections)

    def say(self, text: str) -> None:
        """Tell whoever watches."""
        self._on_text(text)

    def beside(self, method: str) -> "Learner":
        """Return a job of another method with the same seed, in a folder of its own; it counts for itself."""
        run = RunFolder(self._run.path / "beside").create()
        return Learner(replace(self.job, method=method), self._shell, run, self._on_text)

    @contextmanager
    def elsewhere(self, place: Callable[[Shell], Shell]) -> Iterator[None]:
        """Run episodes in another shell for the time being."""
        here = self._shell
        self._shell = place(here)
        try:
            yield
        finally:
            self._shell.close()
            self._shell = here

    def run(self) -> list[Point]:
        """Run the course of the method."""
        return self._method.course.run(self)

    def begin(self) -> None:
        """Demonstrate and bootstrap."""
        self.demonstrate(self.job.demonstrated)
        self.bootstrap()

    def demonstrate(self, seeds: Sequence[int], kind: EpisodeKind = "demonstration") -> None:
        """Let the expert drive alone; as what its episodes count says `kind`."""
        self._on_text(f"{len(seeds)} demonstrations")
        began_s = time.monotonic()
        demonstrate(self._shell, self._run.episodes, seeds, self._take, kind)
        self.counts.demonstrating_s += time.monotonic() - began_s

    def bootstrap(self) -> None:
        """Train a new policy on the demonstrations."""
        self._on_text("bootstrapping")
        train_round(self._rounds, "offline", self._hooks(self.counts.offline_s))

    def correct(self, seeds: Sequence[int]) -> None:
        """Let the newest policy drive, and the expert take over."""
        self._on_text(f"{len(seeds)} corrected episodes")
        loaded = load_latest(self._run.checkpoints)
        sampler, began_s = loaded.policy.make_sampler(self.recipe.policy.sampler), time.monotonic()
        for seed in seeds:
            result = self._shell.run_episode(
                seed,
                policy=loaded.policy,
                sampler=sampler,
                expert=self._method.corrects(self._shell, seed),
                writer=self._shell.writer(
                    self._run.episodes, f"intervention_{seed:06d}", seed, "intervention"
                ),
                pace=self._pace,
                policy_version=loaded.info.version,
            )
            self._take(result)
            self.counts.takeovers += result.interventions
        self.counts.driving_s += time.monotonic() - began_s

    def train(self, steps: int = 0) -> None:
        """Train the newest policy on, with so many gradient steps; 0: those of a round."""
        self._on_text("training online")
        self._method.online(self._rounds, self._hooks(self.counts.online_s), steps)

    def stream(self, on_backlog: Callable[[Backlog], None], cancelled: Callable[[], bool]) -> None:
        """Train without rounds until `cancelled`; CancelledError if no version came of it."""
        self._on_text("training without rounds")
        hooks = self._hooks(self.counts.online_s)
        train_round(self._rounds, "continuous", replace(hooks, on_backlog=on_backlog, cancelled=cancelled))

    def evaluate(self, last: bool = False, roll_out: RollOut | None = None) -> Point:
        """Let the newest policy drive alone, from the same places as every other policy.

        `roll_out`: in which way, None for this shell.
        """
        self.counts.spend()
        rollouts = self.budget.at_the_end if last else self.budget.evaluations
        loaded, began_s = load_latest(self._run.checkpoints), time.monotonic()
        self._on_text(f"{rollouts} rollouts of version {loaded.info.version}")
        done = (roll_out or Learner._roll_out)(self, evaluation_seeds(rollouts))
        self.counts.driving_s += time.monotonic() - began_s
        good_s = [duration_s for success, duration_s in done if success]
        return Point(
            self.labels,
            loaded.info.step,
            tuple(success for success, _ in done),
            statistics.fmean(good_s) if good_s else None,
            tuple(duration_s for _, duration_s in done),
        )

    def _roll_out(self, seeds: Sequence[int]) -> list[tuple[bool, float]]:
        loaded, done = load_latest(self._run.checkpoints), []
        sampler = loaded.policy.make_sampler(self.recipe.policy.sampler)
        for seed in seeds:
            result = self._shell.run_episode(seed, policy=loaded.policy, sampler=sampler, pace=self._pace)
            self.counts.take(result)
            done.append((result.success, result.duration_s))
        return done

    def _take(self, result: EpisodeResult) -> None:
        self.counts.take_watched(result, self._shell.environment.control_s)

    def _hooks(self, into: list[float]) -> Hooks:
        def on_progress(progress: StepProgress) -> None:
            into.append(progress.step_s)

        return Hooks(on_progress=on_progress)


def recipe(job: Job) -> TrainFile:
    """Return what the job's method makes of its file of config/train, for its budget."""
    budget, method = job.budget, METHODS[job.method]
    file = load_train_file(config_file("train", job.train))
    offline = method.course.amount(budget).offline_steps
    schedule = file.rank.offline.scaled(offline / file.offline.steps)
    file = replace(
        file,
        rank=replace(file.rank, offline=schedule),
        offline=replace(
            file.offline, steps=offline, warmup_steps=min(file.offline.warmup_steps, offline // 10)
        ),
        online=replace(
            file.online,
            steps=budget.online_steps,
            warmup_steps=min(file.online.warmup_steps, budget.online_steps // 10),
        ),
    )
    return method.recipe(file)


def pace(shell: Shell) -> PolicyPace:
    """Return the policy node's pace; where the world waits for the policy, an inference takes no time."""
    configured = policy_pace()
    if not shell.environment.waits:
        return configured
    steps = min(configured.replan_steps, shell.task.action_steps)
    return replace(configured, inference_s=0.0, realtime_chunking=False, replan_steps=steps)
