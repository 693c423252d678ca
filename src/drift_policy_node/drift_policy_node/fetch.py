"""Checkpoints of a trainer on another disk, brought over piece by piece. A thread of its own calls `fetch`.

What has come stands in a hidden `.part` file that carries the digest of the whole file in its name, so that a
fetch goes on where it stopped, whoever died meanwhile. Nothing is believed before its SHA-256 is right.
"""

import hashlib
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from drift_core.disk import flush_to_disk
from drift_core.errors import CheckpointError
from drift_core.policy.checkpoint import base_version, checkpoint_path
from drift_core.policy.pieces import SHA256, Piece, file_digest, is_checkpoint_name

from drift_policy_node.candidate import CandidateFault, RefusedError

_PIECE_BYTES = 1 << 19  # a picture of 640x480 is about as much
_RETRY_S = 0.5  # between two attempts while nobody answers
_BAD_PIECES = 5  # in a row, with another digest than they say, are believed to stay so

AskPiece = Callable[[str, int, int], Piece]
"""Return a piece of a file by name, offset and length; NoAnswerError, or RefusedError with the reason."""


class NoAnswerError(Exception):
    """The trainer has not answered; it may do so later."""


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
        whole = self._piece(name, 0, 0)
        if not SHA256.fullmatch(whole.file_sha256):  # it becomes part of a file's name
            text = f"{name}: sha256={whole.file_sha256!r} of the trainer's file must be 64 of 0-9 and a-f"
            raise RefusedError(CandidateFault.INVALID, text)
        if sha256 and whole.file_sha256 != sha256:
            text = f"{name}: sha256={whole.file_sha256} of the trainer's file must be {sha256}"
            raise RefusedError(CandidateFault.HASH_MISMATCH, text)
        if _is(path, whole.file_sha256):
            return path
        if path.exists() and path not in self._fetched:
            text = f"{path} is not the trainer's {name}, and is not overwritten"
            raise RefusedError(CandidateFault.NOT_FETCHED, f"{text}: move it, or use another run folder")
        self._folder.mkdir(parents=True, exist_ok=True)
        part = self._folder / f".{name}.{whole.file_sha256}.part"
        for other in self._folder.glob(".*.part"):
            if other != part:
                other.unlink(missing_ok=True)
        # What was kept from before may be spoilt, by a power cut for one; what is fetched now is not.
        if not (self._complete(part, name, whole) or self._complete(part, name, whole)):
            text = f"{name}: what has come over is not what its sha256={whole.file_sha256} says"
            raise RefusedError(CandidateFault.HASH_MISMATCH, text)
        os.replace(part, path)
        flush_to_disk(self._folder)
        self._fetched.add(path)
        return path

    def _complete(self, part: Path, name: str, whole: Piece) -> bool:
        """Fetch what is missing in `part`; False, and it is deleted, if the whole is not right then."""
        with part.open("ab+") as file:
            file.seek(0)
            sha256 = hashlib.file_digest(file, "sha256")
            here = file.tell()
            free = shutil.disk_usage(self._folder).free
            if whole.file_bytes - here > free:
                text = f"{name}: no room in {self._folder}: {free} bytes free of {whole.file_bytes}"
                raise RefusedError(CandidateFault.NOT_FETCHED, text)
            while here < whole.file_bytes:
                self.state = f"fetching {name}, {here / 1e6:.1f} of {whole.file_bytes / 1e6:.1f} MB"
                began_s = time.monotonic()
                piece = self._piece(name, here, min(_PIECE_BYTES, whole.file_bytes - here))
                if piece.file_sha256 != whole.file_sha256:
                    text = f"{name}: became another file on the trainer while it was fetched"
                    raise RefusedError(CandidateFault.HASH_MISMATCH, text)
                file.write(piece.data)
                sha256.update(piece.data)
                here += len(piece.data)
                self._stopping.wait(len(piece.data) / self._limit_bytes_s - (time.monotonic() - began_s))
            file.flush()
            os.fsync(file.fileno())
        if sha256.hexdigest() == whole.file_sha256:
            return True
        part.unlink()
        return False

    def _piece(self, name: str, offset: int, length: int) -> Piece:
        """Ask until there is an answer."""
        bad = 0
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
            if len(piece.data) != length:
                text = f"{name}: truncated, {len(piece.data)} bytes came of {length} at {offset}"
                raise RefusedError(CandidateFault.INVALID, text)
            if hashlib.sha256(piece.data).hexdigest() == piece.sha256:
                return piece
            bad += 1
            if bad == _BAD_PIECES:
                text = f"{name}: the {length} bytes at {offset} are not what their sha256={piece.sha256} says"
                raise RefusedError(CandidateFault.HASH_MISMATCH, text)


def _is(path: Path, sha256: str) -> bool:
    return path.is_file() and file_digest(path) == sha256


def _base_of(path: Path) -> Path | None:
    try:
        version = base_version(path)
    except CheckpointError:  # gone, for one
        return None
    return None if version is None else checkpoint_path(path.parent, version)
