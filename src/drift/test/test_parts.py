"""What one machine of two runs, and which drivers of cameras it starts."""

from pathlib import Path

import pytest
from drift.cameras import load_camera
from drift.configuration import choices, config_file
from drift.errors import UserError
from drift.node_spec import NodeSpec
from drift.ros_command import command
from drift.stack import stack
from drift.stack_arguments import StackArguments


def nodes(tmp_path: Path, **said: str) -> dict[str, NodeSpec]:
    plan = stack(StackArguments(run=str(tmp_path / "run"), **said))
    return {node.name: node for node in plan.nodes}


def test_the_parts_of_two_machines_together_are_the_whole_stack(tmp_path: Path) -> None:
    robot, learning = nodes(tmp_path, parts="robot"), nodes(tmp_path, parts="policy,trainer")
    assert list(robot) == ["sim", "expert_gate", "planner", "expert", "console", "recorder"]
    assert list(learning) == ["trainer", "policy"]
    whole = nodes(tmp_path)
    halves = {**robot, **learning}
    assert {name: halves[name] for name in whole if name != "trainer"} == {
        name: node for name, node in whole.items() if name != "trainer"
    }
    roles = (whole["trainer"], robot["recorder"], learning["trainer"])
    assert [node.parameters.get("role", "all") for node in roles] == ["all", "record", "train"]
    for part in ("robot,trainer", "trainer,robot,policy"):
        assert "role" not in nodes(tmp_path, parts=part)["trainer"].parameters


def test_the_recorder_is_told_what_the_files_say_to_the_trainer(tmp_path: Path) -> None:
    params = tmp_path / "params.yaml"
    params.write_text(
        "/**/trainer:\n  ros__parameters: {jpeg_quality: 91, bag_topics: [joy, '2026-11-20']}\n"
    )
    recorder = nodes(tmp_path, parts="robot", params_file=str(params), record_bag="true")["recorder"]
    assert recorder.parameters["jpeg_quality"] == 91 and recorder.parameters["record_bag"] is True
    assert recorder.parameters["episode_folder"] == str(tmp_path / "run" / "episodes")
    words = command(recorder, "/")
    assert words[words.index("-r") + 1] == "__node:=recorder"
    assert "bag_topics:=['joy', '2026-11-20']" in words and "jpeg_quality:=91" in words


def test_one_file_of_parameters_serves_both_machines(tmp_path: Path) -> None:
    params = tmp_path / "params.yaml"
    params.write_text(
        "/**/policy:\n  ros__parameters: {seed: 4}\n/**/expert_gate:\n  ros__parameters: {rate_hz: 60.0}\n"
    )
    for part in ("robot", "policy", "trainer"):
        assert nodes(tmp_path, parts=part, params_file=str(params))


def test_cameras_of_the_task_get_their_drivers_with_topics_and_devices(tmp_path: Path) -> None:
    said = "front=usb_cam@/dev/video2,wrist=realsense@_12"
    found = nodes(tmp_path, sim="none", expert="none", planner="none", cameras=said, parts="robot")
    assert list(found) == ["expert_gate", "console", "camera_front", "camera_wrist", "recorder"]
    front, wrist = found["camera_front"], found["camera_wrist"]
    assert (front.package, front.executable) == ("usb_cam", "usb_cam_node_exe")
    assert front.parameters["video_device"] == "/dev/video2" and front.parameters["framerate"] == 30.0
    assert front.remappings == {
        "image_raw": "camera/front/image_raw",
        "camera_info": "camera/front/camera_info",
    }
    assert wrist.parameters["serial_no"] == "_12"
    assert wrist.remappings["~/color/image_raw"] == "camera/wrist/image_raw"


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (
            {"cameras": "top=usb_cam"},
            r"task=place has no camera top; allowed: front=DRIVER\[@DEVICE\], wrist=",
        ),
        ({"cameras": "front=kinect"}, "camera=kinect must be one of: realsense, usb_cam, v4l2_camera"),
        ({"cameras": "front"}, "camera= must be one of: realsense, "),
        ({"cameras": "front=usb_cam,front=realsense"}, "must name front once only"),
        ({"cameras": "front=usb_cam", "sim": "mujoco"}, "needs sim=none, got sim=mujoco"),
        (
            {"parts": "robot,gpu"},
            "parts=robot,gpu must be all, or some of robot, policy, trainer joined by commas",
        ),
        ({"parts": ""}, "parts= must be all, or some of"),
    ],
)
def test_what_is_not_there_is_refused_with_what_is_allowed(
    tmp_path: Path, said: dict[str, str], text: str
) -> None:
    with pytest.raises(UserError, match=text):
        nodes(tmp_path, **({"sim": "none", "expert": "none"} | said))


def test_every_file_of_a_camera_is_named_as_it_says() -> None:
    assert [load_camera(config_file("camera", name)).name for name in choices("camera")] == choices("camera")


def test_the_arm_goes_by_urs_name_as_well(tmp_path: Path) -> None:
    by_ur, by_us = StackArguments(ur_type="ur5e"), StackArguments(robot="ur5e")
    assert (by_ur.robot, by_ur.robot_and_hand) == (by_us.robot, "ur5e") and StackArguments().robot == "panda"
    assert StackArguments(robot="ur5e", ur_type="ur5e").robot == "ur5e"
