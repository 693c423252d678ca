"""`drift data stats`, as a user meets it."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from drift.cli import app
from drift.errors import UserError
from recorded_episodes import EXPERT, HOLD, POLICY, record
from typer.testing import CliRunner


def stats(*arguments: object) -> Result:
    answer = CliRunner().invoke(app, ["data", "stats", *map(str, arguments)])
    if isinstance(answer.exception, UserError):
        raise answer.exception
    return answer


def in_numbers(store: Path) -> list[dict[str, Any]]:
    return json.loads(stats(store, "--json").stdout)["groups"]


def test_minutes_success_and_corrections_are_summed_up(tmp_path: Path) -> None:
    # 301 steps at 50 Hz are 6 s; twice that is 0.2 minutes, half of each driven by the expert
    steps = [POLICY] * 150 + [EXPERT] * 151
    record(tmp_path, "m0", steps, outcome="success", started_s=1000.0)
    record(tmp_path, "m1", steps, outcome="failure", started_s=2000.0)
    record(tmp_path, "m2", [POLICY] * 301, outcome="success", kind="evaluation", started_s=3000.0)
    record(tmp_path, "m3", [EXPERT] * 301, outcome="unknown", kind="demonstration", started_s=500.0)
    (group,) = in_numbers(tmp_path)
    assert group["minutes"] == pytest.approx(0.4)
    assert group["minutes_by_driver"]["policy"] == pytest.approx(0.2, abs=1e-3)
    assert group["success_by_kind"]["intervention"]["successes"] == 1
    assert group["success_by_kind"]["intervention"]["trials"] == 2
    assert "demonstration" not in group["success_by_kind"]  # nobody said how it ended
    # without help: of the two corrected ones and the evaluation only the last
    assert (group["unaided"]["successes"], group["unaided"]["trials"]) == (1, 3)
    assert [row["id"] for row in group["rows"]] == ["m3", "m0", "m1", "m2"]  # as they were recorded
    # two corrections in 0.2 minutes
    (said,) = (line.split() for line in stats(tmp_path).stdout.splitlines() if "corrections" in line)
    assert said == ["corrections", "10.00", "per", "minute"]


def test_each_dimension_has_its_name_and_numbers(tmp_path: Path) -> None:
    # z is 0.01 m per step; the hold at step 0 is not an action of anybody: 0.01 .. 0.10 m
    record(tmp_path, "m0", [HOLD] + [EXPERT] * 10, frames_s=[0.0, 0.1])
    (group,) = in_numbers(tmp_path)
    z = next(column for column in group["actions"] if column["name"] == "tcp z [m]")
    assert (z["rows"], z["minimum"], z["maximum"]) == (10, pytest.approx(0.01), pytest.approx(0.10))
    assert [z["mean"], z["median"]] == pytest.approx([0.055, 0.055])
    assert z["std"] == pytest.approx(0.0287228, abs=1e-6)  # of 1..10 hundredths: sqrt(99 / 12)
    assert group["states"][0]["name"] == "panda_joint1 [rad]" and group["states"][0]["rows"] == 11
    assert group["image_mean"] == {"front": [100.0, 100.0, 100.0]}


def test_robots_and_tasks_are_not_mixed(tmp_path: Path) -> None:
    record(tmp_path, "a", [EXPERT] * 5, robot="ur5e")
    for name in ("b", "c"):
        record(tmp_path, name, [EXPERT] * 5)
    assert [(group["robot"], group["episodes"]) for group in in_numbers(tmp_path)] == [
        ("panda", 2),
        ("ur5e", 1),
    ]


def test_what_cannot_be_read_is_named_and_the_rest_counted(tmp_path: Path) -> None:
    record(tmp_path, "m0", [EXPERT] * 5)
    record(tmp_path, "m1", [])
    record(tmp_path, "m2", [EXPERT] * 5)
    (tmp_path / "m0" / "episode.json").write_text("{")
    answer = stats(tmp_path)
    assert answer.exit_code == 1 and "m0/episode.json" in answer.stderr
    assert "panda, place: 2 episodes" in answer.stdout


def test_a_figure_is_drawn_also_of_a_single_short_episode(tmp_path: Path) -> None:
    record(tmp_path / "store", "m0", [])
    stats(tmp_path / "store", "--out", tmp_path / "stats.png")
    assert (tmp_path / "stats.png").stat().st_size > 1000


def test_an_empty_store_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="must hold a finished episode, and has none"):
        stats(tmp_path)
