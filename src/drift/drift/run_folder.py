"""Where a stack writes."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from drift.errors import UserError


@dataclass(frozen=True)
class RunFolder:
    """One folder with everything that one run leaves behind."""

    path: Path  # absolute

    @property
    def episodes(self) -> Path:
        """The episode store."""
        return self.path / "episodes"

    @property
    def checkpoints(self) -> Path:
        """Checkpoints, and LATEST."""
        return self.path / "checkpoints"

    @property
    def logs(self) -> Path:
        """One log file for each process."""
        return self.path / "logs"

    @property
    def is_new(self) -> bool:
        """Whether nothing has been recorded or learned here yet."""
        return not (self.episodes.is_dir() or self.checkpoints.is_dir())

    def __str__(self) -> str:
        return f"{'new run' if self.is_new else 'run'} {self.path}"

    def create(self) -> "RunFolder":
        """Make the folders that are not there yet."""
        for folder in (self.episodes, self.checkpoints, self.logs):
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise UserError(
                    f"run={self.path} must be a folder that can be made: {error.strerror}"
                ) from None
        return self


def named(run: str, robot: str, task: str) -> RunFolder:
    """Return the folder `run`, or runs/<time>-<robot>-<task> when it is empty.

    UserError for a folder of something else: nothing is written between other people's files.
    """
    new = f"{datetime.now():%Y%m%d-%H%M%S}-{robot}-{task}"
    try:
        folder = RunFolder(Path(run or f"runs/{new}").resolve())
        foreign = folder.is_new and folder.path.is_dir() and any(folder.path.iterdir())
    except OSError as error:  # too long, not readable, links that lead in a circle
        raise UserError(f"run={run} must be a folder that can be made: {error.strerror}") from None
    if foreign:
        raise UserError(
            f"run={run} must be a run (it has episodes/ or checkpoints/), an empty folder or a new one; "
            f"{folder.path} holds other things"
        )
    return folder
