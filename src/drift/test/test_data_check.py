"""`drift data check` and `drift data repair`, as a person calls them."""

import json
from pathlib import Path

import pytest
from drift.cli import app
from drift.errors import UserError
from drift_core.episodes import EpisodeStore
from drift_formats.bags.message_types import installed
from drift_formats.bags.metadata import Topic
from drift_formats.bags.writer import BagWriter
from recorded_episodes import EXPERT, record
from typer.testing import CliRunner

FRAMES_S = [n / 10 for n in range(10)]


def run(*words: object):
    return CliRunner().invoke(app, ["data", *map(str, words)])


@pytest.fixture
def episodes(tmp_path: Path) -> Path:
    for name in ("m0", "m1"):
        record(tmp_path / "episodes", name, [EXPERT] * 50, kind="demonstration", frames_s=FRAMES_S)
    return tmp_path / "episodes"


def damage(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 255
    file.write_bytes(content)


def test_a_row_for_each_problem_names_file_and_key_and_the_exit_code_says_so(episodes: Path) -> None:
    assert run("check", episodes, "--robot", "point", "--task", "place").exit_code == 1
    good = run("check", episodes)
    meta = episodes / "m1" / "episode.json"
    assert "2 episodes read" in good.stdout
    damage(episodes / "m0" / "joints.arrow")
    meta.write_text(json.dumps(json.loads(meta.read_text()) | {"steps": 7}))
    answer = run("check", episodes.parent)
    assert answer.exit_code == 1
    lines = [line.split() for line in answer.stdout.splitlines()]
    assert any(line[1:6:2] == ["m0", "joints.arrow", "broken"] or "joints.arrow" in line for line in lines)
    assert "steps=7 must be 50, as steps.arrow says" in answer.stdout
    assert f"drift data repair {episodes} mends what can be mended" in answer.stdout
    rows = json.loads(run("check", episodes, "--json").stdout)
    assert {(row["episode"], row["file"], row["key"]) for row in rows if row["broken"]} >= {
        ("m0", "joints.arrow", ""),
        ("m1", "episode.json", "steps"),
    }


def test_episodes_that_do_not_fit_the_robot_that_is_asked_for_are_named(episodes: Path) -> None:
    answer = run("check", episodes, "--robot", "ur5e")
    assert answer.exit_code == 1
    assert "recorded elsewhere: robot must be ur5e, got panda" in answer.stdout


def test_repair_says_what_it_did_and_ls_shows_the_episode(episodes: Path) -> None:
    (episodes / "m1").rename(episodes / ".m1.part")
    assert "m1: would be made whole as" in run("repair", episodes, "--dry-run").stdout
    assert EpisodeStore(episodes).ids() == ["m0"]
    answer = run("repair", episodes)
    assert answer.exit_code == 0 and answer.stdout.splitlines()[-1] == "1 of 1 made whole"
    assert EpisodeStore(episodes).ids() == ["m0", "m1"]
    assert "failure, repaired" in run("ls", episodes).stdout
    assert run("repair", episodes).stdout == "nothing to repair\n"


def test_what_cannot_be_repaired_is_said_and_lies_in_quarantine(episodes: Path) -> None:
    (episodes / "m1" / "steps.arrow").write_bytes(b"")
    answer = run("repair", episodes)
    assert answer.exit_code == 1
    place = episodes / ".quarantine" / "m1"
    assert f"m1: in quarantine as {place}: " in answer.stdout and (place / "reason.txt").exists()
    assert "in quarantine: m1" in run("check", episodes).stdout


def test_while_something_records_nothing_is_repaired(episodes: Path) -> None:
    with EpisodeStore(episodes).claim():
        answer = run("repair", episodes)
    assert isinstance(answer.exception, UserError)
    assert "another process records into" in str(answer.exception)


def broken_off_bag(folder: Path) -> Path:
    """Write a bag of two messages whose writer was killed in the middle of the second."""
    writer = BagWriter(folder)
    topic = Topic("/joint_states", installed("sensor_msgs/msg/JointState"))
    for number in range(2):
        writer.write(topic, bytes(1000), number, number)
        writer.flush()
    writer.abandon()
    writer.path.write_bytes(writer.path.read_bytes()[:-300])
    return folder


def test_bags_that_were_broken_off_are_made_whole_with_their_run_or_by_themselves(episodes: Path) -> None:
    bag = broken_off_bag(episodes.parent / "bags" / "m0")
    assert f"bag {bag}: would be made whole" in run("repair", episodes.parent, "--dry-run").stdout
    assert not (bag / "metadata.yaml").exists()
    told = run("repair", episodes.parent)
    assert told.exit_code == 0
    assert f"bag {bag}: made whole, 1 messages; left out: " in told.stdout
    assert (bag / "metadata.yaml").is_file()
    assert "nothing to repair" in run("repair", episodes.parent).stdout
    other = broken_off_bag(episodes.parent / "elsewhere")
    assert f"bag {other}: made whole, 1 messages" in run("repair", other).stdout


@pytest.mark.parametrize("options", [(), ("--dry-run",)])
def test_a_bag_that_is_being_recorded_is_refused_by_name(tmp_path: Path, options: tuple[str, ...]) -> None:
    writer = BagWriter(tmp_path / "bag")
    answer = run("repair", tmp_path / "bag", *options)
    assert isinstance(answer.exception, UserError)
    assert str(answer.exception) == f"{writer.path}: is being recorded; end the recorder first"
    writer.close()
    assert run("repair", tmp_path / "bag", *options).exit_code == 0
