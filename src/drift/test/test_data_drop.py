"""`drift data drop` and `restore`, as a user meets them."""

from pathlib import Path

import pytest
from click.testing import Result
from drift.cli import app
from drift.errors import UserError
from drift_core.episodes import Dropped, EpisodeStore
from drift_core.errors import DataError
from recorded_episodes import EXPERT, record
from typer.testing import CliRunner


def data(*arguments: object, answer: str = "") -> Result:
    result = CliRunner().invoke(app, ["data", *map(str, arguments)], input=answer)
    if isinstance(result.exception, (UserError, DataError)):
        raise result.exception
    return result


def test_what_was_dropped_is_no_episode_any_more_until_it_is_restored(tmp_path: Path) -> None:
    for name in ("m0", "m1", "m2"):
        record(tmp_path, name, [EXPERT])
    before = (tmp_path / "m1" / "episode.json").read_bytes()
    said = data("drop", tmp_path, "m1", "m2", "--yes").stdout
    assert f"to put back: drift data restore {tmp_path} m1 m2" in said
    assert EpisodeStore(tmp_path).ids() == ["m0"]
    assert data("restore", tmp_path).stdout.split() == ["m1", "m2"]
    data("restore", tmp_path, "m1")
    assert EpisodeStore(tmp_path).ids() == ["m0", "m1"]
    assert (tmp_path / "m1" / "episode.json").read_bytes() == before


@pytest.mark.parametrize(("answer", "code", "left"), [("n\n", 1, ["m0"]), ("", 1, ["m0"]), ("y\n", 0, [])])
def test_it_asks_before(tmp_path: Path, answer: str, code: int, left: list[str]) -> None:
    record(tmp_path, "m0", [EXPERT])
    result = data("drop", tmp_path, "m0", answer=answer)
    assert "m0: intervention, failure, 0.0 s, 1 steps by the expert" in result.stdout
    assert result.exit_code == code and EpisodeStore(tmp_path).ids() == left


def test_open_unknown_and_repeated_ones_are_refused_and_none_is_moved(tmp_path: Path) -> None:
    record(tmp_path, "m0", [EXPERT])
    (tmp_path / ".m1.part").mkdir()
    for wrong, why in (
        ("m1", "is being recorded"),
        ("m2", "must be one of the 1"),
        ("m0", "named once only"),
    ):
        with pytest.raises(UserError, match=why):
            data("drop", tmp_path, "m0", wrong, "--yes")
    assert EpisodeStore(tmp_path).ids() == ["m0"]


def test_a_damaged_episode_can_be_dropped_too(tmp_path: Path) -> None:
    record(tmp_path, "m0", [EXPERT])
    (tmp_path / "m0" / "episode.json").write_text("{")
    assert "m0/episode.json: cannot be read" in data("drop", tmp_path, "m0", "--yes").stdout
    assert Dropped(EpisodeStore(tmp_path)).ids() == ["m0"]


def test_nothing_is_put_in_the_place_of_another(tmp_path: Path) -> None:
    record(tmp_path, "m0", [EXPERT])
    data("drop", tmp_path, "m0", "--yes")
    record(tmp_path, "m0", [EXPERT] * 2)
    with pytest.raises(DataError, match="m0 exists already, with another episode of that id"):
        data("restore", tmp_path, "m0")
    with pytest.raises(DataError, match="m0 exists already, with another episode of that id"):
        data("drop", tmp_path, "m0", "--yes")
    with pytest.raises(DataError, match="id='m9' must be one of the 1 in"):
        data("restore", tmp_path, "m9")
    assert EpisodeStore(tmp_path).meta("m0").steps == 2
