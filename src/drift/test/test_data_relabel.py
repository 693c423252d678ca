"""`drift data relabel`, as a user meets it."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from drift.cli import app
from drift.errors import UserError
from drift_core.episodes import EpisodeStore, relabel
from drift_core.errors import DataError
from recorded_episodes import EXPERT, record
from typer.testing import CliRunner


def data(*arguments: object) -> str:
    result = CliRunner().invoke(app, ["data", "relabel", *map(str, arguments)])
    if result.exception is not None:
        raise result.exception
    return result.stdout


def said(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "episode.json").read_text())


def test_outcome_and_score_change_and_nothing_else(tmp_path: Path) -> None:
    for name in ("m0", "m1"):
        record(tmp_path, name, [EXPERT], score=0.25)
    before = said(tmp_path / "m0")
    text = data(tmp_path, "m0", "m1", "--outcome", "success", "--score", "0.7")
    assert "m1: failure, score 0.25 → success, score 0.7" in text
    assert said(tmp_path / "m0") == before | {"outcome": "success", "score": 0.7}
    data(tmp_path, "m0", "--score", "none")
    assert said(tmp_path / "m0") == before | {"outcome": "success", "score": None}
    assert EpisodeStore(tmp_path).read("m1").meta.score == 0.7


def test_another_outcome_takes_the_score_away_that_was_of_the_old_one(tmp_path: Path) -> None:
    record(tmp_path, "m0", [EXPERT], score=0.25)
    data(tmp_path, "m0", "--outcome", "failure")
    assert EpisodeStore(tmp_path).meta("m0").score == 0.25
    assert "failure, score 0.25 → success, score none" in data(tmp_path, "m0", "--outcome", "success")
    assert EpisodeStore(tmp_path).meta("m0").credit == 1.0


def test_a_weight_is_kept_with_the_episode_and_said(tmp_path: Path) -> None:
    record(tmp_path, "m0", [EXPERT])
    before = said(tmp_path / "m0")
    text = data(tmp_path, "m0", "--weight", "2.5")
    assert "m0: failure, score none → failure, score none, weight 2.5" in text
    assert said(tmp_path / "m0") == before | {"weight": 2.5}
    data(tmp_path, "m0", "--outcome", "success")
    assert EpisodeStore(tmp_path).meta("m0").weight == 2.5
    with pytest.raises(DataError, match="weight=inf must be finite, and 0 or more"):
        data(tmp_path, "m0", "--weight", "inf")


def test_a_relabelling_that_is_broken_off_leaves_the_old_label(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = record(tmp_path, "m0", [EXPERT])

    def killed(*paths: object) -> None:
        raise KeyboardInterrupt

    for rename in ("replace", "rename"):
        monkeypatch.setattr(os, rename, killed)
    with pytest.raises(KeyboardInterrupt):
        relabel(folder, "success", None)
    monkeypatch.undo()
    assert EpisodeStore(tmp_path).meta("m0").outcome == "failure"
    assert relabel(folder, "success", None).outcome == "success"


@pytest.mark.parametrize("score", ["1.5", "-0.1", "nan", "inf", "good"])
def test_a_score_that_is_none_is_refused_and_nothing_written(tmp_path: Path, score: str) -> None:
    record(tmp_path, "m0", [EXPERT])
    with pytest.raises(UserError, match=f"score={score} must be a number from 0 to 1, or none"):
        data(tmp_path, "m0", "--outcome", "success", "--score", score)
    assert EpisodeStore(tmp_path).meta("m0").outcome == "failure"


def test_a_damaged_one_among_them_keeps_all_from_being_written(tmp_path: Path) -> None:
    for name in ("m0", "m1"):
        record(tmp_path, name, [EXPERT])
    (tmp_path / "m1" / "episode.json").write_text("{")
    with pytest.raises(DataError, match=r"m1/episode.json: cannot be read"):
        data(tmp_path, "m0", "m1", "--outcome", "success")
    assert EpisodeStore(tmp_path).meta("m0").outcome == "failure"
    with pytest.raises(UserError, match="say what to change"):
        data(tmp_path, "m0")
