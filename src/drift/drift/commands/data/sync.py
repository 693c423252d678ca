"""`drift data sync`: a store here that follows one on another machine."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol

import typer
from rich.console import Console

from drift.data.opening import store_root
from drift.errors import UserError

if TYPE_CHECKING:
    from drift_core.episodes import EpisodeStore
    from drift_core.episodes.mirror import Synced
    from drift_core.episodes.source import EpisodeSource

_LOOK_S = 1.0  # between two looks
_RECORDER = "ros:"


def main(
    source: Annotated[
        str,
        typer.Argument(
            help="the store to follow: a mounted folder of episodes, or a run; ros: or ros:NAMESPACE asks "
            "the recorder of a running stack"
        ),
    ],
    target: Annotated[Path, typer.Argument(help="where it is followed: a folder of episodes, or a run")],
    follow: Annotated[
        bool, typer.Option("--follow", help="until Ctrl-C, also when the source is gone for a while")
    ] = False,
    mb_s: Annotated[float, typer.Option(min=0.0, help="at most, in MB/s; 0: as fast as it goes")] = 0.0,
) -> None:
    """Bring over what is new: finished episodes whole, corrections of open ones, and what was relabelled.

    The target is laid out like the source: of a run the episodes go to TARGET/episodes. Nothing that is
    finished is deleted there. What has come stays when it is broken off.

    Example, asking the recorder on the robot's machine: drift data sync --follow ros: runs/cell --mb-s 20

    Example, the robot's disk mounted by sshfs or NFS: drift data sync --follow /mnt/robot/runs/cell runs/cell
    """
    from drift.commands.train import asked_to_stop

    with ExitStack() as opened, asked_to_stop() as stop:

        def wait(seconds: float) -> None:
            if stop.wait(seconds):
                raise KeyboardInterrupt

        limit_bytes_s = mb_s * 1e6 or float("inf")
        if source.startswith(_RECORDER):
            there: _Source = _Recorder(source.removeprefix(_RECORDER), opened)
        else:
            there = _Folder(Path(source), target, follow)
        _run(_Looks(there, target, opened, limit_bytes_s, wait), follow, wait)


class _Source(Protocol):
    def open(self) -> "tuple[EpisodeSource, bool]":
        """Return the source, and whether it is that of a run."""


class _Folder:
    """A folder that may be mounted only later: where its episodes lie is seen each time."""

    def __init__(self, path: Path, target: Path, follow: bool) -> None:
        if store_root(path).resolve() == store_root(target).resolve():
            raise UserError(f"target={target} must be another store than the source")
        if not follow and not path.is_dir():
            raise UserError(f"source={path} must be a folder of episodes, or a run with a folder episodes")
        self._path = path

    def open(self) -> "tuple[EpisodeSource, bool]":
        from drift_core.episodes import EpisodeStore
        from drift_core.episodes.source import FolderSource, refuse_empty

        there = EpisodeStore(store_root(self._path))
        refuse_empty(there)
        return FolderSource(there), there.root != self._path


class _Recorder:
    """The recorder of a stack in this ROS domain, which may come later."""

    def __init__(self, namespace: str, opened: ExitStack) -> None:
        from drift.ros.recorder_store import recorder_store

        self._store = opened.enter_context(recorder_store(namespace))

    def open(self) -> "tuple[EpisodeSource, bool]":
        self._store.listing()
        return self._store, True


class _Looks:
    """Looks at a source; the target is made and claimed as soon as there is one."""

    def __init__(
        self,
        source: _Source,
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
        from drift_core.episodes.mirror import Mirror

        there, of_run = self._source.open()
        if self._store is None:
            store = EpisodeStore(_beside(self._target, of_run))
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
