"""The launch file starts the same nodes as `drift up`, and ends like it.

launch and launch_ros are not on PyPI, so the file runs against a STUB of both, `support/launch_stub.py`.
"""

import importlib.util
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
from launch_stub import LaunchContext, Launched, LogInfo, Node


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
            environment=plan.environment,
            respawn=not node.essential,
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
        {"robot": "panda", "sim": "gazebo", "expert": "none"},
    ],
)
def test_the_launch_file_and_drift_up_start_the_same_nodes(
    bringup: ModuleType, tmp_path: Path, said: dict[str, str]
) -> None:
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
    def found(namespace: str) -> Iterator[None]:
        yield
        raise UserError(f"a gate is running already: {namespace}/expert_gate")

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


def test_launch_arguments_are_those_of_drift_up_with_text_and_choices(bringup: ModuleType) -> None:
    *declared, _ = bringup.generate_launch_description()
    assert [(a.name, a.default_value, a.description, a.choices or ()) for a in declared] == [
        (item.name, item.default, item.help, item.choices) for item in arguments()
    ]


def test_the_launch_file_stays_small() -> None:
    lines = (share_folder() / "launch" / "bringup.launch.py").read_text().splitlines()
    assert len(lines) <= 100
