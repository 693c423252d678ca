"""What becomes of config/calibration: nodes of the stack, and what drift doctor says of it."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest
from drift import camera_places
from drift.doctor import camera_places as doctor
from drift.doctor.finding import Severity
from drift.ros_command import command
from drift.stack import StackSpec, stack
from drift.stack_arguments import StackArguments
from drift_config.errors import ConfigError
from drift_core.calibration.camera_place import CameraPlace, file_name
from drift_core.calibration.transform import StaticTransform


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    folder = tmp_path / "calibration"
    folder.mkdir()
    monkeypatch.setattr(camera_places, "calibration_folder", lambda: folder)
    return folder


@pytest.fixture
def tf2_ros(tmp_path, monkeypatch) -> Path:
    """A prefix with the package, as its distribution installs it."""
    prefix = tmp_path / "opt"
    index = prefix / "share" / "ament_index" / "resource_index" / "packages"
    program = prefix / "lib" / "tf2_ros" / "static_transform_publisher"
    index.mkdir(parents=True)
    program.parent.mkdir(parents=True)
    (index / "tf2_ros").touch()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(prefix))
    return program


def write(folder: Path, camera: str, parent: str, robot: str = "ur5e", name: str = "") -> None:
    frame = np.eye(4)
    frame[:3, 3] = (0.05, 0.0, -0.08)
    transform = StaticTransform.of(parent, f"{camera}_optical_frame", frame)
    place = CameraPlace(robot, camera, date(2026, 11, 1), 0.06, (1e-4,) * 3, (0.01,) * 3, transform)
    (folder / (name or file_name(robot, camera))).write_text(place.text(()))


def plan(tmp_path: Path, **said: str) -> StackSpec:
    return stack(StackArguments(**{"run": str(tmp_path / "run"), "robot": "ur5e", "sim": "none", **said}))


def test_beside_a_real_arm_each_measured_camera_has_a_node_that_publishes_its_frame(
    tmp_path, folder, tf2_ros
):
    write(folder, "wrist", "hand_tcp")
    write(folder, "front", "base_link")
    write(folder, "side", "base_link")  # of another task
    nodes = {node.name: node for node in plan(tmp_path).nodes}
    assert [name for name in nodes if name.startswith("frame_")] == ["frame_front", "frame_wrist"]
    words = command(nodes["frame_wrist"], "/left")
    assert words[0] == str(tf2_ros)
    assert " ".join(words[1:]).startswith(
        "--x 0.05 --y 0.0 --z -0.08 --qx 0.0 --qy 0.0 --qz 0.0 --qw 1.0 --frame-id hand_tcp --child-frame-id "
        "wrist_optical_frame --ros-args -r __node:=frame_wrist -r __ns:=/left"
    )
    elsewhere = (plan(tmp_path, sim="mujoco"), plan(tmp_path, parts="policy"))
    assert not any(node.name.startswith("frame_") for built in elsewhere for node in built.nodes)


def test_without_tf2_ros_the_stack_starts_and_says_what_is_not_published(tmp_path, folder):
    write(folder, "wrist", "hand_tcp")
    built = plan(tmp_path)
    assert not any(node.name.startswith("frame_") for node in built.nodes)
    assert built.hints[-1].startswith("where wrist is mounted is not published: install tf2_ros (sudo apt")
    assert not any("tf2_ros" in hint for hint in plan(tmp_path, parts="trainer").hints)


def test_a_file_of_another_robot_camera_or_mount_is_refused_by_name(tmp_path, folder):
    write(folder, "wrist", "hand_tcp", robot="ur10e", name="ur5e_wrist.yaml")
    with pytest.raises(ConfigError, match=r"ur5e_wrist.yaml: is of robot ur10e and camera wrist"):
        plan(tmp_path)
    write(folder, "front", "base_link", name="ur5e_wrist.yaml")
    with pytest.raises(ConfigError, match=r"ur5e_wrist.yaml: is of robot ur5e and camera front"):
        plan(tmp_path)
    write(folder, "wrist", "tool0")
    with pytest.raises(
        ConfigError, match=r"parent_frame=tool0 must be tip_frame or base_frame of robot ur5e: h"
    ):
        plan(tmp_path)


def test_the_doctor_lists_what_is_measured_with_age_and_error_and_names_what_is_wrong(folder):
    today = date(2026, 11, 29)
    none = doctor.camera_places(folder, today)
    assert none.status is Severity.WARN and "drift calibrate hand-eye" in none.advice
    write(folder, "wrist", "hand_tcp")
    good = doctor.camera_places(folder, today)
    assert good.text == "ur5e_wrist: 28 days old, ±0.10 mm, ±0.010 deg, 0.06 px"
    write(folder, "wrist", "hand_tcp", robot="kuka")
    (folder / "ur5e_front.yaml").write_text("robot: ur5e\n")
    wrong = doctor.camera_places(folder, today)
    assert wrong.status is Severity.FAIL
    assert "robot=kuka must be one of: fr3" in wrong.text and "transform is missing" in wrong.text
