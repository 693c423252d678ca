"""Policies for benchmarks: trained once on demonstrations, then taken from a folder."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from drift.configuration import config_file
from drift.demo.offline import demonstrate
from drift.named_task import named_task
from drift.run_folder import RunFolder
from drift.simulation import make_shell
from drift_control.robot.robot import load_robot
from drift_core.arm import POINT
from drift_core.denoisers import DenoiserConfig
from drift_core.drafts import DraftConfig
from drift_core.episodes import EpisodeMeta, EpisodeStore, EpisodeWriter, StepRecord, StepSource
from drift_core.policy.checkpoint import load_latest
from drift_core.policy.checkpoint_folder import read_latest
from drift_core.policy.policy import DiffusionPolicy
from drift_core.task import TaskConfig, load_task, task_names
from drift_core.training.config import TrainFile, load_train_file
from drift_core.training.rounds import Rounds, train_round
from drift_sim.scenes import fork
from rich.console import Console

ROBOT = "panda"
_DEMONSTRATION = "demonstration_"  # and the seed: how episodes are called
_SEEDS_OF_A_TASK = 1000  # of several: their episodes lie in one store, and are called by their seeds


@dataclass(frozen=True)
class Training:
    """How much one policy learns from."""

    demonstrations: int
    file: str  # of config/train
    steps: int
    drafts: tuple[DraftConfig, ...] | None = None  # in place of the file's
    denoiser: DenoiserConfig | None = None  # likewise


def trained_policy(
    task_name: str, training: Training, folder: Path, seed: int = 0, network: str = ""
) -> DiffusionPolicy:
    """Return the newest checkpoint below `folder`/<task>; without one, record demonstrations and train it.

    Policies of another `seed`, and of another `network`, have the same demonstrations. Several tasks
    (place+insert) have as many demonstrations each.
    """
    run = RunFolder(folder.resolve() / task_name).create()
    parts = ["checkpoints", *([network] if network else []), *([str(seed)] if seed else [])]
    checkpoints = run.checkpoints.with_name("_".join(parts))
    if read_latest(checkpoints) is None:
        _train(task_name, training, run, checkpoints, seed)
    return load_latest(checkpoints).policy


def _train(task_name: str, training: Training, run: RunFolder, checkpoints: Path, seed: int) -> None:
    for number, name in enumerate(task_names(task_name)):
        record(name, run.episodes, number * _SEEDS_OF_A_TASK, training.demonstrations)
    train_file = load_train_file(config_file("train", training.file))
    given = {"drafts": training.drafts, "denoiser": training.denoiser}
    changes = {name: value for name, value in given.items() if value is not None}
    train_file = replace(train_file, policy=replace(train_file.policy, **changes))
    train(task_name, train_file, run.episodes, checkpoints, training.steps, seed)


def record(task_name: str, folder: Path, first: int, count: int) -> None:
    """Record what is missing in `folder` of the demonstrations of a task with the seeds from `first` on."""
    task, store = load_task(config_file("task", task_name)), EpisodeStore(folder)
    demonstrations = [name for name in store.ids() if name.startswith(_DEMONSTRATION)]
    have = sum(store.meta(name).task == task.name for name in demonstrations)
    missing = range(first + have, first + count)
    Console(stderr=True).print(f"{task.name}: {len(missing)} demonstrations")
    if task.action_space == "point":
        _demonstrate_fork(task, folder, missing)
    elif missing:
        shell = make_shell(ROBOT, task.name)
        demonstrate(shell, folder, missing, on_episode=lambda result: None)
        shell.close()


def train(
    task_name: str, train_file: TrainFile, episodes: Path, checkpoints: Path, steps: int, seed: int
) -> None:
    """Train a policy on the episodes of a folder, and put it into another."""
    Console(stderr=True).print(f"{checkpoints}: {steps} gradient steps")
    task = named_task(task_name)
    robot = None if task.action_space == "point" else load_robot(config_file("robot", ROBOT))
    rounds = Rounds(robot, task, train_file, EpisodeStore(episodes), checkpoints, seed=seed)
    train_round(rounds, "offline", steps=steps)


def _demonstrate_fork(task: TaskConfig, folder: Path, seeds: Iterable[int]) -> None:
    """Record the demonstrator: its state at the beginning of each step, its set-point due at the end."""
    for seed in seeds:
        episode = fork.demonstrate(task, seed)
        name = f"{_DEMONSTRATION}{seed:06d}"
        meta = EpisodeMeta(name, POINT, task.name, seed, "demonstration", (), task.dt_s, 0.0)
        with EpisodeWriter(folder, meta) as writer:
            for step, (state, action) in enumerate(zip(episode.states, episode.actions, strict=True)):
                now_s, due_s = step * task.dt_s, (step + 1) * task.dt_s
                writer.add_joints(state, 0.0, now_s, now_s)
                writer.add_step(
                    StepRecord(due_s, step, StepSource.EXPERT, 1, 1, 0, 0, -1.0, action, state, action, 0)
                )
            writer.close("success" if episode.success else "failure")
