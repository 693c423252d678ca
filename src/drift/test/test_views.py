"""The views for RViz and Foxglove: each topic, field and frame that they name is one of the stack's."""

import json
import re
from importlib import import_module
from typing import Any

import pytest
import yaml
from drift.configuration import config_file, share_folder
from drift_control.robot.robot import load_robot
from drift_core.task import load_task
from drift_sim.description import describe
from drift_sim.frame_tree import FrameTree
from drift_sim.world import World

VIEWS = share_folder() / "config" / "views"
DISPLAYS = {
    "rviz_default_plugins/RobotModel": "std_msgs/String",
    "rviz_default_plugins/Image": "sensor_msgs/Image",
    "rviz_default_plugins/PoseArray": "geometry_msgs/PoseArray",
}
WITHOUT_TOPIC = {"rviz_default_plugins/Grid", "rviz_default_plugins/TF"}


@pytest.fixture(scope="module")
def types() -> dict[str, str]:
    """The type of each topic, as the contract in docs/architecture.md has it."""
    text = (share_folder() / "docs" / "architecture.md").read_text()
    rows = re.findall(
        r"^\| (`.*?) \| (.*?) \|", text.partition("## Contract between the nodes")[2], re.MULTILINE
    )
    cameras = [camera.name for camera in load_task(config_file("task", "place")).cameras]
    found = {}
    for names, kind in rows:
        for name in re.findall(r"`([^`(]+)`", names):
            whole = re.match(r"[A-Za-z0-9_/]+", kind)
            for camera in cameras if "<name>" in name else [""]:
                topic = "/" + name.replace("<name>", camera).lstrip("/")
                found[topic] = whole[0] if whole else ""
    return found


@pytest.fixture(scope="module")
def frames() -> set[str]:
    world = World(load_robot(config_file("robot", "panda")), load_task(config_file("task", "place")))
    return FrameTree(describe(world)).frames


def message(kind: str) -> Any:
    package, _, name = kind.rpartition("/")
    for module in (package,) if package else ("drift_interfaces", "diagnostic_msgs"):
        if found := getattr(import_module(f"{module}.msg"), name, None):
            return found
    raise AssertionError(f"{kind} is no message")


def test_rviz_is_told_topics_of_their_types_and_a_frame_of_the_arm(
    types: dict[str, str], frames: set[str]
) -> None:
    manager = yaml.safe_load((VIEWS / "drift.rviz").read_text())["Visualization Manager"]
    assert manager["Global Options"]["Fixed Frame"] in frames
    shown = {}
    for display in manager["Displays"]:
        topic = display.get("Topic", display.get("Description Topic"))
        if topic is None:
            assert display["Class"] in WITHOUT_TOPIC
        else:
            shown[topic["Value"]] = DISPLAYS[display["Class"]]
    assert shown == {name: types[name] for name in shown} and len(shown) == 4


def test_foxglove_is_told_topics_fields_and_frames_that_are_there(
    types: dict[str, str], frames: set[str]
) -> None:
    layout = json.loads((VIEWS / "foxglove.json").read_text())
    text = json.dumps(layout["configById"])
    said = set(re.findall(r'"(/[a-z_/]+(?:\.[a-z_]+(?:\[\d+\])?)?)"', text))
    assert said >= {"/robot_description", "/gate/state.state", "/camera/wrist/image_raw"}
    for path in said:
        topic, _, field = path.partition(".")
        fields = message(types[topic]).get_fields_and_field_types()
        assert not field or field.partition("[")[0] in fields, path
    cell = layout["configById"]["3D!cell"]
    assert {cell["followTf"], cell["layers"]["table"]["frameId"]} <= frames
    assert panels(layout["layout"]) == set(layout["configById"])


def panels(layout: Any) -> set[str]:
    if isinstance(layout, str):
        return {layout}
    return panels(layout["first"]) | panels(layout["second"])
