"""`drift prefer`, as a user meets it."""

import json
from pathlib import Path

import cv2
import pytest
from drift.cli import app
from drift.errors import UserError
from drift_core.episodes import EpisodeMeta
from drift_core.preferences import pairs_to_ask
from recorded_episodes import EXPERT, POLICY, record
from typer.testing import CliRunner


def prefer(*arguments: object, keys: str = "") -> str:
    result = CliRunner().invoke(app, ["prefer", *map(str, arguments)], input=keys)
    if result.exception is not None:
        raise result.exception
    return result.stdout


def attempt(name: str, seed: int = 7, task: str = "place", versions: tuple[int, ...] = (3,)) -> EpisodeMeta:
    return EpisodeMeta(name, "panda", task, seed, "evaluation", (), 0.1, 0.0, policy_versions=versions)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Three attempts of one start, of 0.4, 0.2 and 0.2 s, and a demonstration."""
    for name, ticks in (("m1", 20), ("m2", 10), ("m3", 10)):
        frames_s = [0.1 * n for n in range(ticks // 5)]
        record(tmp_path / "episodes", name, [POLICY] * ticks, frames_s=frames_s)
    record(tmp_path / "episodes", "d1", [EXPERT] * 10, kind="demonstration")
    return tmp_path


def test_attempts_of_one_start_come_first_then_neighbours_of_one_task_and_none_twice() -> None:
    metas = [
        attempt("a", 1), attempt("b", 2), attempt("c", 1), attempt("demo", 1, versions=()),
        attempt("real", 0), attempt("other", 1, "insert"),
    ]  # fmt: skip
    assert pairs_to_ask(metas, set()) == [("a", "c"), ("a", "b"), ("b", "c"), ("c", "real")]
    assert pairs_to_ask(metas, {frozenset("ca"), frozenset("ab")}) == [("b", "c"), ("c", "real")]


def test_each_answer_is_a_line_of_the_run_and_is_not_asked_again(run: Path) -> None:
    text = prefer(run, keys="xAsb")  # x is no answer; A for the first pair, the second is skipped
    assert "1 of 3: A is m1, B is m2" in text and f"2 marks in {run / 'preferences.jsonl'}" in text
    lines = [json.loads(line) for line in (run / "preferences.jsonl").read_text().splitlines()]
    assert [(line["a"], line["b"], line["answer"]) for line in lines] == [
        ("m1", "m2", "a"),
        ("m2", "m3", "b"),
    ]
    assert "1 of 1: A is m1, B is m3" in prefer(run, keys="e")
    assert "all pairs were asked" in prefer(run)
    said = prefer(run, "--list").splitlines()
    assert [line.split("  ")[1] for line in said] == ["m1 over m2", "m3 over m2", "m1 as good as m3"]
    assert [mark["answer"] for mark in json.loads(prefer(run, "--list", "--json"))] == ["a", "b", "equal"]


def test_an_episode_that_cannot_be_read_is_left_out_by_name(run: Path) -> None:
    (run / "episodes" / "m2" / "episode.json").write_text("{")
    result = CliRunner().invoke(app, ["prefer", str(run)], input="a")
    assert "1 of 1: A is m1, B is m3" in result.stdout and "1 marks" in result.stdout
    assert "left out:" in result.stderr and "m2" in result.stderr


def test_the_picture_has_a_above_b_at_the_same_times(run: Path) -> None:
    text = prefer(run, "--pairs", 1, keys="q")
    file = run / "preferences" / "m1_m2.png"
    assert str(file) in text and "0 marks" in text
    picture = cv2.imread(str(file))
    # a row of ten pictures of 12 x 8 at a height of 96, each with a frame of 5, and 24 for the letter
    assert picture.shape == (2 * 106, 24 + 10 * (144 + 10), 3)
    last = picture[:, -100:]
    assert (last[:106] < 255).any() and (last[106:] == 255).all(), "B was over by then"


def test_a_film_shows_both_side_by_side(run: Path) -> None:
    prefer(run, "--film", "--pairs", 1, keys="q")
    film = cv2.VideoCapture(str(run / "preferences" / "m1_m2.mp4"))
    assert int(film.get(cv2.CAP_PROP_FRAME_COUNT)) == 5  # 0.38 s, 10 a second, and the last again
    assert film.get(cv2.CAP_PROP_FRAME_HEIGHT) == 240 and film.get(cv2.CAP_PROP_FRAME_WIDTH) == 2 * (360 + 24)


def test_what_cannot_be_asked_is_said(tmp_path: Path) -> None:
    record(tmp_path, "m1", [POLICY])
    with pytest.raises(UserError, match="must hold two episodes in which a policy drove"):
        prefer(tmp_path)
    assert "nothing was preferred yet" in prefer(tmp_path, "--list")
