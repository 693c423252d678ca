"""`drift data sync`: a store here that follows one on another machine's disk."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from drift.data.opening import store_root
from drift.errors import UserError

if TYPE_CHECKING:
    from drift_core.episodes import EpisodeStore
    from drift_core.episodes.mirror import Synced

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

    The target is laid out like the source: of a run the episodes go to TARGET/episodes. Nothing that is
    finished is deleted there. What has come stays when it is broken off.

    Example, the robot's disk mounted by sshfs or NFS: drift data sync --follow /mnt/robot/runs/cell runs/cell
    """
    from drift.commands.train import asked_to_stop

    if store_root(source).resolve() == store_root(target).resolve():
        raise UserError(f"target={target} must be another store than the source")
    if not follow and not source.is_dir():
        raise UserError(f"source={source} must be a folder of episodes, or a run with a folder episodes")
    with ExitStack() as claimed, asked_to_stop() as stop:

        def wait(seconds: float) -> None:
            if stop.wait(seconds):
                raise KeyboardInterrupt

        _run(_Looks(source, target, claimed, mb_s * 1e6 or float("inf"), wait), follow, wait)


class _Looks:
    """Looks at a source that may be mounted only later: where its episodes lie is seen each time."""

    def __init__(
        self,
        source: Path,
        target: Path,
        claimed: ExitStack,
        limit_bytes_s: float,
        wait: Callable[[float], object],
    ) -> None:
        self._source, self._target, self._claimed = source, target, claimed
        self._limit_bytes_s, self._wait = limit_bytes_s, wait
        self._store: EpisodeStore | None = None  # the target, as soon as it is known and claimed

    def sync(self) -> "Synced":
        from drift_core.episodes import EpisodeStore
        from drift_core.episodes.mirror import Mirror, refuse_empty

        there = EpisodeStore(store_root(self._source))
        refuse_empty(there)
        if self._store is None:
            store = EpisodeStore(_beside(self._target, of_run=there.root != self._source))
            self._claimed.enter_context(store.claim())
            self._store = store
        return Mirror(there, self._store, self._limit_bytes_s, self._wait).sync()


def _beside(target: Path, of_run: bool) -> Path:
    """Return the folder of episodes in `target`; a new one is laid out like the source."""
    from drift_core.episodes import EpisodeStore

    if of_run and not EpisodeStore(target).ids():
        return target / "episodes"
    return store_root(target)


def _run(looks: _Looks, follow: bool, wait: Callable[[float], None]) -> None:
    """Look, and go on looking with `follow`; what is in the way is said once, and when it is over."""
    from drift_config.errors import DriftError

    console, trouble, told = Console(), "", set[str]()
    while True:
        began_s = time.monotonic()
        try:
            done = looks.sync()
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
            for text in done.left_out:
                if text not in told:
                    told.add(text)
                    console.print(f"left out: {text}", markup=False, soft_wrap=True)
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
