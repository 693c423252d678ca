"""`drift data import`: what it says of a set with several tasks, and of what was dropped."""

from pathlib import Path

import pytest
from drift.cli import app
from drift.errors import UserError
from drift_core.episodes import EpisodeStore
from place_episodes import record
from typer.testing import CliRunner


def run(*words: object) -> str:
    done = CliRunner().invoke(app, [*map(str, words)], env={"COLUMNS": "200"})
    if done.exception is not None:
        raise done.exception
    return done.stdout


def test_of_a_set_with_two_tasks_one_is_read_and_what_was_dropped_stays_away(tmp_path: Path):
    for name, task in (("a", "place"), ("b", "insert"), ("c", "place")):
        record(tmp_path / "mine", name, task)
    run("data", "export", tmp_path / "mine", tmp_path / "set", "--format", "lerobot")
    words = ("data", "import", tmp_path / "set", tmp_path / "store")
    with pytest.raises(UserError, match="does not name one robot and one task as ours: say --task"):
        run(*words)
    said = run(*words, "--task", "place")
    assert "2 episodes of panda, place from" in said and ", 1 left out: of task insert" in said
    assert EpisodeStore(tmp_path / "store").ids() == ["a", "c"]
    run("data", "drop", tmp_path / "store", "a", "--yes")
    said = run(*words, "--task", "place")
    assert "0 episodes of panda, place from" in said and ", 1 were there already" in said
    assert ", 1 left out: dropped from the store before" in said
    assert EpisodeStore(tmp_path / "store").ids() == ["c"]
