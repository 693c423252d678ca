"""What is broken goes aside, to `.quarantine/<id>/` among the episodes, with the reason.

Deleting it is a person's act.
"""

import os
from pathlib import Path

QUARANTINE = ".quarantine"  # a folder among the episodes
REASON_FILE = "reason.txt"
BROKEN_OFF = "its recorder was broken off"


class Quarantine:
    """The folder of what cannot be used as it is, in a store."""

    def __init__(self, store: Path) -> None:
        self.root = store / QUARANTINE

    def take(self, folder: Path, name: str, reason: str) -> Path:
        """Move `folder` here under `name`, or what of it is free, and return where it lies."""
        self.root.mkdir(exist_ok=True)
        (folder / REASON_FILE).write_text(reason + "\n", encoding="utf-8")
        number, place = 1, self.root / name
        while place.exists():
            number += 1
            place = self.root / f"{name}.{number}"
        os.rename(folder, place)
        return place

    def entries(self) -> list[Path]:
        """Return the folders that lie here, sorted."""
        return sorted(path for path in self.root.iterdir() if path.is_dir()) if self.root.is_dir() else []
