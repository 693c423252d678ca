"""A set of a robot without a file of ours: what it says itself is written down, the rest is asked for."""

import json
import shutil
from pathlib import Path

import pytest
import yaml
from drift_config.errors import ConfigError
from drift_config.loader import parse
from drift_control.robot.config import RobotConfig
from drift_core.episodes import EpisodeStore
from drift_core.errors import DataError
from drift_core.task import CameraConfig, TaskConfig
from drift_formats.format import Cell
from drift_formats.formats import lerobot
from drift_formats.importing import import_episodes
from drift_formats.lerobot.source_map import SourceMap
from recorded import PANDA

SET = Path(__file__).parent / "data" / "lerobot_0_6_1"
JOINTS = [f"motor_{number}.pos" for number in range(1, 8)]


@pytest.fixture
def theirs(tmp_path):
    """The set of somebody else's robot, with its own names of 7 joints and a gripper."""
    folder = tmp_path / "Pick-Place 2"
    shutil.copytree(SET, folder)
    path = folder / "meta/info.json"
    info = json.loads(path.read_text()) | {"robot_type": "XArm-7"}
    for name in ("observation.state", "action"):
        info["features"][name]["names"] = [*JOINTS, "gripper.pos"]
    path.write_text(json.dumps(info))
    return folder


def texts(folder):
    return {template.kind: template.text for template in lerobot.templates(folder)}


def test_robot_task_and_map_are_named_and_begun_from_the_set(theirs):
    robot, task, mapped = lerobot.templates(theirs)
    assert [(one.kind, one.name) for one in (robot, task, mapped)] == [
        ("robot", "xarm_7"),
        ("task", "pick_place_2"),
        ("map", "pick_place_2"),
    ]
    assert robot.beside == "with its kinematics: src/drift_control/drift_control/arms/xarm_7.py"
    said = yaml.safe_load(robot.text)
    assert (said["arm"], said["joint_names"]) == ("xarm_7", JOINTS)
    assert said["limits"]["velocity_rad_s"] == ["?"] * 7
    said = yaml.safe_load(mapped.text)
    assert said["joints"] == {"feature": "observation.state", "entries": JOINTS, "scale": "?"}
    assert said["action_gripper"]["entries"] == ["gripper.pos"]
    assert said["cameras"] == {"top": "observation.images.top", "hand": "observation.images.hand"}
    # how far each entry goes, from the set's statistics: it shows the unit
    low, high = (
        json.loads((SET / "meta/stats.json").read_text())["action"][key][0] for key in ("min", "max")
    )
    assert f"#   action 0 motor_1.pos: {low:.4g} .. {high:.4g}\n" in mapped.text


def test_what_the_set_does_not_say_is_refused_until_somebody_says_it(theirs):
    written = texts(theirs)
    for kind, form in (("robot", RobotConfig), ("task", TaskConfig), ("map", SourceMap)):
        with pytest.raises(ConfigError):
            parse(yaml.safe_load(written[kind]), form, kind)


def test_filled_in_the_set_is_read(theirs, tmp_path):
    written = texts(theirs)
    task = parse(yaml.safe_load(written["task"].replace('"?"', "tcp_pose")), TaskConfig, "task")
    # 30 rows a second: 3 rows a policy step; 12 rows are 0.4 s
    assert (task.name, task.dt_s, task.max_duration_s) == ("pick_place_2", 0.1, 1.0)
    assert task.cameras == (
        CameraConfig("top", "camera/top/image_raw", 24, 32, 0.0),
        CameraConfig("hand", "camera/hand/image_raw", 32, 32, 0.0),
    )
    said = yaml.safe_load(written["map"])
    for joints, gripper in (("joints", "gripper"), ("action_joints", "action_gripper")):
        said[joints]["scale"] = 0.017453292519943295
        said[gripper] |= {"scale": 0.0008, "offset": 0.0}
    mapped = parse(said, SourceMap, "map")
    store = EpisodeStore(tmp_path / "store")
    done = list(import_episodes(theirs, store, Cell(PANDA, task), lerobot, mapped))
    assert [one.became for one in done] == ["new", "new"]
    assert store.read(done[0].episode_id).joints.positions_rad.shape == (12, 7)


def test_a_set_without_names_is_told_of_by_numbers_and_one_without_actions_refused(theirs):
    path = theirs / "meta/info.json"
    info = json.loads(path.read_text())
    for name in ("observation.state", "action"):
        info["features"][name]["names"] = None
    path.write_text(json.dumps(info))
    said = yaml.safe_load(texts(theirs)["map"])
    assert (said["joints"]["entries"], said["gripper"]["entries"]) == ([*range(8)], ["?"])
    del info["features"]["action"]
    path.write_text(json.dumps(info))
    with pytest.raises(DataError, match=r"has no column 'action' of numbers; it has observation.state"):
        lerobot.templates(theirs)
