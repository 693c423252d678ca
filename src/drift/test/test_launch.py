"""The launch file starts the same nodes as `drift up`, and ends like it.

launch and launch_ros are not on PyPI, so the file runs against a STUB of both, `support/launch_stub.py`;
test_real_launch.py has the real ones, where they are installed.
"""

import importlib.util
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import ModuleType, SimpleNamespace

import launch_stub
import pytest
from ament_index_python.packages import get_package_share_directory
from drift.configuration import share_folder
from drift.errors import UserError
from drift.stack import StackSpec, stack
from drift.stack_arguments import StackArguments, arguments
from drift.vendor_launch import vendor_arguments
from gazebo_installation import install
from launch_stub import GroupAction, LaunchContext, Launched, LogInfo, Node, PushROSNamespace


@pytest.fixture
def bringup(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The launch file, imported against the stub, in a domain where nobody else is."""
    for name, module in launch_stub.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(sys, "argv", ["ros2", "launch", "drift", "bringup.launch.py"])
    path = share_folder() / "launch" / "bringup.launch.py"
    spec = importlib.util.spec_from_file_location("bringup_launch", path)
    assert spec is not None and spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    vars(loaded)["no_other_gate"] = nullcontext
    return loaded


def launched(bringup: ModuleType, words: list[str], **pushed: str) -> list[Node]:
    """The nodes that the launch file gives for the words of a command line."""
    description = bringup.generate_launch_description()
    actions = launch_stub.actions(description, launch_stub.context_of(description, words, **pushed))
    return [action for action in actions if isinstance(action, Node)]


def ended(bringup: ModuleType, words: list[str], **ends: list[int]) -> Launched:
    """What becomes of a launch whose nodes end with these exit codes."""
    return launch_stub.run(bringup.generate_launch_description(), words, ends)


def as_stack_says(plan: StackSpec) -> list[SimpleNamespace]:
    return [
        SimpleNamespace(
            package=node.package,
            executable=node.executable,
            exec_name=node.name,
            name=node.name,
            namespace=plan.namespace,
            arguments=list(node.arguments),
            files=[str(file) for file in node.parameter_files],
            parameters=node.parameters,
            remappings=list(node.remappings.items()),
            environment={**plan.environment, **node.environment},
            respawn=not (node.essential or node.once),
        )
        for node in plan.nodes
    ]


def as_launched(node: Node) -> SimpleNamespace:
    *files, overrides = node.parameters
    return SimpleNamespace(
        package=node.package,
        executable=node.executable,
        exec_name=node.exec_name,
        name=node.name,
        namespace=node.namespace,
        arguments=node.arguments,
        files=files,
        parameters={name: item.value for name, item in overrides.items()},
        remappings=node.remappings,
        environment=node.additional_env,
        respawn=node.respawn,
    )


@pytest.mark.parametrize(
    "said",
    [
        {"robot": "panda", "sim": "mujoco", "task": "place"},
        {"robot": "ur5e", "sim": "mujoco", "task": "insert", "namespace": "left"},
        {"robot": "ur5e", "sim": "none", "use_sim_time": "true"},
        {"robot": "ur5e", "sim": "gazebo", "expert": "none"},
    ],
)
def test_the_launch_file_and_drift_up_start_the_same_nodes(
    bringup: ModuleType, tmp_path: Path, said: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in install(tmp_path / "ros").items():
        monkeypatch.setenv(name, value)
    said = {**said, "run": str(tmp_path / "run")}
    nodes = launched(bringup, [f"{name}:={value}" for name, value in said.items()])
    plan = stack(StackArguments(**said))
    assert [as_launched(node) for node in nodes] == as_stack_says(plan)


def test_ros2_launch_finds_what_is_installed_without_following_a_link_to_a_folder() -> None:
    share = Path(get_package_share_directory("drift"))
    assert launch_stub.find(share, "bringup.launch.py") == [share / "launch" / "bringup.launch.py"]
    for path in (share_folder() / "config").rglob("*.yaml"):
        assert share / path.relative_to(share_folder()) in launch_stub.find(share, path.name)


def test_a_wrong_file_is_refused_before_the_launch_file_starts_anything(
    bringup: ModuleType, tmp_path: Path
) -> None:
    params = tmp_path / "params.yaml"
    params.write_text("/**/expert_gate:\n  ros__parameters:\n    rate_hz: '50'\n")
    launch = ended(bringup, [f"run:={tmp_path / 'run'}", f"params_file:={params}"])
    assert launch.exit_code == 1 and not launch.starts and not (tmp_path / "run").exists()
    assert re.search(r"params.yaml:3: .*rate_hz='50' must be a valid number", launch.said[0])


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("robo:=ur5e", r"^robo:= is no argument; did you mean robot:=\? allowed: robot, "),
        ("param_file:=x", r"^param_file:= is no argument; did you mean params_file:=\? "),
        ("quux:=1", r"^quux:= is no argument; allowed: robot, "),
    ],
)
def test_an_unknown_argument_which_launch_would_ignore_is_refused_with_the_nearest_name(
    bringup: ModuleType, tmp_path: Path, word: str, text: str
) -> None:
    launch = ended(bringup, [f"run:={tmp_path / 'run'}", word])
    assert launch.exit_code == 1 and not launch.starts
    assert re.search(text, launch.said[0])


def test_what_is_said_to_launch_itself_or_to_a_file_around_is_left_alone(
    bringup: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [f"run:={tmp_path / 'run'}", "sigterm_timeout:=9", "launch-prefix:=nice"]
    nodes = launched(bringup, words)
    context = LaunchContext([], {"sigterm_timeout": "9"})
    assert {node.sigterm_timeout.perform(context) for node in nodes} == {"9"}
    assert {float(node.sigkill_timeout.perform(context)) for node in nodes} == {1.0}
    monkeypatch.setattr(sys, "argv", ["ros2", "launch", "cell", "cell.launch.py"])
    assert launched(bringup, [*words, "robots:=two"])


def test_launch_stops_everything_within_five_seconds(bringup: ModuleType, tmp_path: Path) -> None:
    (node, *_) = launched(bringup, [f"run:={tmp_path / 'run'}"])
    nothing = LaunchContext([], {})
    waits_s = [float(item.perform(nothing)) for item in (node.sigterm_timeout, node.sigkill_timeout)]
    assert waits_s[0] > 1.2 and sum(waits_s) < 5.0  # the gate brakes for up to 1 s


@pytest.mark.parametrize("name", ["sim", "expert_gate"])
def test_the_death_of_gate_or_simulation_shuts_the_launch_down_with_exit_code_1(
    bringup: ModuleType, tmp_path: Path, name: str
) -> None:
    launch = ended(bringup, [f"run:={tmp_path / 'run'}"], **{name: [-9]})
    assert (launch.exit_code, launch.starts[name]) == (1, 1)
    assert launch.said == [f"{name} died (killed by SIGKILL): shutting everything down"]


def test_a_node_that_dies_is_respawned_and_one_that_refuses_its_parameters_is_not(
    bringup: ModuleType, tmp_path: Path
) -> None:
    launch = ended(bringup, [f"run:={tmp_path / 'run'}"], policy=[1, -11, 0])
    assert (launch.exit_code, launch.starts["policy"]) == (0, 4)
    launch = ended(bringup, [f"run:={tmp_path / 'run'}"], policy=[1, 2, 2])
    assert (launch.exit_code, launch.starts["policy"]) == (1, 2)
    assert launch.said == ["policy died (exit code 2): shutting everything down"]


@pytest.mark.parametrize(("code", "exit_code"), [(0, 0), (1, 1)])
def test_what_runs_once_ends_with_0_or_ends_the_launch(
    bringup: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, exit_code: int
) -> None:
    for name, value in install(tmp_path / "ros").items():
        monkeypatch.setenv(name, value)
    words = [f"run:={tmp_path / 'run'}", "robot:=ur5e", "sim:=gazebo"]
    launch = ended(bringup, words, spawner=[code])
    assert (launch.exit_code, launch.starts["spawner"]) == (exit_code, 1)
    assert (tmp_path / "run" / "gazebo" / "world.sdf").is_file()


@pytest.mark.parametrize(
    ("pushed", "said", "full"),
    [
        ("", "", "/"),
        ("", "left", "/left"),
        ("/cell", "", "/cell"),
        ("/cell", "left", "/cell/left"),
        ("/cell", "/left", "/left"),
    ],
)
def test_the_namespace_is_below_the_one_that_a_file_around_pushes(
    bringup: ModuleType, tmp_path: Path, pushed: str, said: str, full: str
) -> None:
    words = [f"run:={tmp_path / 'run'}", f"namespace:={said}"]
    nodes = launched(bringup, words, **({"ros_namespace": pushed} if pushed else {}))
    assert {node.namespace for node in nodes} == {full}


def test_beside_a_running_gate_nothing_is_started(bringup: ModuleType, tmp_path: Path) -> None:
    @contextmanager
    def found(wanted: StackArguments) -> Iterator[None]:
        yield
        raise UserError(f"a gate is running already: {wanted.ros_namespace}/expert_gate")

    vars(bringup)["no_other_gate"] = found
    launch = ended(bringup, [f"run:={tmp_path / 'run'}", "namespace:=left"])
    assert launch.exit_code == 1 and not launch.starts and not (tmp_path / "run").exists()
    assert launch.said == ["a gate is running already: /left/expert_gate"]


def test_what_there_is_to_say_about_shared_memory_is_said(bringup: ModuleType, tmp_path: Path) -> None:
    vars(bringup)["prepare"] = lambda processes: [f"no room for {processes} processes"]
    description = bringup.generate_launch_description()
    context = launch_stub.context_of(description, [f"run:={tmp_path / 'run'}"])
    run, shared_memory, *nodes = launch_stub.actions(description, context)
    assert run == LogInfo(f"writing to new run {tmp_path / 'run'}")
    assert shared_memory == LogInfo(f"no room for {len(nodes)} processes") and len(nodes) >= 5


def test_launch_arguments_are_those_of_drift_up_and_of_the_makers_files(bringup: ModuleType) -> None:
    *declared, _ = bringup.generate_launch_description()
    items = [*arguments(), *vendor_arguments()]
    assert [(a.name, a.default_value, a.description) for a in declared] == [
        (item.name, item.default, item.help) for item in items
    ]
    ur = {"ur_type", "robot_ip", "use_mock_hardware", "headless_mode", "tf_prefix", "launch_rviz"}
    assert ur | {"namespace", "use_sim_time", "params_file"} <= {item.name for item in items}
    assert {a.name: a.choices for a in declared}["moveit"] == ("false", "true")


def installed(folder: Path, monkeypatch: pytest.MonkeyPatch, *packages: str) -> None:
    for package in packages:
        index = folder / "share" / "ament_index" / "resource_index" / "packages"
        index.mkdir(parents=True, exist_ok=True)
        (index / package).touch()
    monkeypatch.setenv("AMENT_PREFIX_PATH", f"{folder}{os.pathsep}{os.environ['AMENT_PREFIX_PATH']}")


def included(bringup: ModuleType, words: list[str]) -> list[GroupAction]:
    description = bringup.generate_launch_description()
    actions = launch_stub.actions(description, launch_stub.context_of(description, words))
    return [action for action in actions if isinstance(action, GroupAction)]


def test_the_drivers_and_moveit_of_ur_are_included_on_request_in_the_namespace(
    bringup: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [f"run:={tmp_path / 'run'}", "sim:=none", "expert:=none", "namespace:=left", "ur_type:=ur5e"]
    assert included(bringup, words) == []
    installed(tmp_path, monkeypatch, "ur_robot_driver", "ur_moveit_config")
    driver, moveit = included(
        bringup, [*words, "driver:=true", "moveit:=true", "robot_ip:=192.168.1.2", "launch_rviz:=true"]
    )
    push, include = driver.actions
    assert push == PushROSNamespace("/left")
    assert include.source.location == f"{tmp_path}/share/ur_robot_driver/launch/ur_control.launch.py"
    assert dict(include.launch_arguments) == {
        "ur_type": "ur5e",
        "robot_ip": "192.168.1.2",
        "use_mock_hardware": "false",
        "headless_mode": "false",
        "tf_prefix": "",
        "initial_joint_controller": stack(StackArguments(robot="ur5e", sim="none", expert="none")).controller,
        "launch_rviz": "false",
    }
    assert moveit.actions[1].source.location.endswith("share/ur_moveit_config/launch/ur_moveit.launch.py")
    assert dict(moveit.actions[1].launch_arguments) == {"ur_type": "ur5e", "launch_rviz": "true"}


def test_frankas_one_file_brings_driver_controller_gripper_and_moveit(
    bringup: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(tmp_path, monkeypatch, "franka_fr3_moveit_config")
    words = [f"run:={tmp_path / 'run'}", "sim:=none", "expert:=none", "robot:=fr3", "gripper:=franka_hand"]
    (group,) = included(bringup, [*words, "namespace:=left", "driver:=true", "use_mock_hardware:=true"])
    (include,) = group.actions
    assert dict(include.launch_arguments) == {
        "robot_ip": "",
        "use_fake_hardware": "true",
        "load_gripper": "true",
        "namespace": "left",
    }


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (
            "robot:=ur5e driver:=true robot_ip:=a",
            "^package ur_robot_driver is not installed: sudo apt install ",
        ),
        (
            "robot:=fr3 driver:=true robot_ip:=a",
            "^package franka_fr3_moveit_config is not installed: build fra",
        ),
        ("robot:=panda driver:=true robot_ip:=a", "^robot=panda: no launch file is known for the arm panda"),
        ("robot:=ur5e driver:=true", "^driver=true needs robot_ip:=ADDRESS, or use_mock_hardware:=true$"),
        (
            "robot:=ur5e robot_ip:=1.2.3.4",
            "^robot_ip=1.2.3.4 is for the maker's launch file: say driver:=true",
        ),
        (
            "robot:=ur5e moveit:=true tf_prefix:=left_",
            "^tf_prefix=left_ does not fit robot=ur5e, whose joints",
        ),
        ("robot:=ur5e driver:=yes", "^driver=yes must be one of: false, true$"),
        ("robot:=fr3 ur_type:=ur5e", "^robot=fr3 and ur_type=ur5e must be the same, or one of them unsaid$"),
        ("ur_type:=fr3", "^ur_type=fr3 must be one of: ur10e, ur16e, ur3e, ur5e$"),
    ],
)
def test_a_request_that_cannot_be_met_is_one_line_and_starts_nothing(
    bringup: ModuleType, tmp_path: Path, words: str, text: str
) -> None:
    launch = ended(bringup, [f"run:={tmp_path / 'run'}", "sim:=none", "expert:=none", *words.split()])
    assert launch.exit_code == 1 and not launch.starts and re.search(text, launch.said[0]), launch.said


def test_beside_a_real_arm_it_is_said_who_knows_what_is_missing(bringup: ModuleType, tmp_path: Path) -> None:
    words = ["robot:=ur5e", "gripper:=none", "sim:=none", "expert:=none", f"run:={tmp_path / 'run'}"]
    context = launch_stub.context_of(bringup.generate_launch_description(), words)
    said = [action.msg for action in launch_stub.actions(bringup.generate_launch_description(), context)[:2]]
    assert said[1].endswith("drift doctor --robot ur5e --gripper none --task place")
    assert StackArguments().hints == ()  # a simulation lacks nothing


def test_the_launch_file_stays_small() -> None:
    lines = (share_folder() / "launch" / "bringup.launch.py").read_text().splitlines()
    assert len(lines) <= 130
