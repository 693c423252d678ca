"""`drift demo`: learn from corrections in simulation, and report it."""

from datetime import datetime
from typing import Annotated

import typer
from rich.console import Console

from drift import run_folder
from drift.errors import UserError
from drift.session_loop import TrainMode
from drift.signals import end_like_ctrl_c

_USUAL = "default: as config/demos says"


def main(
    name: Annotated[str, typer.Option(help="folder in runs/; empty: the time of day")] = "",
    robot: Annotated[str, typer.Option(help="a file of config/robots")] = "panda",
    task: Annotated[str, typer.Option(help="a file of config/tasks")] = "place",
    train: Annotated[str | None, typer.Option(help=f"a file of config/train; {_USUAL}")] = None,
    seed: Annotated[int, typer.Option(min=0, help="of everything that is random")] = 0,
    demonstrations: Annotated[
        int | None, typer.Option(min=2, help=f"episodes that the expert drives; {_USUAL}")
    ] = None,
    episodes: Annotated[int | None, typer.Option(min=1, help=f"corrected episodes; {_USUAL}")] = None,
    train_mode: Annotated[
        TrainMode,
        typer.Option(
            help="continuous: train on each correction as soon as it is over; rounds: after each part of "
            "the corrected episodes"
        ),
    ] = TrainMode.CONTINUOUS,
    rounds: Annotated[int, typer.Option(min=1, help="of --train-mode rounds")] = 3,
    evaluations: Annotated[
        int | None, typer.Option(min=1, help=f"paired rollouts before and after; {_USUAL}")
    ] = None,
    dds_evaluations: Annotated[int, typer.Option(min=0, help="rollouts over DDS at the end")] = 0,
    takeovers: Annotated[
        bool,
        typer.Option(
            "--takeovers/--no-takeovers", help="in the rollouts over DDS; each one counts as failure"
        ),
    ] = True,
    control: Annotated[
        bool, typer.Option("--control", help="also train on as many labels from further demonstrations")
    ] = False,
) -> None:
    """Demonstrate, bootstrap at falling rank, correct over real DDS while training, evaluate, report."""
    from drift.configuration import config_file
    from drift.demo.plan import DemoPlan
    from drift.demo.run import Demo
    from drift.demo.usual import usual_demo

    config_file("task", task)
    usual = usual_demo(task)
    train = train or usual.train
    for kind, value in (("robot", robot), ("train", train)):
        config_file(kind, value)
    name = name or f"demo-{datetime.now():%Y%m%d-%H%M%S}"
    if "/" in name or name.startswith("."):
        raise UserError(f"name={name} must be the name of a folder in runs/, without / and not hidden")
    run = run_folder.named(f"runs/{name}", robot, task)
    if run.path.exists():
        raise UserError(f"name={name} must be new: {run.path} exists already")
    plan = DemoPlan(
        name=name,
        robot=robot,
        task=task,
        train=train,
        seed=seed,
        demonstrations=demonstrations or usual.demonstrations,
        train_mode=train_mode,
        rounds=rounds,
        episodes=episodes or usual.episodes,
        evaluations=evaluations or usual.evaluations,
        dds_evaluations=dds_evaluations,
        takeovers=takeovers,
        control=control,
    )
    end_like_ctrl_c()  # the arm held, the report written
    Demo(plan, run, Console()).run()
