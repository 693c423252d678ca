"""`drift data sync`: a store here that follows one on another machine's disk."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from drift.data.opening import store_root
from drift.errors import UserError

if TYPE_CHECKING:
    from drift_core.episodes.mirror import Mirror

_LOOK_S = 1.0  # between two looks


def main(
    source: Annotated[
        Path, typer.Argument(help="the store to follow: a mounted folder of episodes, or a run")
    ],
    target: Annotated[Path, typer.Argument(help="where it is followed: a folder of episodes, or a run")],
    follow: Annotated[
        bool, typer.Option("--follow", help="until Ctrl-C, also when the disk is gone for a while")
    ] = False,
    mb_s: Annotated[float, typer.Option(min=0.0, help="at most, in MB/s; 0: as fast as it goes")] = 0.0,
) -> None:
    """Bring over what is new: finished episodes whole, corrections of open ones, and what was relabelled.

    Nothing that is finished is deleted in the target. What has come stays when it is broken off.

    Example, the robot's disk mounted by sshfs or NFS: drift data sync --follow /mnt/robot/runs/cell runs/cell
    """
    from drift_core.episodes import EpisodeStore
    from drift_core.episodes.mirror import Mirror

    from drift.commands.train import asked_to_stop

    roots = store_root(source), store_root(target)
    if roots[0].resolve() == roots[1].resolve():
        raise UserError(f"target={target} must be another store than the source")
    if not follow and not roots[0].is_dir():
        raise UserError(f"source={source} must be a folder of episodes, or a run with a folder episodes")
    store = EpisodeStore(roots[1])
    with store.claim(), asked_to_stop() as stop:

        def wait(seconds: float) -> None:
            if stop.wait(seconds):
                raise KeyboardInterrupt

        mirror = Mirror(EpisodeStore(roots[0]), store, mb_s * 1e6 or float("inf"), wait)
        _run(mirror, follow, wait)


def _run(mirror: "Mirror", follow: bool, wait: Callable[[float], None]) -> None:
    """Look, and go on looking with `follow`; what is in the way is said once, and when it is over."""
    from drift_config.errors import DriftError

    console, trouble = Console(), ""
    while True:
        began_s = time.monotonic()
        try:
            done = mirror.sync()
        except (DriftError, OSError) as error:
            if not follow:
                raise
            if str(error) != trouble:
                trouble = str(error)
                console.print(f"waiting: {trouble}", markup=False, soft_wrap=True)
        else:
            if trouble:
                trouble = ""
                console.print("it goes on", markup=False)
            if done.episodes or done.corrections or done.relabelled or not follow:
                console.print(
                    f"{done.episodes} episodes, {done.corrections} corrections of open ones, "
                    f"{done.relabelled} relabelled; {done.size_bytes / 1e6:.1f} MB in "
                    f"{time.monotonic() - began_s:.1f} s",
                    markup=False,
                )
        if not follow:
            return
        wait(_LOOK_S)
