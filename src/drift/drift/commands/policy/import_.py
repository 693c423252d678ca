"""`drift policy import`: a policy that was trained elsewhere as a checkpoint."""

import time
from pathlib import Path
from typing import Annotated

import typer


def main(
    source: Annotated[
        Path, typer.Argument(help="a diffusion policy of LeRobot: config.json, model.safetensors")
    ],
    checkpoints: Annotated[
        Path, typer.Argument(help="folder for checkpoints, or a run; its LATEST names this one then")
    ],
    robot: Annotated[str, typer.Option(help="a file of config/robots")] = "panda",
    task: Annotated[str, typer.Option(help="a file of config/tasks")] = "place",
) -> None:
    """Save a policy of LeRobot as the newest checkpoint: it drives, and corrections train it further.

    Example: drift policy import train/checkpoints/last/pretrained_model runs/a --robot panda --task place
    """
    from drift_core.policy.checkpoint import save_checkpoint
    from drift_core.policy.checkpoint_folder import CheckpointInfo, checkpoint_path, next_version
    from drift_formats.lerobot.policy import read_policy

    from drift.data.others import cell_named

    brought = read_policy(source, cell_named(robot, task))
    folder = checkpoints / "checkpoints" if (checkpoints / "checkpoints").is_dir() else checkpoints
    folder.mkdir(parents=True, exist_ok=True)
    version = next_version(folder)
    info = CheckpointInfo(
        task=task,
        robot=robot,
        version=version,
        parent=0,
        rank=1.0,
        effective_rank=1.0,
        step=0,
        loss=None,
        reason="from LeRobot",
        created_s=time.time(),
    )
    path = checkpoint_path(folder, version)
    save_checkpoint(path, brought.policy, info)
    for remark in brought.remarks:
        typer.echo(remark)
    typer.echo(f"version {version}: {path}")
