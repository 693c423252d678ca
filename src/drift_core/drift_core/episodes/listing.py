"""What a store holds, as one machine tells another: names and digests, no paths."""

import hashlib
import re
from pathlib import Path
from typing import Annotated

from drift_config.strict import STRICT
from pydantic import Field
from pydantic.dataclasses import dataclass

from drift_core.episodes.excerpts import CORRECTIONS, Excerpts
from drift_core.episodes.files import META_FILE
from drift_core.episodes.store import EpisodeStore
from drift_core.errors import DataError

NAME = re.compile(r"^[^./\x00][^/\x00]*$")  # of an episode or of a file in it: neither path nor hidden
Name = Annotated[str, Field(pattern=NAME.pattern, max_length=255)]
CorrectionName = Annotated[str, Field(pattern=r"^[^./\x00][^/\x00]*\.[0-9]+$", max_length=255)]


@dataclass(frozen=True, config=STRICT)
class Listing:
    """The episodes of a store at one moment."""

    open_ids: tuple[Name, ...]
    """of episodes that are being recorded, or were broken off"""
    corrections: dict[CorrectionName, str]
    """by id the SHA-256 of the description, of the corrections of open episodes"""
    finished: dict[Name, str]
    """by id the SHA-256 of the description, which changes with the label; empty where it has none"""


@dataclass(frozen=True, config=STRICT)
class FileList:
    """The files of an episode."""

    files: dict[Name, Annotated[int, Field(ge=0)]]
    """sizes in bytes, by name"""


class Shelf:
    """Looks at a store again and again; a description is read once, until it is another file."""

    def __init__(self, store: EpisodeStore) -> None:
        self.store = store
        self._excerpts = Excerpts(store)
        self._digests: dict[Path, tuple[tuple[int, int, int], str]] = {}

    def listing(self) -> Listing:
        """Return what is there; an episode that is finished meanwhile may be open and finished."""
        open_ids = self.store.open_ids()
        corrections = self._excerpts.ids()  # before the finished ones: see there
        finished = self.store.ids()
        return Listing(
            tuple(open_ids),
            {name: self._digest(self._excerpts.root / name) for name in corrections},
            {name: self._digest(self.store.root / name) for name in finished},
        )

    def folder(self, episode: str) -> Path:
        """Return where an episode lies, or `.corrections/ID`; ValueError for what is no name of one."""
        parent, _, name = episode.rpartition("/")
        if parent not in ("", CORRECTIONS) or not NAME.fullmatch(name):
            raise ValueError(f"episode={episode!r} must be the id of an episode, or {CORRECTIONS}/ and an id")
        return self.store.root / parent / name

    def files(self, episode: str) -> dict[str, int]:
        """Return the sizes [bytes] of the files of an episode; DataError for a link or anything else."""
        sizes = {}
        for path in sorted(self.folder(episode).iterdir()):
            if path.name.startswith("."):
                continue
            if path.is_symlink() or not path.is_file():
                raise DataError(f"{path} must be a file: a finished episode holds nothing else")
            sizes[path.name] = path.stat().st_size
        return sizes

    def _digest(self, folder: Path) -> str:
        path = folder / META_FILE
        try:
            found = path.stat()
            known = (found.st_ino, found.st_mtime_ns, found.st_size)
            if (before := self._digests.get(path)) is None or before[0] != known:
                self._digests[path] = known, description_digest(folder)
            return self._digests[path][1]
        except FileNotFoundError:
            return ""


def description_digest(folder: Path) -> str:
    """Return the SHA-256 of the description in a folder, lower-case hex; empty where there is none."""
    path = folder / META_FILE
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
