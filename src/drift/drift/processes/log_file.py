"""Follow a log file that another process writes."""

from pathlib import Path


class LogFollower:
    """Return the new lines of a growing file, and remember the last ones.

    Processes write into their files themselves: a console that stands still can then never block one of them,
    and their last words survive whatever happens to the supervisor.
    """

    def __init__(self, path: Path, remembered: int = 200) -> None:
        self._file = path.open("rb")
        self._file.seek(0, 2)  # what an earlier run wrote is not news
        self._unfinished = b""
        self._remembered = remembered
        self.last: tuple[str, ...] = ()  # replaced, never changed: other threads read it

    def new_lines(self, at_end: bool = False) -> list[str]:
        """Return the lines completed since the last call; with `at_end` also an unfinished one."""
        *lines, self._unfinished = (self._unfinished + self._file.read()).split(b"\n")
        if at_end and self._unfinished:
            lines.append(self._unfinished)
            self._unfinished = b""
        texts = [line.decode(errors="replace").rstrip("\r") for line in lines]
        self.last = (*self.last, *texts)[-self._remembered :]
        return texts

    def close(self) -> None:
        """Close the file."""
        self._file.close()
