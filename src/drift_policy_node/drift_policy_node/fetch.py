"""Checkpoints of a trainer on another disk, piece by piece. A thread of its own calls `fetch`."""

import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from drift_core.disk import flush_to_disk
from drift_core.errors import CheckpointError
from drift_core.fetching import (
    MalformedError,
    NoAnswerError,
    NoRoomError,
    Pace,
    SpoiltError,
    UnreadableError,
    checked,
    fetch_file,
    part_of,
)
from drift_core.pieces import NotThereError, Piece, file_digest
from drift_core.policy.checkpoint import base_version
from drift_core.policy.checkpoint_folder import checkpoint_path
from drift_core.policy.pieces import is_checkpoint_name

from drift_policy_node.candidate import CandidateFault, RefusedError

_RETRY_S = 0.5  # between two attempts while nobody answers
_FAULTS: dict[type[Exception], CandidateFault] = {
    NotThereError: CandidateFault.NOT_FOUND,
    UnreadableError: CandidateFault.NOT_FETCHED,
    MalformedError: CandidateFault.INVALID,
    SpoiltError: CandidateFault.HASH_MISMATCH,
    NoRoomError: CandidateFault.NOT_FETCHED,
}

AskPiece = Callable[[str, int, int], Piece]
"""Return a piece of a file by name, offset and length; the errors of drift_core.fetching, NotThereError."""


class Fetcher:
    """Bring files of the trainer's folder into `folder`, at `limit_bytes_s`."""

    def __init__(self, folder: Path, ask: AskPiece, limit_bytes_s: float) -> None:
        self.state = ""  # what is being fetched and how far it is, in words
        self.silent_since_s: float | None = None  # steady time since when the trainer does not answer
        self._folder, self._ask, self._limit_bytes_s = folder, ask, limit_bytes_s
        self._fetched: set[Path] = set()
        self._stopping = threading.Event()
        self._given_up = threading.Event()  # for a newer one, should the trainer not answer

    def fetch(self, names: Iterable[str], digests: dict[str, str]) -> Path:
        """Return the path of the last of `names`, once all of them are here as the trainer has them.

        `digests`: those that are known, SHA-256 by name. Waits for a trainer that does not answer;
        RefusedError says why a file cannot be had.
        """
        path = self._folder
        self._given_up.clear()
        try:
            for name in names:
                path = self._one(name, digests.get(name, ""))
        except OSError as error:
            text = f"{error.filename or path}: cannot be fetched: {error.strerror}"
            raise RefusedError(CandidateFault.NOT_FETCHED, text) from error
        except tuple(_FAULTS) as error:
            raise RefusedError(_FAULTS[type(error)], str(error)) from error
        finally:
            self.state, self.silent_since_s = "", None
        return path

    def silent_s(self, now_s: float) -> float:
        """Return for how long a trainer that is being asked has not answered [s]; `now_s` is steady time."""
        since_s = self.silent_since_s
        return 0.0 if since_s is None else now_s - since_s

    def give_up_if_silent(self) -> None:
        """End the present fetch if, or as soon as, the trainer does not answer: a newer one waits."""
        self._given_up.set()

    def stop(self) -> None:
        """End whatever is being fetched."""
        self._stopping.set()

    def tidy(self, needed: Iterable[Path]) -> None:
        """Delete what was fetched since the start, but for the checkpoints `needed` and their bases.

        Not while `fetch` runs.
        """
        kept = set(needed)
        kept |= {base for path in kept & self._fetched if (base := _base_of(path))}
        for path in self._fetched - kept:
            path.unlink(missing_ok=True)
        self._fetched &= kept

    def _one(self, name: str, sha256: str) -> Path:
        if not is_checkpoint_name(name):
            text = f"{name}: must be policy_NNNNNN.safetensors or delta_NNNNNN.safetensors to be fetched"
            raise RefusedError(CandidateFault.INVALID, text)
        path = self._folder / name
        if sha256 and _is(path, sha256):
            return path
        self.state = f"asking for {name}"
        ask = partial(self._piece, name)
        whole = checked(ask, name, 0, 0)
        if sha256 and whole.file_sha256 != sha256:
            text = f"{name}: sha256={whole.file_sha256} of the trainer's file must be {sha256}"
            raise RefusedError(CandidateFault.HASH_MISMATCH, text)
        if _is(path, whole.file_sha256):
            return path
        if path.exists() and path not in self._fetched:
            text = f"{path} is not the trainer's {name}, and is not overwritten"
            raise RefusedError(CandidateFault.NOT_FETCHED, f"{text}: move it, or use another run folder")
        self._folder.mkdir(parents=True, exist_ok=True)
        for other in self._folder.glob(".*.part"):
            if other != part_of(path, whole.file_sha256):
                other.unlink(missing_ok=True)

        def say(here: int) -> None:
            self.state = f"fetching {name}, {here / 1e6:.1f} of {whole.file_bytes / 1e6:.1f} MB"

        fetch_file(ask, path, whole, Pace(self._limit_bytes_s, self._stopping.wait), say)
        flush_to_disk(self._folder)
        self._fetched.add(path)
        return path

    def _piece(self, name: str, offset: int, length: int) -> Piece:
        """Ask until there is an answer."""
        while True:
            if self._stopping.is_set():
                raise RefusedError(CandidateFault.NOT_FETCHED, f"{name}: the node is being stopped")
            try:
                piece = self._ask(name, offset, length)
            except NoAnswerError:
                self.silent_since_s = self.silent_since_s or time.monotonic()
                if self._given_up.is_set():
                    text = f"{name}: the trainer does not answer, and has announced a newer one"
                    raise RefusedError(CandidateFault.NOT_FETCHED, text) from None
                self._stopping.wait(_RETRY_S)
                continue
            self.silent_since_s = None
            return piece


def _is(path: Path, sha256: str) -> bool:
    return path.is_file() and file_digest(path) == sha256


def _base_of(path: Path) -> Path | None:
    try:
        version = base_version(path)
    except CheckpointError:  # gone, for one
        return None
    return None if version is None else checkpoint_path(path.parent, version)
