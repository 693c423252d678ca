"""The offline half of the demo, in process: demonstrations, bootstrapping, and the control run."""

import itertools
import shutil
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from drift_core.data.cutter import LabelCounter, WindowCutter
from drift_core.episodes import EpisodeKind, EpisodeStore
from drift_core.policy.checkpoint import load_checkpoint
from drift_core.policy.checkpoint_folder import LATEST, checkpoint_path
from drift_core.task import load_task
from drift_core.training.config import TrainFile
from drift_core.training.provenance import provenance_path
from drift_core.training.rounds import Backlog, Hooks, RoundReport, Rounds, train_round
from drift_sim.shell import EpisodeResult, Shell

from drift.configuration import config_file
from drift.demo.plan import DemoPlan
from drift.demo.record import write_json
from drift.run_folder import RunFolder
from drift.session_loop import TrainMode

_TAIL_S = 0.5  # recorded after a success, so that labels reach the end


def demonstrate(
    shell: Shell,
    folder: Path,
    seeds: Iterable[int],
    on_episode: Callable[[EpisodeResult], None],
    kind: EpisodeKind = "demonstration",
) -> None:
    """Let the expert drive one episode per seed, through joystick, gate and guard; record into `folder`."""
    for seed in seeds:
        expert = shell.expert("demonstrate", seed)
        writer = shell.writer(folder, f"{kind}_{seed:06d}", seed, kind)
        on_episode(shell.run_episode(seed, expert=expert, writer=writer, tail_s=_TAIL_S))


def make_rounds(plan: DemoPlan, shell: Shell, run: RunFolder, train_file: TrainFile) -> Rounds:
    """Return the trainer for the episodes and checkpoints of `run`."""
    task, store = load_task(config_file("task", plan.task)), EpisodeStore(run.episodes)
    return Rounds(shell.environment.arm, task, train_file, store, run.checkpoints, seed=plan.seed)


def train_control(
    plan: DemoPlan,
    shell: Shell,
    run: RunFolder,
    train_file: TrainFile,
    labels: list[int],
    steps: int,
    hooks: Hooks,
) -> RoundReport:
    """Train the first checkpoint on as many labels from further demonstrations, and return the last version.

    The negative control of the corrections: the same first checkpoint and demonstrations, the same kind of
    training, as many `labels` (of each round, or of the stream; counted up to whole episodes) and gradient
    `steps`; but the labels come from where the expert goes by itself, not from where the policy went wrong.
    Everything is written to `run`/control.
    """
    if sum(labels) < 1:
        raise ValueError(f"labels={labels} must be at least 1 in all: nothing was corrected")
    copy = RunFolder(run.path / "control").create()
    for episode in EpisodeStore(run.episodes).ids():
        if episode.startswith("demonstration_"):
            shutil.copytree(run.episodes / episode, copy.episodes / episode)
    first = checkpoint_path(run.checkpoints, 1)
    for path in (first, provenance_path(first)):
        shutil.copy(path, copy.checkpoints / path.name)
    latest = {"file": first.name, "sha256": load_checkpoint(first).sha256, "version": 1}
    write_json(copy.checkpoints / LATEST, latest)

    unhurried = replace(train_file.continuous.unhurried(), steps_per_label=steps / sum(labels))
    rounds = make_rounds(plan, shell, copy, replace(train_file, continuous=unhurried))
    seeds = itertools.count(plan.first_control)
    wanted = LabelCounter(
        store := EpisodeStore(copy.episodes), WindowCutter(store, shell.environment.arm, shell.task)
    )
    wanted.add_all()
    already, ended = wanted.total, False

    def one_more() -> None:
        demonstrate(shell, copy.episodes, [next(seeds)], lambda result: None, kind="intervention")
        wanted.add_all()

    def on_backlog(backlog: Backlog) -> None:
        nonlocal ended
        if not backlog.steps:
            ended = wanted.total - already >= sum(labels)
            if not ended:
                one_more()

    if plan.train_mode is TrainMode.CONTINUOUS:
        hooks = replace(hooks, on_backlog=on_backlog, cancelled=lambda: ended)
        return train_round(rounds, "continuous", hooks)
    for target in itertools.accumulate(labels):
        while wanted.total - already < target:
            one_more()
        report = train_round(rounds, "online", hooks)
    return report
