"""`drift eval`: success of a checkpoint in simulation, without the expert."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from drift.errors import UserError


def main(
    checkpoint: Annotated[
        Path, typer.Argument(help="a checkpoint, a folder of checkpoints with a file LATEST, or a run")
    ],
    rollouts: Annotated[int, typer.Option(min=1, help="how many, each with a seed of its own")] = 40,
    sampler: Annotated[str, typer.Option(help="ddim-8, ddpm-100, rti-3, …")] = "ddim-8",
    processes: Annotated[int, typer.Option(min=1, help="rollouts at the same time")] = 2,
    task: Annotated[str, typer.Option(help="which, of a policy that has learned several")] = "",
    json_path: Annotated[Path | None, typer.Option("--json", help="write the rollouts to this file")] = None,
) -> None:
    """Run the policy alone in the in-process shell and report success with its 95 % interval.

    Robot and task are those of the checkpoint; of several tasks, --task names one. The seeds are the same for
    every checkpoint.
    """
    from drift_config.errors import DriftError
    from drift_core.intervals import success_rate
    from drift_core.task import task_names

    from drift.checkpoint_argument import named_checkpoint
    from drift.configuration import config_file
    from drift.demo.record import write_json
    from drift.evaluation import Job, evaluate, seeds

    try:
        checkpoint, loaded = named_checkpoint(checkpoint)
        loaded.policy.make_sampler(sampler)
    except DriftError as error:
        raise UserError(str(error)) from None
    info = loaded.info
    learned, task = task_names(info.task), task or info.task
    if task not in learned:
        raise UserError(f"task={task} must be one of those that the policy has learned: {', '.join(learned)}")
    for kind, value in (("robot", info.robot), ("task", task)):
        config_file(kind, value)
    console = Console()
    if json_path is not None and not json_path.resolve().parent.is_dir():
        raise UserError(f"json={json_path} must lie in a folder that exists")
    job = Job(checkpoint, info.robot, task, sampler, loaded.sha256)
    with Progress(console=console) as progress:
        bar = progress.add_task(f"{task} with the {info.robot}", total=rollouts)
        results = evaluate(job, seeds(rollouts), processes, lambda rollout: progress.advance(bar))
    rate = success_rate([rollout.success for rollout in results])
    console.print(f"version {info.version} ({info.reason}), {sampler}: success {rate}")
    if failures := sum(rollout.failures for rollout in results):
        console.print(f"{failures} inferences gave an output that is not finite")
    if json_path is not None:
        rows = [asdict(rollout) for rollout in results]
        write_json(json_path, {"checkpoint": str(checkpoint), "sampler": sampler, "rollouts": rows})
