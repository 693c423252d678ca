"""`drift data show`, as a user meets it."""

import json
from pathlib import Path
from typing import Any

import cv2
import pytest
from drift.cli import app
from drift.errors import UserError
from recorded_episodes import EXPERT, HOLD, POLICY, record
from typer.testing import CliRunner


def show(*arguments: object) -> str:
    answer = CliRunner().invoke(app, ["data", "show", *map(str, arguments)])
    if answer.exception is not None:
        raise answer.exception
    return answer.output


def in_numbers(*arguments: object) -> dict[str, Any]:
    return json.loads(show(*arguments, "--json"))


def test_who_drove_when_and_for_how_long(tmp_path: Path) -> None:
    # 10 steps of 20 ms each: hold 0.0–0.2 s, policy 0.2–0.4 s, expert 0.4 s to the last step at 0.58 s
    record(tmp_path, "m0", [HOLD] * 10 + [POLICY] * 10 + [EXPERT] * 10)
    said = in_numbers(tmp_path, "m0")
    spans = [(drive["driver"], drive["begin_s"], drive["end_s"]) for drive in said["drives"]]
    assert [name for name, _, _ in spans] == ["hold", "policy", "expert"]
    assert [span[1:] for span in spans] == [
        pytest.approx(span) for span in ((0.0, 0.2), (0.2, 0.4), (0.4, 0.58))
    ]
    assert said["take_overs"] == 1 and said["steps_by_policy_version"] == {"3": 10}


def test_rates_gaps_latencies_and_flags_have_their_numbers(tmp_path: Path) -> None:
    # frames each 100 ms, one of them missing: an interval of 200 ms is no gap, one of 300 ms is one
    record(
        tmp_path,
        "m0",
        [POLICY] * 50,
        frames_s=[0.0, 0.1, 0.2, 0.4, 0.5, 0.8],
        flags=[64] * 3 + [2 | 128] * 2 + [0] * 45,
    )
    said = in_numbers(tmp_path)
    front = said["cameras"]["front"]
    assert front["rate_hz"] == pytest.approx(10.0) and front["gaps"] == 1
    assert front["longest_ms"] == pytest.approx(300.0)
    assert front["latency_ms"] == pytest.approx(30.0) and not said["two_clocks"]
    assert said["joints"]["rate_hz"] == pytest.approx(100.0)
    assert said["guard_flags"] == {"hold": 3, "velocity": 2, "ramp": 2}


def test_on_two_clocks_latencies_are_those_above_the_quickest_sample(tmp_path: Path) -> None:
    # as a running stack records: arrivals by the steady clock, here 995 s behind. Joints come at once, frames
    # 30 ms late.
    record(tmp_path, "m0", [POLICY] * 20, frames_s=[0.0, 0.1, 0.2], arrivals_s=-995.0)
    said = in_numbers(tmp_path)
    assert said["two_clocks"]
    assert said["joints"]["latency_max_ms"] == pytest.approx(0.0, abs=1e-6)
    assert said["cameras"]["front"]["latency_ms"] == pytest.approx(30.0)
    assert "compared with the quickest sample" in show(tmp_path)


def test_the_line_of_time_shows_driver_guard_and_missing_frames(tmp_path: Path) -> None:
    # 100 steps on 100 columns; frames in the first second only, of two
    frames_s = [0.1 * n for n in range(11)]
    record(tmp_path, "m0", [POLICY] * 50 + [EXPERT] * 50, frames_s=frames_s, flags=[64] + [0] * 99)
    lines = {line.split()[0]: line[10:] for line in show(tmp_path).splitlines() if line}
    assert lines["driver"].count("p") == 50 and lines["driver"].count("E") == 50
    assert lines["guard"].rstrip() == "!"
    # the last frame is at 1.0 of 1.98 s, column 50; 125 ms and a column further there is none
    assert lines["front"].strip("_").isspace() and 40 <= lines["front"].count("_") <= 44


def test_slow_steps_leave_no_holes_in_the_line_of_time_but_missing_ones_do(tmp_path: Path) -> None:
    # 25 steps on 100 columns; seven of the second half are cut out
    record(tmp_path, "m0", [POLICY] * 25)
    lines = {line.split()[0]: line[10:] for line in show(tmp_path).splitlines() if line}
    assert lines["driver"] == "p" * 100
    record(tmp_path, "m1", [POLICY] * 15 + [None] * 7 + [POLICY] * 3, started_s=2000.0)
    lines = {line.split()[0]: line[10:] for line in show(tmp_path).splitlines() if line}
    assert " " not in lines["driver"][:58] and lines["driver"][70:80].isspace()
    assert in_numbers(tmp_path)["missing_steps"] == 7 and in_numbers(tmp_path)["steps"]["gaps"] == 1


def test_labels_are_those_that_training_would_cut(tmp_path: Path) -> None:
    record(tmp_path, "m0", [EXPERT] * 10, task="juggle")
    said = in_numbers(tmp_path)
    assert said["labels"] is None and "task=juggle must be one of: fork, insert" in said["remark"]
    record(tmp_path, "m1", [EXPERT] * 10, kind="evaluation", started_s=2000.0)
    assert in_numbers(tmp_path)["remark"] == "an evaluation is not trained on"


def test_without_a_name_the_newest_is_shown(tmp_path: Path) -> None:
    record(tmp_path, "a", [POLICY], started_s=3000.0)
    record(tmp_path, "b", [POLICY], started_s=2000.0)
    assert in_numbers(tmp_path)["meta"]["id"] == "a"


def test_the_picture_shows_the_driver_as_the_colour_of_the_frames(tmp_path: Path) -> None:
    record(tmp_path, "m0", [POLICY] * 50 + [EXPERT] * 50, frames_s=[0.1 * n for n in range(19)])
    out = tmp_path / "m0.png"
    show(tmp_path, "m0", "--out", out)
    image = cv2.cvtColor(cv2.imread(str(out)), cv2.COLOR_BGR2RGB)
    blue = (image == (0x00, 0x72, 0xB2)).all(axis=2).any(axis=0).nonzero()[0]  # columns
    orange = (image == (0xE6, 0x9F, 0x00)).all(axis=2).any(axis=0).nonzero()[0]
    strip = image.shape[1] // 2
    assert len(blue) > 100 and len(orange) > 100
    assert blue.min() < orange.min() < strip + 100 and orange.max() > strip


@pytest.mark.parametrize("steps", [0, 1])
def test_an_episode_that_hardly_began_is_shown_as_what_it_is(tmp_path: Path, steps: int) -> None:
    record(tmp_path, "m0", [EXPERT] * steps, frames_s=[])
    assert f"{steps} control steps" in show(tmp_path, "m0", "--out", tmp_path / "m0.png")
    assert (tmp_path / "m0.png").stat().st_size > 1000


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="must hold a finished episode, and has none"):
        show(tmp_path)
    record(tmp_path, "m0", [POLICY])
    (tmp_path / ".m1.part").mkdir()
    with pytest.raises(UserError, match="episode=m1 is being recorded, or was broken off"):
        show(tmp_path, "m1")
    with pytest.raises(UserError, match="episode=../m0 must be one of the 1 in"):
        show(tmp_path, "../m0")
    with pytest.raises(UserError, match="must end in .png, .pdf, .svg"):
        show(tmp_path, "m0", "--out", tmp_path / "m0.jpg")
