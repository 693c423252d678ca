"""Tasks of others: each kind lives in a virtual environment of its own, which one command makes."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from drift.configuration import share_folder
from drift.errors import StackError, UserError

if TYPE_CHECKING:
    from drift_sim.environments.served import ServedEnvironment
    from drift_sim.environments.setting import Setting

ANSWER_LIMIT_S = 60.0  # of one step or picture
_STAMP = "requirements.sha256"


@dataclass(frozen=True)
class Foreign:
    """One kind: its adapter is NAME.py of `drift_sim.environments.adapters`."""

    name: str
    tasks: str  # in words

    @property
    def requirements(self) -> Path:
        """The pinned packages."""
        return share_folder() / "setup" / "requirements" / f"{self.name}.txt"

    @property
    def folder(self) -> Path:
        """The virtual environment."""
        return share_folder() / f".venv-{self.name}"

    @property
    def python(self) -> Path:
        """Its Python."""
        return self.folder / "bin" / "python"

    @property
    def installed(self) -> bool:
        """Whether it has been made, from the requirements as they are."""
        stamp = self.folder / _STAMP
        return stamp.is_file() and stamp.read_text() == self._digest()

    def check(self) -> None:
        """Raise UserError where it is not installed."""
        if not self.installed:
            how = f"this makes it: drift experiment setup {self.name}"
            raise UserError(f"environment {self.name} is not installed; {how}")

    def install(self, on_text: Callable[[str], None]) -> None:
        """Make the environment anew; StackError names the step that failed."""
        base = Path(getattr(sys, "_base_executable", sys.executable))
        on_text(f"making {self.folder}")
        _run([base, "-m", "venv", "--clear", self.folder])
        on_text(f"installing {self.requirements.name} (a few minutes)")
        pip: list[str | Path] = [
            self.python,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ]
        _run([*pip, "-r", self.requirements])
        (self.folder / _STAMP).write_text(self._digest())

    def _digest(self) -> str:
        return sha256(self.requirements.read_bytes()).hexdigest()


FOREIGN = {
    kind.name: kind
    for kind in (
        Foreign("pusht", "pusht"),
        Foreign("metaworld", "any of its fifty, such as push-v3"),
        Foreign("robosuite", "Lift or PickPlaceCan"),
    )
}


def kind_of(name: str) -> Foreign:
    """Return a kind by name; UserError names those that there are."""
    if name not in FOREIGN:
        raise UserError(f"environment={name} must be one of: {', '.join(sorted(FOREIGN))}")
    return FOREIGN[name]


def make(name: str, task: str, images: bool, setting: "Setting | None" = None) -> "ServedEnvironment":
    """Start an environment; UserError where it is not installed, ConfigError for a task that it has not.

    `setting`: None for the usual one.
    """
    from drift_sim.environments.child import Child
    from drift_sim.environments.served import ServedEnvironment
    from drift_sim.environments.setting import SETTING

    kind = kind_of(name)
    kind.check()
    sees = "images" if images else "state"
    command: list[str | Path] = [
        kind.python,
        "-P",
        "-m",
        f"drift_sim.environments.adapters.{name}",
        task,
        sees,
    ]
    label = "".join(letter if letter.isalnum() else "_" for letter in f"{name}_{task}_{sees}".lower())
    return ServedEnvironment(
        lambda: Child(command, f"{name}/{task}", ANSWER_LIMIT_S), label, setting or SETTING
    )


def _run(command: list[str | Path]) -> None:
    words = [str(word) for word in command]
    done = subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no word"])[-1]
        raise StackError(f"{' '.join(words)} ended with {done.returncode}: {last}")
