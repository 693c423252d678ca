"""Which of two recorded attempts a person prefers: a file of a run that only grows, one mark a line."""

import json
import os
from pathlib import Path
from typing import Annotated, Literal

from drift_config.errors import ConfigError
from drift_config.loader import parse, to_plain
from drift_config.strict import STRICT
from pydantic import Field
from pydantic.dataclasses import dataclass

from drift_core.episodes.store import EpisodeStore
from drift_core.errors import DataError

MARKS_FILE = "preferences.jsonl"
Answer = Literal["a", "b", "equal"]
PairSource = Literal["take_overs", "marks"]  # where pairs of chunks come from
_Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")]


@dataclass(frozen=True, config=STRICT)
class Mark:
    """A person's word on two episodes."""

    a: _Id
    b: _Id
    answer: Answer
    marked_s: Annotated[float, Field(allow_inf_nan=False)]  # since 1970

    def __post_init__(self) -> None:
        if self.a == self.b:
            raise ValueError(f"a={self.a} and b={self.b} must be two episodes")

    @property
    def pair(self) -> frozenset[str]:
        """The two episodes, in no order."""
        return frozenset((self.a, self.b))


class Marks:
    """The marks in one file; what was said of a pair later counts."""

    def __init__(self, path: Path) -> None:
        """`path`: of the file, which need not be there."""
        self.path = path

    def add(self, mark: Mark) -> None:
        """Append a mark, through to the disk; OSError where it is not written whole, and nothing is then."""
        line = (json.dumps(to_plain(mark)) + "\n").encode()
        whole = len(self._whole_lines())
        descriptor = os.open(self.path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o666)
        try:
            size = min(os.fstat(descriptor).st_size, whole)
            os.ftruncate(descriptor, size)
            line = b"\n" * (whole - size) + line
            if (written := os.write(descriptor, line)) < len(line):
                os.ftruncate(descriptor, size)
                raise OSError(f"{self.path}: {written} of {len(line)} bytes could be written")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def all(self) -> list[Mark]:
        """Return all marks in the order in which they were made; DataError names file and line.

        A last line that was broken off, by a kill or a power cut, is none: nobody was told that it is kept.
        """
        lines = self._whole_lines().decode(errors="replace").splitlines()
        return [_parsed(line, f"{self.path}: line {number}") for number, line in enumerate(lines, 1)]

    def standing(self) -> list[Mark]:
        """Return the last mark of each pair, in the order in which they were made."""
        newest: dict[frozenset[str], Mark] = {}
        for mark in self.all():
            newest.pop(mark.pair, None)
            newest[mark.pair] = mark
        return list(newest.values())

    def _whole_lines(self) -> bytes:
        """Return the lines of the file, each with its end; without a last one that was broken off."""
        content = self.path.read_bytes() if self.path.is_file() else b""
        begin = content.rfind(b"\n") + 1
        if begin == len(content):
            return content
        try:
            _parsed(content[begin:].decode(errors="replace"), str(self.path))
        except DataError:
            return content[:begin]
        return content + b"\n"


def marks_of(store: EpisodeStore) -> Marks:
    """Return the marks of the run to which `store` belongs: in its folder, or in that of a lone store."""
    return Marks(run_folder(store) / MARKS_FILE)


def run_folder(store: EpisodeStore) -> Path:
    """Return the folder of the run: the one above the folder `episodes`, or a lone store itself."""
    return store.root.parent if store.root.name == "episodes" else store.root


def _parsed(line: str, where: str) -> Mark:
    try:
        return parse(json.loads(line), Mark, where)
    except (ConfigError, ValueError, RecursionError) as error:
        raise DataError(f"{where}: {error}".replace(f"{where}: {where}", where)) from error
