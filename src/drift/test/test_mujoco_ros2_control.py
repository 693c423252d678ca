"""mujoco_ros2_control in the stack: what is started, written and refused."""

from pathlib import Path

import pytest
import yaml
from drift.errors import UserError
from drift.ros_command import command
from drift.stack import StackSpec, stack
from drift.stack_arguments import StackArguments
from gazebo_installation import install

PACKAGES = ("mujoco_ros2_control", "mujoco_ros2_control_msgs", "mujoco_ros2_control_plugins")


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where it seems to be installed."""
    folder = tmp_path / "ros"
    for name, value in install(folder).items():
        monkeypatch.setenv(name, value)
    for name in PACKAGES:
        (folder / "share/ament_index/resource_index/packages" / name).touch()
    program = folder / "lib/mujoco_ros2_control/ros2_control_node"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\nexec sleep 600\n")
    program.chmod(0o755)
    return folder


def plan(tmp_path: Path, **said: str) -> StackSpec:
    return stack(StackArguments(run=str(tmp_path / "run"), sim="mujoco_ros2_control", **said))


@pytest.mark.parametrize("robot", ["panda", "ur5e", "fr3"])
def test_any_arm_runs_under_real_controllers_without_a_makers_description(
    tmp_path: Path, installed: Path, robot: str
) -> None:
    built = plan(tmp_path, robot=robot, namespace="left")
    nodes = {node.name: node for node in built.nodes}
    assert list(nodes)[:5] == ["simulator", "robot_state_publisher", "spawner", "sim", "expert_gate"]
    assert nodes["sim"].executable == "mujoco_mirror" and "expert" in nodes
    assert all(node.parameters["use_sim_time"] is True for node in nodes.values())
    folder = built.create().run.path / "mujoco_ros2_control"
    words = command(nodes["simulator"], built.namespace)
    assert "__ns:=/left" in words and not any("__node:=" in word for word in words)
    for name in ("controllers.yaml", "plugins.yaml"):
        assert str(folder / name) in words
    assert f'<param name="mujoco_model">{folder / "cell.xml"}</param>' in (folder / "robot.urdf").read_text()
    controllers = yaml.safe_load((folder / "controllers.yaml").read_text())
    assert f"/**/{built.controller}" in controllers
    states = built.robot.joint_state_topics[0]
    assert nodes["simulator"].remappings == ({} if states == "joint_states" else {"joint_states": states})


def test_what_is_not_installed_is_said_in_one_line(
    tmp_path: Path, installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROS_DISTRO", "kilted")
    (installed / "share/ament_index/resource_index/packages/mujoco_ros2_control_plugins").unlink()
    with pytest.raises(UserError) as refusal:
        plan(tmp_path)
    assert str(refusal.value) == (
        "sim=mujoco_ros2_control needs mujoco_ros2_control_plugins, not installed: "
        "sudo apt install ros-kilted-mujoco-ros2-control-plugins"
    )
