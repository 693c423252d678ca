"""Where the episodes come from that a store follows: a folder, or a recorder that is asked for pieces."""

import json
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

from drift_config.loader import parse

from drift_core.disk import flush_to_disk
from drift_core.episodes.listing import FileList, Listing, Shelf
from drift_core.episodes.store import EpisodeStore
from drift_core.errors import DataError
from drift_core.fetching import (
    PIECE_BYTES,
    MalformedError,
    Pace,
    SpoiltError,
    checked,
    fetch_file,
    refuse_no_room,
)
from drift_core.pieces import NotThereError, Piece

T = TypeVar("T")
_COPIED_BYTES = 1 << 20  # at once, from a mounted disk
_LISTING_MAX_BYTES = 64 << 20  # some 500,000 episodes

AskEpisode = Callable[[str, str, int, int], Piece]
"""Return a piece by episode, file, offset and length; the errors of drift_core.fetching, NotThereError."""


class EpisodeSource(Protocol):
    """A store that is followed. Whatever it raises, what has come stays, and the next look goes on."""

    def listing(self) -> Listing:
        """Return what is there."""

    def files(self, episode: str) -> dict[str, int]:
        """Return the sizes [bytes] of the files of an episode, by name; NotThereError where it is gone."""

    def copy(self, episode: str, file: str, target: Path, pace: Pace) -> None:
        """Put a file into the place of `target`, in one rename; NotThereError where its episode is gone."""


class FolderSource:
    """A store on a disk of this machine, or one that is mounted: then it may be away for a while."""

    def __init__(self, store: EpisodeStore) -> None:
        self._store, self._shelf = store, Shelf(store)

    def listing(self) -> Listing:
        """Return what is there; DataError where that is nothing, or no folder."""
        refuse_empty(self._store)
        listing = self._shelf.listing()
        refuse_empty(self._store)  # a disk that went away meanwhile has no episodes either
        return listing

    def files(self, episode: str) -> dict[str, int]:
        """Return the sizes [bytes] of the files of an episode, by name; DataError for a link."""
        try:
            return self._shelf.files(episode)
        except FileNotFoundError as error:
            raise self._gone(episode, error) from None

    def copy(self, episode: str, file: str, target: Path, pace: Pace) -> None:
        """Put a file into the place of `target`; one that was broken off is begun anew."""
        source, beside = self._shelf.folder(episode) / file, target.with_name(f".{target.name}.new")
        try:
            size = source.stat().st_size
            refuse_no_room(target.parent, str(source), size)
            with source.open("rb") as read, beside.open("wb") as write:
                began_s = time.monotonic()
                while piece := read.read(_COPIED_BYTES):
                    write.write(piece)
                    pace.came(len(piece), began_s)
                    began_s = time.monotonic()
        except FileNotFoundError as error:
            raise self._gone(episode, error) from None
        if beside.stat().st_size != size:
            raise DataError(f"{source}: {beside.stat().st_size} bytes came of {size}: it is being changed")
        flush_to_disk(beside)
        os.replace(beside, target)

    def _gone(self, episode: str, error: FileNotFoundError) -> Exception:
        if self._shelf.folder(episode).exists():
            return error
        refuse_empty(self._store)
        return NotThereError(f"{episode}: there is no such episode in {self._store.root}")


class RemoteSource:
    """The store of a recorder on another machine; a file that was broken off goes on where it stopped."""

    def __init__(self, ask: AskEpisode) -> None:
        self._ask = ask
        self._known: tuple[str, Listing] | None = None  # with its digest

    def listing(self) -> Listing:
        """Return what is there; it is brought over only when it has changed."""
        whole = checked(partial(self._ask, "", ""), "listing", 0, 0)
        if self._known is None or self._known[0] != whole.file_sha256:
            self._known = whole.file_sha256, self._read("", whole, Listing)
        return self._known[1]

    def files(self, episode: str) -> dict[str, int]:
        """Return the sizes [bytes] of the files of an episode, by name."""
        return self._read(episode, checked(partial(self._ask, episode, ""), episode, 0, 0), FileList).files

    def copy(self, episode: str, file: str, target: Path, pace: Pace) -> None:
        """Put a file into the place of `target`, once its SHA-256 is right."""
        ask = partial(self._ask, episode, file)
        fetch_file(ask, target, checked(ask, f"{episode}/{file}", 0, 0), pace)

    def _read(self, episode: str, whole: Piece, kind: type[T]) -> T:
        name = f"listing {episode}".rstrip()
        if whole.file_bytes > _LISTING_MAX_BYTES:
            raise MalformedError(f"{name}: {whole.file_bytes} bytes must be at most {_LISTING_MAX_BYTES}")
        content = b""
        while (left := whole.file_bytes - len(content)) > 0:
            piece = checked(partial(self._ask, episode, ""), name, len(content), min(PIECE_BYTES, left))
            if piece.file_sha256 != whole.file_sha256:
                raise SpoiltError(f"{name}: became another one while it was fetched")
            content += piece.data
        try:
            said: Any = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise MalformedError(f"{name}: is no JSON: {error}") from error
        return parse(said, kind, name)


def refuse_empty(source: EpisodeStore) -> None:
    """Refuse a store without any episode: the folder on which a disk is to be mounted is one."""
    if not source.root.is_dir():
        raise DataError(f"{source.root} is no folder, or not mounted")
    if not source.ids() and not source.open_ids():
        raise DataError(f"{source.root} holds no episode, or is not mounted")
