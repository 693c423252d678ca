"""`drift experiment`: a study of learning, the environments that it needs, the document about all."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from drift.errors import UserError
from drift.signals import end_like_ctrl_c


def main(
    name: Annotated[str, typer.Argument(help="a file of experiments/; or setup, or results")],
    environment: Annotated[str, typer.Argument(help="of setup: pusht, metaworld or robosuite")] = "",
    seeds: Annotated[int | None, typer.Option(help="instead of the budget's, from 1")] = None,
    budget: Annotated[str, typer.Option(help="quick or full")] = "quick",
    task: Annotated[
        list[str] | None, typer.Option(help="one of the study's alone; may be given several times")
    ] = None,
    engine: Annotated[str, typer.Option(help="local; or ray, for several machines")] = "local",
    resume: Annotated[
        bool, typer.Option("--resume", help="go on where it ended, finished jobs are kept")
    ] = False,
    again: Annotated[
        bool, typer.Option("--again", help="its shortest finished job once more: are the numbers the same?")
    ] = False,
) -> None:
    """Run a study into runs/experiment-NAME-BUDGET: results.jsonl, and a page about them.

    `drift experiment setup NAME` makes the environment of others' tasks; `drift experiment results` writes
    docs/results.md from the files of experiments/results/.
    """
    if name == "setup":
        _setup(environment)
        return
    if environment:
        raise UserError(f"environment={environment} must come after setup only")
    if name == "results":
        from drift.experiment.document import write_document

        Console().print(f"written: {write_document()}", markup=False)
        return
    if budget not in ("quick", "full"):
        raise UserError(f"budget={budget} must be one of: quick, full")
    if seeds is not None and seeds < 1:
        raise UserError(f"seeds={seeds} must be at least 1")
    if again and resume:
        raise UserError("again=true must be without --resume: it runs what is done")
    from drift.experiment.engine import make_engine
    from drift.experiment.run import Run
    from drift.experiment.study import load_study

    study = load_study(name)
    runner = make_engine(engine, alone=study.real_time)
    end_like_ctrl_c()
    run = Run(
        study, "quick" if budget == "quick" else "full", seeds, Path("runs").resolve(), Console(), task or ()
    )
    if again:
        raise typer.Exit(0 if run.again(runner) else 1)
    if failed := run.run(runner, resume):
        raise typer.Exit(1 if failed else 0)


def _setup(environment: str) -> None:
    from drift.experiment.foreign import kind_of

    kind, console = kind_of(environment), Console()
    kind.install(lambda text: console.print(text, markup=False))
    console.print(f"{kind.name} is installed; its tasks: {kind.tasks}")
