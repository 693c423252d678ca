"""The stack as data, against the real configuration."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from drift import configuration
from drift.configuration import choices, config_file, dds_profile_variable, share_folder
from drift.doctor.ros import dds_profile
from drift.errors import UserError
from drift.node_spec import GATE, SIMULATION, NodeSpec
from drift.ros_command import command, executable
from drift.stack import StackSpec, stack
from drift.stack_arguments import StackArguments, arguments
from drift_config.errors import ConfigError


def plan(tmp_path: Path, **said: str) -> StackSpec:
    return stack(StackArguments(run=str(tmp_path / "run"), **said))


def by_name(plan: StackSpec) -> dict[str, NodeSpec]:
    return {node.name: node for node in plan.nodes}


def test_the_configuration_is_found_beside_this_checkout() -> None:
    assert share_folder() == Path(__file__).resolve().parents[3]
    assert {"panda", "ur5e"} <= set(choices("robot"))
    assert config_file("task", "place").name == "place.yaml"


def test_an_unknown_name_is_answered_with_the_allowed_ones(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^robot=ur10 must be one of: .*fr3, .*panda, .*ur5e"):
        plan(tmp_path, robot="ur10")
    with pytest.raises(UserError, match=r"^task=fold must be one of: insert, place"):
        plan(tmp_path, task="fold")
    with pytest.raises(
        UserError, match=r"^sim=isaac must be one of: mujoco, gazebo, mujoco_ros2_control, none$"
    ):
        plan(tmp_path, sim="isaac")
    with pytest.raises(UserError, match="namespace=a b must be"):
        plan(tmp_path, namespace="a b")
    with pytest.raises(UserError, match=r"expert=scripted needs a simulation, got sim=none"):
        plan(tmp_path, sim="none", expert="scripted")
    with pytest.raises(UserError, match=r"params_file=/nowhere.yaml must be a file"):
        plan(tmp_path, params_file="/nowhere.yaml")


def test_a_task_without_an_arm_has_no_stack(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="task=fork has no arm"):
        plan(tmp_path, task="fork")
    (offered,) = (item.choices for item in arguments() if item.name == "task")
    assert "place" in offered and "fork" not in offered


@pytest.mark.parametrize("robot", ["panda", "ur5e"])
@pytest.mark.parametrize("task", ["place", "insert"])
def test_in_mujoco_seven_nodes_start_and_the_gate_outlives_what_it_guards(
    tmp_path: Path, robot: str, task: str
) -> None:
    built = plan(tmp_path, robot=robot, task=task)
    assert [node.name for node in built.nodes] == [
        "sim",
        "expert_gate",
        "planner",
        "trainer",
        "policy",
        "expert",
        "console",
    ]
    nodes = by_name(built)
    assert [name for name, node in nodes.items() if node.essential] == ["sim", "expert_gate"]
    assert (nodes["sim"].stop_stage, nodes["expert_gate"].stop_stage) == (SIMULATION, GATE)
    assert {nodes[name].stop_stage for name in ("planner", "policy", "trainer", "expert", "console")} == {0}
    assert not any("use_sim_time" in node.parameters for node in built.nodes)


def test_every_file_that_is_named_exists_and_every_folder_is_in_the_run(tmp_path: Path) -> None:
    built = plan(tmp_path)
    for node in built.nodes:
        assert all(file.is_file() for file in node.parameter_files)
        for name, value in node.parameters.items():
            if name.endswith("_file"):
                assert Path(str(value)).is_file(), name
            if name.endswith("_folder"):
                assert Path(str(value)).is_relative_to(built.run.path), name
    assert not built.run.path.exists()
    assert built.run.create().checkpoints.is_dir()


def test_bags_are_recorded_when_asked_for(tmp_path: Path) -> None:
    assert "record_bag" not in by_name(plan(tmp_path))["trainer"].parameters
    assert by_name(plan(tmp_path, record_bag="true"))["trainer"].parameters["record_bag"] is True
    with pytest.raises(UserError, match="record_bag=yes must be one of: true, false"):
        plan(tmp_path, record_bag="yes")


def test_each_node_has_a_section_in_the_parameter_file(tmp_path: Path) -> None:
    nodes = by_name(plan(tmp_path))
    sections = yaml.safe_load(nodes["sim"].parameter_files[0].read_text())
    for name, node in nodes.items():
        given = sections[f"/**/{name}"]["ros__parameters"]
        assert not set(given) & set(node.parameters), f"{name}: a value must stand in one place"


def test_another_planner_is_chosen_by_name_or_none(tmp_path: Path) -> None:
    assert "planner" not in by_name(plan(tmp_path, planner="none"))
    node = by_name(plan(tmp_path, planner="move_group"))["planner"]
    assert node.parameters["planner"] == "move_group"
    with pytest.raises(UserError, match="planner=moveit must be one of: ompl, move_group, moveit_py, none"):
        plan(tmp_path, planner="moveit")


def test_a_real_arm_has_its_controller_and_a_person(tmp_path: Path) -> None:
    nodes = by_name(plan(tmp_path, sim="none", controller="arm_controller"))
    assert list(nodes) == ["expert_gate", "planner", "trainer", "policy", "joy", "console"]
    assert nodes["expert_gate"].remappings == {"command": "arm_controller/commands"}
    nodes = by_name(plan(tmp_path, robot="fr3", sim="none"))
    assert nodes["expert_gate"].remappings == {"command": "fr3_arm_controller/joint_trajectory"}
    nodes = by_name(plan(tmp_path, robot="ur5e", gripper="robotiq_2f85", sim="none"))
    for name in ("expert_gate", "planner", "trainer", "policy"):
        assert str(nodes[name].parameters["robot_file"]).endswith("config/robots/ur5e+robotiq_2f85.yaml")
    with pytest.raises(
        UserError, match="gripper=claw must be one of: .*franka_hand, .*none, .*parallel_hand, "
    ):
        plan(tmp_path, gripper="claw")
    assert "joy" not in by_name(plan(tmp_path, sim="none", expert="none"))
    joy = nodes["joy"]
    assert (joy.package, joy.executable, joy.remappings) == ("joy", "joy_node", {})
    assert joy.parameters == {"autorepeat_rate": 50.0}


def test_the_clock_that_nodes_follow_is_what_is_said(tmp_path: Path) -> None:
    def told(**said: str) -> set[object]:
        return {node.parameters.get("use_sim_time") for node in plan(tmp_path, **said).nodes}

    assert told(sim="none") == {None}  # what a launch file around has set holds
    assert told(sim="none", use_sim_time="false") == {False}
    assert told(sim="none", use_sim_time="true") == {True}  # somebody else's Gazebo
    with pytest.raises(UserError, match="use_sim_time=true needs a /clock, which sim=mujoco does not"):
        plan(tmp_path, use_sim_time="true")


def test_another_joystick_is_one_file_that_names_its_driver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(share_folder() / "config", tmp_path / "config")
    text = (tmp_path / "config/joysticks/gamepad.yaml").read_text()
    own = text[text.index("driver:") : text.index("n_axes:")]
    driver = (
        "driver:\n  package: spacenav\n  executable: spacenav_node\n"
        "  parameters: {zero_when_static: true, static_count_threshold: 30}\n"
        "  remappings: {spacenav/joy: joy}\n"
    )
    (tmp_path / "config/joysticks/other.yaml").write_text(text.replace(own, driver))
    monkeypatch.setattr(configuration, "share_folder", lambda: tmp_path)
    joy = by_name(plan(tmp_path, sim="none", joystick="other"))["joy"]
    assert (joy.package, joy.executable) == ("spacenav", "spacenav_node")
    assert joy.remappings == {"spacenav/joy": "joy"}
    assert joy.parameters["zero_when_static"] is True and joy.parameters["static_count_threshold"] == 30


def test_a_thing_that_leads_is_named_like_a_joystick_and_only_its_buttons_have_a_driver(
    tmp_path: Path,
) -> None:
    gello = by_name(plan(tmp_path, sim="none", robot="fr3", joystick="gello"))
    assert (gello["joy"].package, gello["joy"].executable) == ("joy", "joy_node")
    assert str(gello["expert_gate"].parameters["joystick_file"]).endswith("config/joysticks/gello.yaml")
    for joystick, robot in (("vr", "ur5e"), ("pose_and_pedal", "panda"), ("so101", "ur5e")):
        assert "joy" not in by_name(plan(tmp_path, sim="none", robot=robot, joystick=joystick))


@pytest.mark.parametrize(
    ("joystick", "program"),
    [
        ("spacemouse", ("expert_gate_node", "spacemouse")),
        ("spacemouse_pro", ("expert_gate_node", "spacemouse")),
        ("spacenav", ("spacenav", "spacenav_node")),
    ],
)
def test_a_spacemouse_is_read_directly_or_through_its_daemon(
    tmp_path: Path, joystick: str, program: tuple[str, str]
) -> None:
    joy = by_name(plan(tmp_path, sim="none", joystick=joystick))["joy"]
    assert (joy.package, joy.executable) == program
    assert joy.remappings == ({"spacenav/joy": "joy"} if joystick == "spacenav" else {})


def test_a_leader_arm_of_another_arm_is_refused_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="joystick gello: joints has 7 entries, .* the arm's 6"):
        plan(tmp_path, sim="none", robot="ur5e", joystick="gello")


def test_a_device_for_which_the_file_is_not_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drift.stack.device_names", lambda: ["Wireless Controller"])
    with pytest.raises(UserError, match="connected: Wireless Controller; .*drift joystick"):
        plan(tmp_path, sim="none")
    assert "joy" in by_name(plan(tmp_path, sim="none", joystick="playstation"))
    assert "joy" not in by_name(plan(tmp_path, sim="mujoco"))


@pytest.mark.parametrize("given", ["executable: ../bin/sh", "package: joy && ls", "remappings: {joy: a b}"])
def test_a_driver_is_a_name_and_not_a_path_or_a_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    shutil.copytree(share_folder() / "config", tmp_path / "config")
    file = tmp_path / "config/joysticks/gamepad.yaml"
    key = given.split(":")[0]
    lines = [line for line in file.read_text().splitlines() if not line.startswith(f"  {key}:")]
    lines.insert(lines.index("driver:") + 1, f"  {given}")
    file.write_text("\n".join(lines))
    monkeypatch.setattr(configuration, "share_folder", lambda: tmp_path)
    with pytest.raises(ConfigError, match=f"driver.{key}.* must"):
        plan(tmp_path, sim="none")


@pytest.mark.parametrize(
    ("robot", "controller", "topic"),
    [
        ("ur5e", "", "scaled_joint_trajectory_controller/joint_trajectory"),
        (
            "ur10e",
            "joint_trajectory_controller",
            "joint_trajectory_controller/joint_trajectory",
        ),
        ("ur5e", "/left/arm_controller", "/left/arm_controller/joint_trajectory"),
        ("panda", "joint_group_position_controller", "joint_group_position_controller/commands"),
    ],
)
def test_commands_go_where_a_controller_of_the_robots_interface_listens(
    tmp_path: Path, robot: str, controller: str, topic: str
) -> None:
    nodes = by_name(plan(tmp_path, robot=robot, sim="none", controller=controller))
    assert nodes["expert_gate"].remappings == {"command": topic}


@pytest.mark.parametrize(
    ("robot", "controller", "takes"),
    [
        ("panda", "scaled_joint_trajectory_controller", "joint_trajectory"),
        ("ur5e", "forward_position_controller", "forward_position"),
        ("panda", "forward_velocity_controller", "forward_velocity"),
        ("panda", "/left/joint_group_effort_controller", "forward_effort"),
    ],
)
def test_a_controller_of_another_interface_is_refused(
    tmp_path: Path, robot: str, controller: str, takes: str
) -> None:
    with pytest.raises(
        UserError, match=f"^controller={controller} takes {takes} by its name, but robot={robot}"
    ):
        plan(tmp_path, robot=robot, sim="none", controller=controller)


def test_a_node_becomes_a_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "lib" / "some_package" / "node"
    program.parent.mkdir(parents=True)
    program.touch(mode=0o755)
    packages = tmp_path / "share" / "ament_index" / "resource_index" / "packages"
    packages.mkdir(parents=True)
    (packages / "some_package").touch()
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path))
    node = NodeSpec(
        name="gate",
        package="some_package",
        executable="node",
        parameters={"dry_run": True, "rate_hz": 100.0, "day": "2026-11-20", "owner": "Ada's"},
        parameter_files=(Path("/a.yaml"), Path("/b.yaml")),
        remappings={"command": "arm/commands"},
    )
    words = " ".join(command(node, "/left"))
    assert words == (
        f"{program} --ros-args -r __node:=gate -r __ns:=/left -r command:=arm/commands "
        "--params-file /a.yaml --params-file /b.yaml -p dry_run:=true -p rate_hz:=100.0 -p day:='2026-11-20' "
        "-p owner:='Ada''s'"
    )
    with pytest.raises(UserError, match="package joy was not found.*ros-.ROS_DISTRO-joy"):
        executable("joy", "joy_node")
    with pytest.raises(UserError, match="package some_package has no executable other"):
        executable("some_package", "other")


def test_environment_of_the_user_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUJOCO_GL", "osmesa")
    name = dds_profile_variable()  # another one on Jazzy
    monkeypatch.delenv(name, raising=False)
    environment = plan(tmp_path, sim="none", expert="none").environment
    assert "MUJOCO_GL" not in environment
    assert Path(environment[name]).name == "shared_memory.xml"


@pytest.mark.parametrize("session", ["tty", "wayland"])  # for wayland PyOpenGL sets SDL_VIDEODRIVER
def test_reading_the_files_leaves_the_environment_of_a_launch_file_as_it_was(
    tmp_path: Path, session: str
) -> None:
    asked = (
        "import os, sys; before = dict(os.environ)\n"
        "from drift.stack import stack; from drift.stack_arguments import StackArguments\n"
        "environment = stack(StackArguments(run=sys.argv[1], sim='mujoco')).environment\n"
        "print(dict(os.environ.items() ^ before.items()), environment['MUJOCO_GL'], 'mujoco' in sys.modules)"
    )
    renderer = {"MUJOCO_GL", "LP_NUM_THREADS", "PYOPENGL_PLATFORM", "SDL_VIDEODRIVER"}
    environment = {name: value for name, value in os.environ.items() if name not in renderer}
    said = subprocess.run(
        [sys.executable, "-c", asked, str(tmp_path / "run")],
        env={**environment, "XDG_SESSION_TYPE": session}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert said.stdout.strip() == "{} egl True"


@pytest.mark.parametrize(
    ("distribution", "variable"),
    [
        ("jazzy", "FASTRTPS_DEFAULT_PROFILES_FILE"),
        ("humble", "FASTRTPS_DEFAULT_PROFILES_FILE"),
        ("kilted", "FASTDDS_DEFAULT_PROFILES_FILE"),
    ],
)
def test_the_dds_profile_has_the_name_that_fast_dds_of_the_distribution_reads(
    distribution: str, variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = {"FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE"}
    for name in names:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ROS_DISTRO", distribution)
    assert names & set(plan(tmp_path).environment) == {variable}
    monkeypatch.setenv("RMW_IMPLEMENTATION", "rmw_fastrtps_cpp")
    assert f"{variable} is not set" in dds_profile().text


def test_files_of_the_configuration_are_offered_as_choices() -> None:
    offered = {item.name: item for item in arguments()}
    assert set(offered["robot"].choices) >= {"panda", "fr3", "ur3e", "ur5e", "ur10e", "ur16e"}
    assert offered["sim"].choices == ("mujoco", "gazebo", "mujoco_ros2_control", "none")
    others = [item for name, item in offered.items() if item.choices and name != "robot"]
    assert all(item.default in item.choices for item in others)


def test_the_scripted_expert_can_drive_all_the_time(tmp_path: Path) -> None:
    assert by_name(plan(tmp_path, expert="demonstrator"))["expert"].parameters["mode"] == "demonstrate"
    assert "mode" not in by_name(plan(tmp_path))["expert"].parameters
