"""Gazebo in the stack: what is started, written and refused; the smoke test beside a stand-in for Gazebo."""

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import makers
import pytest
import yaml
from drift.configuration import config_file
from drift.errors import UserError
from drift.node_spec import NodeSpec
from drift.ros_command import command
from drift.stack import StackSpec, stack
from drift.stack_arguments import StackArguments
from drift_config.errors import ConfigError
from drift_ros.testing import real_arms
from gazebo_installation import install

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a Gazebo seems to be installed."""
    folder = tmp_path / "ros"
    for name, value in install(folder).items():
        monkeypatch.setenv(name, value)
    return folder


def plan(tmp_path: Path, **said: str) -> StackSpec:
    return stack(StackArguments(run=str(tmp_path / "run"), sim="gazebo", **{"robot": "ur5e", **said}))


def by_name(plan: StackSpec) -> dict[str, NodeSpec]:
    return {node.name: node for node in plan.nodes}


def test_gazebo_its_bridge_and_the_node_that_judges_are_started_with_the_rest(
    tmp_path: Path, installed: Path
) -> None:
    nodes = by_name(plan(tmp_path))
    assert list(nodes) == [
        "gazebo_server",
        "gazebo_bridge",
        "robot_state_publisher",
        "spawner",
        "sim",
        "expert_gate",
        "planner",
        "trainer",
        "policy",
        "expert",
        "console",
    ]
    assert all(node.parameters["use_sim_time"] is True for node in nodes.values())
    folder = tmp_path / "run" / "gazebo"
    assert nodes["gazebo_server"].arguments == (str(folder / "world.sdf"),)
    assert nodes["gazebo_bridge"].parameters["config_file"] == str(folder / "bridge.yaml")
    assert nodes["gazebo_bridge"].arguments == ("/world/place/set_pose@ros_gz_interfaces/srv/SetEntityPose",)
    assert (nodes["sim"].package, nodes["sim"].executable) == ("drift_sim", "gazebo_mirror")
    assert nodes["spawner"].once and nodes["spawner"].arguments[:5] == (
        "joint_state_broadcaster",
        "scaled_joint_trajectory_controller",
        "hand_controller",
        "--controller-manager",
        "/controller_manager",
    )
    assert nodes["expert_gate"].remappings == {
        "command": "scaled_joint_trajectory_controller/joint_trajectory",
        "gripper_command": "hand_controller/commands",
    }
    assert [node.name for node in plan(tmp_path, parts="policy").nodes] == ["policy"]  # Gazebo is elsewhere


def test_the_files_are_written_with_the_run_and_say_what_was_said(tmp_path: Path, installed: Path) -> None:
    overlay = tmp_path / "mine.yaml"
    overlay.write_text("/**/sim:\n  ros__parameters:\n    camera_rate_hz: 25.0\n    seed: 5\n")
    built = plan(tmp_path, namespace="left", controller="my_trajectory_controller", params_file=str(overlay))
    assert not (tmp_path / "run").exists()
    folder = built.create().run.path / "gazebo"
    world = ElementTree.parse(folder / "world.sdf").getroot()
    assert world.findtext(".//sensor[@name='front']/update_rate") == "25.0"
    assert world.findtext(".//include/uri") == str(folder / "robot.urdf")
    urdf = ElementTree.parse(folder / "robot.urdf").getroot()
    assert urdf.findtext("gazebo/plugin/parameters") == str(folder / "controllers.yaml")
    assert urdf.findtext("gazebo/plugin/ros/namespace") == "/left"
    controllers = yaml.safe_load((folder / "controllers.yaml").read_text())
    assert "/**/my_trajectory_controller" in controllers
    nodes = by_name(built)
    assert nodes["gazebo_bridge"].parameters["config_file"] == str(folder / "bridge.yaml")
    assert "/left/controller_manager" in nodes["spawner"].arguments
    (described,) = (nodes["robot_state_publisher"].parameter_files[-1],)
    text = yaml.safe_load(described.read_text())["/**/robot_state_publisher"]["ros__parameters"]
    assert ElementTree.fromstring(text["robot_description"]).get("name") == "ur5e"
    words = command(nodes["robot_state_publisher"], "/left")
    assert str(described) in words


def test_meshes_of_the_maker_become_files(
    tmp_path: Path, installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    description = installed / "share/ur_description/urdf/ur.urdf.xacro"
    mesh = '<link name="lamp"><visual><geometry><mesh filename="package://ur_description/a.dae"/></geometry></visual></link>'
    text = description.read_text().replace(
        "</robot>",
        f'{mesh}<joint name="l" type="fixed"><parent link="base_link"/><child link="lamp"/></joint></robot>',
    )
    description.write_text(text)
    (urdf,) = (text for path, text in plan(tmp_path).files.items() if path.name == "robot.urdf")
    assert f'filename="file://{installed}/share/ur_description/a.dae"' in urdf


def test_what_is_not_installed_is_said_in_one_line_with_the_remedy(
    tmp_path: Path, installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROS_DISTRO", "jazzy")
    (installed / "share/ament_index/resource_index/packages/gz_ros2_control").unlink()
    (installed / "bin/gz").unlink()
    with pytest.raises(UserError) as refusal:
        plan(tmp_path)
    assert str(refusal.value) == (
        "sim=gazebo needs gz, gz_ros2_control, not installed: "
        "sudo apt install ros-jazzy-ros-gz ros-jazzy-gz-ros2-control"
    )


def test_an_arm_without_a_makers_description_and_one_that_xacro_refuses(
    tmp_path: Path, installed: Path
) -> None:
    with pytest.raises(ConfigError, match="^robot=panda: no description package is known for the arm panda"):
        plan(tmp_path, robot="panda")
    with pytest.raises(UserError, match=r"^xacro .*ur_type:=ur16e .* failed: no such type$"):
        plan(tmp_path, robot="ur16e")
    with pytest.raises(ConfigError, match="gripper=robotiq_2f85 cannot be simulated"):
        plan(tmp_path, gripper="robotiq_2f85")


def smoke(tmp_path: Path, bridge: str | None) -> subprocess.CompletedProcess[str]:
    """Run it with Gazebo installed, unless `bridge`, the command of ros_gz_bridge, is None."""
    environment = dict(os.environ)
    if bridge is not None:
        environment |= install(tmp_path / "ros", bridge)
        for name, value in real_arms.variables().items():
            environment[name] = f"{value}{os.pathsep}{environment.get(name, '')}"
    words = [sys.executable, "-m", "acceptance.gazebo_smoke", "--run", str(tmp_path / "run")]
    return subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=200)


def test_the_smoke_test_passes_beside_a_gazebo_that_works(tmp_path: Path) -> None:
    files = f"{config_file('robot', 'ur5e')} {config_file('task', 'place')}"
    stand_in = Path(makers.__file__).with_name("gazebo_stand_in.py")
    bridge = f'exec {sys.executable} {stand_in} {files} scaled_joint_trajectory_controller "$@"'
    done = smoke(tmp_path, bridge)
    assert done.returncode == 0, done.stdout + done.stderr
    passed = [line.split(":")[0] for line in done.stdout.splitlines() if line.startswith("pass ")]
    assert passed == [
        "pass clock",
        "pass joint states",
        "pass camera front",
        "pass camera wrist",
        "pass arming",
        "pass homing",
        "pass reset",
        "pass moving the object",
        "pass judging",
    ]
    for camera in ("front", "wrist"):
        assert (tmp_path / "run" / "gazebo" / f"{camera}.png").stat().st_size > 500


def test_the_smoke_test_fails_by_name_where_a_part_dies_and_refuses_in_one_line_where_gazebo_is_missing(
    tmp_path: Path,
) -> None:
    done = smoke(tmp_path, "echo no transport >&2; exit 3")
    assert (done.returncode, done.stdout.splitlines()[0]) == (
        1,
        "FAIL clock: gazebo_bridge died (exit code 3): shutting everything down",
    )
    done = smoke(tmp_path, None)
    assert done.returncode == 2 and not done.stdout
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("error: sim=gazebo needs gz, xacro, ros_gz_bridge, ros_gz_interfaces, ")
