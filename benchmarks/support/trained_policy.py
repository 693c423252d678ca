"""Policies for benchmarks: trained once on demonstrations, then taken from a folder."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from drift.configuration import config_file
from drift.demo.offline import demonstrate
from drift.run_folder import RunFolder
from drift.simulation import make_shell
from drift_core.arm import POINT
from drift_core.drafts import DraftConfig
from drift_core.episodes import EpisodeMeta, EpisodeStore, EpisodeWriter, StepRecord, StepSource
from drift_core.policy.checkpoint import load_latest, read_latest
from drift_core.policy.policy import DiffusionPolicy
from drift_core.task import TaskConfig, load_task
from drift_core.training.config import load_train_file
from drift_core.training.rounds import Rounds, train_round
from drift_sim.scenes import fork
from rich.console import Console

ROBOT = "panda"


@dataclass(frozen=True)
class Training:
    """How much one policy learns from."""

    demonstrations: int
    file: str  # of config/train
    steps: int
    drafts: tuple[DraftConfig, ...] | None = None  # in place of the file's


def trained_policy(task_name: str, training: Training, folder: Path, seed: int = 0) -> DiffusionPolicy:
    """Return the newest checkpoint below `folder`/<task>; without one, record demonstrations and train it.

    Policies of another `seed` have the same demonstrations.
    """
    run = RunFolder(folder.resolve() / task_name).create()
    checkpoints = run.checkpoints if seed == 0 else run.checkpoints.with_name(f"checkpoints_{seed}")
    if read_latest(checkpoints) is None:
        _train(task_name, training, run, checkpoints, seed)
    return load_latest(checkpoints).policy


def _train(task_name: str, training: Training, run: RunFolder, checkpoints: Path, seed: int) -> None:
    log = Console(stderr=True)
    task = load_task(config_file("task", task_name))
    shell = None if task.action_space == "point" else make_shell(ROBOT, task_name)
    missing = range(len(EpisodeStore(run.episodes).ids()), training.demonstrations)
    log.print(f"{task_name}: {len(missing)} demonstrations, then {training.steps} gradient steps")
    if shell is None:
        _demonstrate_fork(task, run.episodes, missing)
    else:
        demonstrate(shell, run.episodes, missing, on_episode=lambda result: None)
    train_file = load_train_file(config_file("train", training.file))
    if training.drafts is not None:
        train_file = replace(train_file, policy=replace(train_file.policy, drafts=training.drafts))
    robot = None if shell is None else shell.environment.robot
    rounds = Rounds(robot, task, train_file, EpisodeStore(run.episodes), checkpoints, seed=seed)
    train_round(rounds, "offline", steps=training.steps)
    if shell is not None:
        shell.close()


def _demonstrate_fork(task: TaskConfig, folder: Path, seeds: Iterable[int]) -> None:
    """Record the demonstrator: its state at the beginning of each step, its set-point due at the end."""
    for seed in seeds:
        episode = fork.demonstrate(task, seed)
        name = f"demonstration_{seed:06d}"
        meta = EpisodeMeta(name, POINT, task.name, seed, "demonstration", (), task.dt_s, 0.0)
        with EpisodeWriter(folder, meta) as writer:
            for step, (state, action) in enumerate(zip(episode.states, episode.actions, strict=True)):
                now_s, due_s = step * task.dt_s, (step + 1) * task.dt_s
                writer.add_joints(state, 0.0, now_s, now_s)
                writer.add_step(
                    StepRecord(due_s, step, StepSource.EXPERT, 1, 1, 0, 0, -1.0, action, state, action, 0)
                )
            writer.close("success" if episode.success else "failure")
