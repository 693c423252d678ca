"""`drift train`: train on recorded episodes, without ROS."""

import signal
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from drift_config.errors import DriftError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from drift.errors import UserError

_INTERRUPTED = 130  # exit code, as of a program that SIGINT has ended

if TYPE_CHECKING:
    from drift_core.observation.spec import CameraSpec
    from drift_core.origin import Origin
    from drift_core.task import TaskConfig
    from drift_core.training.processes import Processes
    from drift_core.training.rounds import RoundReport, Rounds


def main(
    episodes: Annotated[
        Path, typer.Option(help="folder of recorded episodes; with --dataset, where they are put")
    ],
    checkpoints: Annotated[
        Path, typer.Option(help="folder for checkpoints; LATEST in it is trained on online")
    ],
    robot: Annotated[str, typer.Option(help="a file of config/robots")] = "panda",
    task: Annotated[str, typer.Option(help="a file of config/tasks; several: place+insert")] = "place",
    train: Annotated[str, typer.Option(help="a file of config/train")] = "default",
    kind: Annotated[
        str,
        typer.Option(
            help="offline: bootstrap anew; online: one round more, at minimum rank; preferences: one on what "
            "was preferred; dsrl: on how attempts ended"
        ),
    ] = "offline",
    steps: Annotated[int, typer.Option(min=0, help="gradient steps; 0: as the train file says")] = 0,
    device: Annotated[str, typer.Option(help="cpu or cuda")] = "cpu",
    seed: Annotated[int, typer.Option(min=0)] = 0,
    dataset: Annotated[
        Path | None, typer.Option(help="somebody's data to train on, as for drift data import")
    ] = None,
    source_map: Annotated[
        Path | None, typer.Option("--map", help="a YAML file: what in --dataset means what")
    ] = None,
    threads: Annotated[
        int, typer.Option(min=0, help="of torch, in each process; 0: as the train file says")
    ] = 0,
) -> None:
    """Train a policy on demonstrations with its rank falling as scheduled, or one round more.

    Example: drift train --episodes runs/a/episodes --checkpoints runs/a/checkpoints --dataset theirs

    Ctrl-C breaks it off after the running step and saves where it stands: the same command goes on from
    there, to the result of an uninterrupted run, if settings, episodes and checkpoints are still the same.

    In several processes, or with one process for each GPU (docs/scaling.md):

    torchrun --nproc-per-node 2 --max-restarts 3 -m drift.commands.train --episodes ... --checkpoints ...
    """
    from drift_control.robot.robot import load_robot
    from drift_core.episodes import EpisodeStore
    from drift_core.origin import Origin
    from drift_core.training.config import load_train_file
    from drift_core.training.distributed import LostProcessError, joined
    from drift_core.training.rounds import Rounds, check_round_kind

    from drift.configuration import config_file
    from drift.data.others import import_into
    from drift.exploring import explorer
    from drift.named_task import named_task

    _check_device(device)
    try:
        with joined(device) as processes, asked_to_stop() as stop, _said_once(processes):
            check_round_kind(kind)
            task_config = named_task(task)
            train_file = load_train_file(config_file("train", train))
            arm = None if task_config.action_space == "point" else load_robot(config_file("robot", robot))
            if dataset is not None:
                if processes.count > 1:
                    raise UserError(
                        "--dataset must be imported before several processes train: drift data import"
                    )
                import_into(EpisodeStore(episodes), dataset, robot, task, source_map, Console())
            elif source_map is not None:
                raise UserError(f"map={source_map} must come with --dataset")
            _check_episodes(episodes, Origin.of(arm, task_config), task_config)
            checkpoints.mkdir(parents=True, exist_ok=True)
            store = EpisodeStore(episodes)
            explore = explorer(robot, task_config) if kind == "b2" else None
            rounds = Rounds(
                arm, task_config, train_file, store, checkpoints, device, seed, threads,
                processes=processes, explore=explore,
            )  # fmt: skip
            _train(rounds, kind, steps, stop)
    except LostProcessError as error:
        if error.said or stop.is_set():
            raise typer.Exit(1) from None
        raise UserError(str(error)) from None


def _train(rounds: "Rounds", kind: str, steps: int, stop: threading.Event) -> None:
    """Train one round and tell how it goes, in the first of several processes."""
    from drift_core.training.rounds import CancelledError, Hooks, PausedError, train_round

    console = Console(quiet=rounds.processes.index > 0)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    try:
        with Progress(*columns, console=console) as progress:
            bar = progress.add_task(kind, total=None, note="")
            hooks = Hooks(
                on_text=lambda text: progress.update(bar, note=text),
                on_warning=lambda text: console.print(text, markup=False, soft_wrap=True),
                on_progress=lambda now: progress.update(
                    bar,
                    total=now.round_steps,
                    completed=now.round_step,
                    note=f"loss {now.loss:.4f}, rank {now.rank:.0%}",
                ),
                paused=stop.is_set,
            )
            report = train_round(rounds, kind, hooks, steps, rounds.round_id(kind, steps))
    except PausedError as error:
        console.print(f"{error}; the same command goes on from there", markup=False, soft_wrap=True)
        raise typer.Exit(_INTERRUPTED) from None
    except DriftError as error:
        if not stop.is_set() and not isinstance(error, CancelledError):
            raise
        console.print(str(error), markup=False, soft_wrap=True)
        raise typer.Exit(_INTERRUPTED) from None
    except OSError as error:
        raise UserError(f"cannot be written: {error}") from None
    console.print(_closing_words(report), markup=False, soft_wrap=True)


@contextmanager
def _said_once(processes: "Processes") -> Iterator[None]:
    """Let one process say why all of them end, and which one it is."""
    from drift_core.training.distributed import LostProcessError

    try:
        yield
        return
    except LostProcessError:
        raise
    except (UserError, DriftError) as error:
        text = str(error)
    if not processes.says_first(text):
        raise typer.Exit(2)
    raise UserError(f"process {processes.index}: {text}" if processes.count > 1 else text)


@contextmanager
def asked_to_stop() -> Iterator[threading.Event]:
    """Yield an event that Ctrl-C and SIGTERM set; a second Ctrl-C ends at once."""
    stop = threading.Event()

    def on_signal(number: int, frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _closing_words(report: "RoundReport") -> str:
    """Say what came of a round; every episode that could not be trained on stands there with its reason."""
    info = report.info
    loss = "no held-out episode" if info.loss is None else f"held-out loss {info.loss:.4f}"
    labels = f"{report.expert_labels} labels ({report.idle_labels} of them idle)"
    left_out = "".join(f"; left out: {name}: {reason}" for name, reason in report.left_out.items())
    remarks = "".join(f"; {name}: {remark}" for name, remark in report.remarks.items())
    return f"version {info.version}: {labels}, {loss}; {report.path}{left_out}{remarks}"


def _check_device(device: str) -> None:
    import torch

    if device not in ("cpu", "cuda"):
        raise UserError(f"device={device} must be one of: cpu, cuda")
    if device == "cuda" and not torch.cuda.is_available():
        raise UserError("device=cuda needs a GPU and a CUDA build of torch; use cpu")


def _check_episodes(folder: Path, origin: "Origin", task: "TaskConfig") -> None:
    """Refuse a folder without episodes, and episodes of another robot, task or set of cameras."""
    from drift_core.episodes import EpisodeStore
    from drift_core.errors import DataError

    store = EpisodeStore(folder)
    names = store.ids()
    if not names:
        raise UserError(f"episodes={folder} must be a folder with recorded episodes in it, one folder each")
    for name in names:
        try:
            meta = store.meta(name)
        except DataError:
            continue  # training leaves it out and says why
        if origin.objection(meta):
            raise UserError(
                f"robot={origin.robot}, task={origin.task} must be those of the episodes: "
                f"{name} is of robot={meta.robot}, task={meta.task}"
            )
        if not set(task.camera_specs) <= set(meta.cameras):
            raise UserError(
                f"the cameras of task={task.name} ({_listed(task.camera_specs)}) must be among those of the "
                f"episodes: {name} has {_listed(meta.cameras)}"
            )


def _listed(cameras: "Iterable[CameraSpec]") -> str:
    return ", ".join(f"{camera.name} {camera.width}x{camera.height}" for camera in cameras) or "none"


if __name__ == "__main__":  # as torchrun starts it
    from drift.cli import main as drift

    sys.argv = ["drift", "train", *sys.argv[1:]]
    drift()
