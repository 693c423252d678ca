"""The offline half of the demo, in process: demonstrations, bootstrapping, and the control run."""

import itertools
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from drift_core.data.cutter import LabelCounter, WindowCutter
from drift_core.episodes import EpisodeKind, EpisodeStore
from drift_core.policy.checkpoint import LATEST, checkpoint_path, load_checkpoint
from drift_core.task import load_task
from drift_core.training.config import load_train_file
from drift_core.training.rounds import Hooks, RoundReport, Rounds, train_round
from drift_sim.shell import EpisodeResult, Shell

from drift.configuration import config_file
from drift.demo.plan import DemoPlan
from drift.demo.record import write_json
from drift.run_folder import RunFolder

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


def make_rounds(plan: DemoPlan, shell: Shell, run: RunFolder) -> Rounds:
    """Return the trainer for the episodes and checkpoints of `run`."""
    return Rounds(
        shell.robot,
        load_task(config_file("task", plan.task)),
        load_train_file(config_file("train", plan.train)),
        EpisodeStore(run.episodes),
        run.checkpoints,
        seed=plan.seed,
    )


def train_control(
    plan: DemoPlan, shell: Shell, run: RunFolder, labels_per_round: list[int], hooks: Hooks
) -> RoundReport:
    """Train the first checkpoint on as many labels from further demonstrations, and return the last round.

    The negative control of the corrections: the same first checkpoint and demonstrations, as many rounds,
    gradient steps and labels (counted up to whole episodes), but the labels come from where the expert goes
    by itself, not from where the policy went wrong. Everything is written to `run`/control.
    """
    copy = RunFolder(run.path / "control").create()
    for episode in EpisodeStore(run.episodes).ids():
        if episode.startswith("demonstration_"):
            shutil.copytree(run.episodes / episode, copy.episodes / episode)
    first = checkpoint_path(run.checkpoints, 1).name
    shutil.copy(run.checkpoints / first, copy.checkpoints / first)
    latest = {"file": first, "sha256": load_checkpoint(copy.checkpoints / first).sha256, "version": 1}
    write_json(copy.checkpoints / LATEST, latest)

    rounds = make_rounds(plan, shell, copy)
    seeds = itertools.count(plan.first_control)
    report = None
    wanted = LabelCounter(store := EpisodeStore(copy.episodes), WindowCutter(store, shell.robot, shell.task))
    wanted.add_all()
    already = wanted.total
    for target in itertools.accumulate(labels_per_round):
        while wanted.total - already < target:
            demonstrate(shell, copy.episodes, [next(seeds)], lambda result: None, kind="intervention")
            wanted.add_all()
        report = train_round(rounds, "online", hooks)
    if report is None:
        raise ValueError("labels_per_round=[] must name at least one round")
    return report
