"""`drift data ls`, as a user meets it."""

import json
from pathlib import Path

import numpy as np
from drift.cli import app
from drift.errors import UserError
from drift_core.episodes import EpisodeMeta, EpisodeWriter, StepRecord
from typer.testing import CliRunner

EXPERT, POLICY = 2, 1


def record(folder: Path, name: str, sources: list[int]) -> None:
    """One control step of 20 ms for each source."""
    writer = EpisodeWriter(folder, EpisodeMeta(name, "panda", "place", 0, "intervention", (), 0.1, 1000.0))
    for tick, source in enumerate(sources):
        q = np.zeros(8)
        step = StepRecord(1000.0 + tick / 50, tick, source, 1, 1, 0, 3, -1.0, q, q, np.zeros(10), 0)
        writer.add_step(step)
    writer.close("failure")


def test_each_episode_has_a_line_with_its_length_steps_and_labels(tmp_path: Path) -> None:
    record(tmp_path / "run" / "episodes", "m0", [POLICY] * 30 + [EXPERT] * 21)
    for store in (tmp_path / "run", tmp_path / "run" / "episodes"):
        answer = CliRunner().invoke(app, ["data", "ls", str(store)])
        assert answer.exit_code == 0
        (line,) = (line for line in answer.output.splitlines() if "m0" in line)
        # 51 steps at 50 Hz: a second from the first to the last
        assert line.replace("│", " ").split() == ["m0", "intervention", "failure", "1.0", "51", "21", "1"]


def test_what_cannot_be_read_is_named_beside_the_rest(tmp_path: Path) -> None:
    for name in ("m0", "m1"):
        record(tmp_path, name, [EXPERT])
    (tmp_path / "m0" / "episode.json").write_text("{")
    answer = CliRunner().invoke(app, ["data", "ls", str(tmp_path)])
    assert answer.exit_code == 1
    assert "m0/episode.json: cannot be read" in answer.stderr and " m1 " in answer.stdout


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    answer = CliRunner().invoke(app, ["data", "ls", str(tmp_path / "none")])
    assert isinstance(answer.exception, UserError)
    assert "none must be a folder of episodes, or a run" in str(answer.exception)


def test_a_script_gets_the_descriptions(tmp_path: Path) -> None:
    record(tmp_path, "m0", [POLICY] * 30 + [EXPERT] * 21)
    (row,) = json.loads(CliRunner().invoke(app, ["data", "ls", str(tmp_path), "--json"]).stdout)
    assert (row["id"], row["steps"], row["expert_steps"], row["held_out"]) == ("m0", 51, 21, False)
