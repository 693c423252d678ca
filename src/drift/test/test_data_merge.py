"""`drift data merge` and `split`, as a user meets them."""

import errno
import os
from pathlib import Path

import pytest
from click.testing import Result
from drift.cli import app
from drift.data import copying
from drift.errors import UserError
from drift_core.episodes import EpisodeStore, held_out
from drift_core.errors import DataError
from recorded_episodes import EXPERT, record
from typer.testing import CliRunner


def data(*arguments: object) -> Result:
    result = CliRunner().invoke(app, ["data", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def files_of(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    """Two runs; m1 is in both."""
    first, second = tmp_path / "first", tmp_path / "second"
    for run, names in ((first, ("m0", "m1")), (second, ("m1", "m2"))):
        for name in names:
            record(run / "episodes", name, [EXPERT] * int(name[1:]), frames_s=[0.0])
    return first, second


def test_all_episodes_are_in_the_merged_store_once_and_the_same(
    tmp_path: Path, two: tuple[Path, Path]
) -> None:
    # files that were written at another moment have the same bytes
    said = data("merge", *two, tmp_path / "both").stdout
    assert f"3 episodes to {tmp_path / 'both'}, 1 were there already" in said
    assert EpisodeStore(tmp_path / "both").ids() == ["m0", "m1", "m2"]
    for run, name in ((two[0], "m0"), (two[0], "m1"), (two[1], "m2")):
        assert files_of(tmp_path / "both" / name) == files_of(run / "episodes" / name)
    assert "0 episodes to" in data("merge", *two, tmp_path / "both").stdout  # again: nothing new


def test_one_id_with_different_content_is_refused_by_name(tmp_path: Path, two: tuple[Path, Path]) -> None:
    record(tmp_path / "third", "m0", [EXPERT] * 5, frames_s=[0.0])
    record(tmp_path / "third", "m2", [EXPERT] * 5, frames_s=[0.0])
    with pytest.raises(DataError, match="different content: m0 in .*; m2 in "):
        data("merge", *two, tmp_path / "third", tmp_path / "both")
    assert not (tmp_path / "both").exists()


def test_of_two_copies_the_one_that_was_damaged_is_named_though_its_description_is_the_same(
    tmp_path: Path, two: tuple[Path, Path]
) -> None:
    steps = two[1] / "episodes" / "m1" / "steps.arrow"
    content = steps.read_bytes()
    steps.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    damaged = rf"m1 in {two[0]}/episodes and {two[1]}/episodes \(steps.arrow: SHA-256 .*: drift data repair\)"
    with pytest.raises(DataError, match=f"the same id with different content: {damaged}"):
        data("merge", *two, tmp_path / "both")


def test_what_does_not_fit_is_refused_unless_the_person_says_so(
    tmp_path: Path, two: tuple[Path, Path]
) -> None:
    record(tmp_path / "other", "u0", [EXPERT], robot="ur5e", frames_s=[0.0])
    record(tmp_path / "blind", "b0", [EXPERT])
    with pytest.raises(DataError, match=r"u0 in .* has robot=ur5e, m0 has panda"):
        data("merge", two[0], tmp_path / "other", tmp_path / "both")
    with pytest.raises(DataError, match=r"b0 in .* has cameras=none, m0 has front 12x8"):
        data("merge", two[0], tmp_path / "blind", tmp_path / "both")
    data("merge", two[0], tmp_path / "other", tmp_path / "blind", tmp_path / "both", "--mixed")
    assert EpisodeStore(tmp_path / "both").ids() == ["b0", "m0", "m1", "u0"]


@pytest.mark.parametrize("disk", ["that links", "that only copies"])
def test_the_merged_store_does_not_hang_on_the_others(
    tmp_path: Path, two: tuple[Path, Path], disk: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_link(*paths: object, **how: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    if disk == "that only copies":
        monkeypatch.setattr(os, "link", no_link)
    data("merge", *two, tmp_path / "both")
    before = files_of(two[0] / "episodes" / "m1")
    EpisodeStore(tmp_path / "both").delete("m1")
    assert files_of(two[0] / "episodes" / "m1") == before
    description = tmp_path / "both" / "m0" / "episode.json"
    assert description.stat().st_nlink == 1  # it may be rewritten


def test_broken_off_halfway_nothing_is_to_be_seen_and_the_next_time_goes_through(
    tmp_path: Path, two: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    record(tmp_path / "both", "m9", [EXPERT], frames_s=[0.0])
    share, shared = copying.share, []

    def interrupted(source: Path, target: Path) -> None:
        shared.append(source)
        if len(shared) == 6:  # in the middle of the second episode
            raise KeyboardInterrupt
        share(source, target)

    monkeypatch.setattr(copying, "share", interrupted)
    assert data("merge", *two, tmp_path / "both").exit_code == 130
    assert [path.name for path in (tmp_path / "both").iterdir()] == ["m9"]
    (tmp_path / "both" / ".m0.incoming").mkdir()  # as a killed process leaves it
    (tmp_path / "both" / ".m0.incoming" / "episode.json").write_text("{}")
    assert EpisodeStore(tmp_path / "both").ids() == ["m9"]
    monkeypatch.setattr(copying, "share", share)
    data("merge", *two, tmp_path / "both")
    assert sorted(path.name for path in (tmp_path / "both").iterdir()) == ["m0", "m1", "m2", "m9"]


def test_a_store_that_is_recorded_into_and_a_store_into_itself_are_refused(
    tmp_path: Path, two: tuple[Path, Path]
) -> None:
    with EpisodeStore(two[1] / "episodes").claim(), pytest.raises(DataError, match="another process records"):
        data("merge", *two)
    with pytest.raises(UserError, match="must be another store"):
        data("merge", *two, two[0])
    with pytest.raises(UserError, match="nowhere must be a folder of episodes"):
        data("merge", tmp_path / "nowhere", tmp_path / "both")


def test_a_link_among_the_files_is_not_followed(tmp_path: Path, two: tuple[Path, Path]) -> None:
    (tmp_path / "secret").write_text("secret")
    (two[0] / "episodes" / "m0" / "joints.txt").symlink_to(tmp_path / "secret")
    with pytest.raises(DataError, match="joints.txt: must be a plain file"):
        data("merge", two[0], tmp_path / "both")


def test_parts_by_what_the_description_says(tmp_path: Path) -> None:
    record(tmp_path / "run", "a", [EXPERT], outcome="success")
    record(tmp_path / "run", "b", [EXPERT], outcome="failure")
    record(tmp_path / "run", "c", [EXPERT], outcome="success")
    data("split", tmp_path / "run", tmp_path / "parts", "--by", "outcome")
    parts = {part.name: EpisodeStore(part).ids() for part in (tmp_path / "parts").iterdir()}
    assert parts == {"success": ["a", "c"], "failure": ["b"]}
    assert EpisodeStore(tmp_path / "run").ids() == ["a", "b", "c"]


def test_parts_by_ids_and_by_a_draw_that_its_seed_decides(tmp_path: Path) -> None:
    names = [f"m{n}" for n in range(10)]
    for name in names:
        record(tmp_path / "run", name, [EXPERT])

    def parts(*how: object) -> dict[str, list[str]]:
        into = tmp_path / "-".join(map(str, how)).strip("-")
        data("split", tmp_path / "run", into, *how)
        return {part.name: EpisodeStore(part).ids() for part in into.iterdir()}

    chosen = parts("--episodes", "m3,m1")
    assert chosen == {"chosen": ["m1", "m3"], "rest": [n for n in names if n not in ("m1", "m3")]}
    drawn = parts("--fraction", 0.8, "--seed", 3)
    assert len(drawn["first"]) == 8 and sorted(drawn["first"] + drawn["second"]) == names
    assert parts("--seed", 3, "--fraction", 0.8) == drawn != parts("--fraction", 0.8, "--seed", 4)


def test_held_out_stays_held_out(tmp_path: Path) -> None:
    names = [f"m{n}" for n in range(40)]
    for name in names:
        record(tmp_path / "run", name, [])
    expected = [name for name in names if held_out(name)]
    assert expected  # by hash, one in ten
    said = data("split", tmp_path / "run", tmp_path / "parts", "--episodes", ",".join(expected)).stdout
    assert f"chosen: {len(expected)} episodes, {len(expected)} held out" in said
    assert f"rest: {40 - len(expected)} episodes, 0 held out" in said


def test_ways_of_splitting_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    record(tmp_path / "run", "a", [EXPERT], robot="../escape")
    run, into = tmp_path / "run", tmp_path / "parts"
    for how, why in (
        ((), "one of --by, --episodes, --fraction"),
        (("--by", "kind", "--fraction", "0.5"), "one of --by, --episodes, --fraction"),
        (("--fraction", "1.5"), "fraction=1.5 must lie between 0 and 1"),
        (("--episodes", "a,,"), "episode= must be one of the 1"),
        (("--by", "robot"), "robot='../escape' must be fit for the name of a folder"),
    ):
        with pytest.raises(UserError, match=why):
            data("split", run, into, *how)
    assert not into.exists()
    into.mkdir()
    (into / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="must be a new folder, or an empty one"):
        data("split", run, into, "--by", "kind")
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
