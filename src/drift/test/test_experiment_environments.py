"""Environments of others: what is installed where, and what is said of what is not."""

from importlib.util import find_spec
from pathlib import Path

import pytest
from drift.commands import experiment
from drift.errors import StackError, UserError
from drift.experiment import foreign
from drift.experiment.foreign import FOREIGN, kind_of, make


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout in which nothing is installed."""
    (tmp_path / "setup" / "requirements").mkdir(parents=True)
    (tmp_path / "setup" / "requirements" / "pusht.txt").write_text("gym-pusht==0.1.8\n")
    monkeypatch.setattr(foreign, "share_folder", lambda: tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", FOREIGN)
def test_every_environment_has_pinned_packages_and_an_adapter(name: str) -> None:
    lines = FOREIGN[name].requirements.read_text().splitlines()
    packages = [line for line in lines if line and not line.startswith("#")]
    assert packages and all("==" in line for line in packages)
    assert find_spec(f"drift_sim.environments.adapters.{name}") is not None


def test_one_that_is_not_installed_is_named_with_the_command_that_installs_it(checkout: Path) -> None:
    with pytest.raises(
        UserError, match="pusht is not installed; this makes it: drift experiment setup pusht"
    ):
        make("pusht", "pusht", images=False)


def test_one_of_other_packages_than_are_wanted_now_counts_as_not_installed(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[list[str]] = []
    monkeypatch.setattr(foreign, "_run", lambda command: commands.append([str(word) for word in command]))
    (checkout / ".venv-pusht").mkdir()
    kind, texts = kind_of("pusht"), []
    kind.install(texts.append)
    assert kind.installed
    assert commands[0][1:] == ["-m", "venv", "--clear", str(checkout / ".venv-pusht")]
    assert commands[1][-2:] == ["-r", str(kind.requirements)]
    kind.requirements.write_text("gym-pusht==0.1.9\n")
    assert not kind.installed


def test_a_step_of_the_installation_that_fails_is_said(checkout: Path) -> None:
    with pytest.raises(StackError, match="ended with 3: no such package"):
        foreign._run(["bash", "-c", "echo no such package >&2; exit 3"])


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("setup", "gym"), "environment=gym must be one of: metaworld, pusht, robosuite"),
        (("setup", ""), "environment= must be one of: metaworld, pusht, robosuite"),
    ],
)
def test_an_unknown_environment_is_refused(words: tuple[str, str], why: str) -> None:
    with pytest.raises(UserError, match=why):
        experiment.main(*words)
