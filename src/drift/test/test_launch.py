"""The launch file starts the same nodes as `drift up`.

launch and launch_ros are not on PyPI, so the file runs against a STUB of both, defined here: it records what
the file constructs, and starts nothing. That ros2 launch itself takes the file has not been tried here.
"""

import importlib.util
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from ament_index_python.packages import get_package_share_directory
from drift.configuration import share_folder
from drift.stack import StackSpec, stack
from drift.stack_arguments import StackArguments, arguments
from drift_config.errors import ConfigError


class StubLaunchDescription(list[Any]):
    """Stub of launch.LaunchDescription: a list of actions."""


class StubDeclareLaunchArgument:
    """Stub of launch.actions.DeclareLaunchArgument, with its check of the default."""

    def __init__(self, name: str, *, default_value: str, description: str, choices: Any = None) -> None:
        assert choices is None or default_value in choices
        self.name, self.default_value, self.description, self.choices = (
            name,
            default_value,
            description,
            choices,
        )


@dataclass
class StubOpaqueFunction:
    """Stub of launch.actions.OpaqueFunction."""

    function: Any


@dataclass
class StubLogInfo:
    """Stub of launch.actions.LogInfo."""

    msg: str


@dataclass
class StubSetEnvironmentVariable:
    """Stub of launch.actions.SetEnvironmentVariable."""

    name: str
    value: str


@dataclass
class StubShutdown:
    """Stub of launch.actions.Shutdown."""

    reason: str


@dataclass
class StubLaunchConfiguration:
    """Stub of launch.substitutions.LaunchConfiguration; the context is a plain dictionary."""

    name: str

    def perform(self, context: dict[str, str]) -> str:
        return context[self.name]


@dataclass
class StubParameterValue:
    """Stub of launch_ros.parameter_descriptions.ParameterValue."""

    value: Any
    value_type: type


@dataclass(kw_only=True)
class StubNode:
    """Stub of launch_ros.actions.Node."""

    package: str
    executable: str
    exec_name: str
    name: str
    namespace: str
    arguments: list[str]
    parameters: list[Any]
    remappings: list[tuple[str, str]]
    output: str
    respawn: bool
    respawn_delay: float
    on_exit: list[StubShutdown] | None = field(default=None)


@pytest.fixture
def bringup(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The launch file, imported against the stub."""
    contents = {
        "launch": {"LaunchDescription": StubLaunchDescription, "Action": object, "LaunchContext": dict},
        "launch.actions": {
            "DeclareLaunchArgument": StubDeclareLaunchArgument,
            "OpaqueFunction": StubOpaqueFunction,
            "LogInfo": StubLogInfo,
            "SetEnvironmentVariable": StubSetEnvironmentVariable,
            "Shutdown": StubShutdown,
        },
        "launch.substitutions": {"LaunchConfiguration": StubLaunchConfiguration},
        "launch_ros": {},
        "launch_ros.actions": {"Node": StubNode},
        "launch_ros.parameter_descriptions": {"ParameterValue": StubParameterValue},
    }
    for name, attributes in contents.items():
        module = ModuleType(name)
        module.__dict__.update(attributes)
        monkeypatch.setitem(sys.modules, name, module)
    path = share_folder() / "launch" / "bringup.launch.py"
    spec = importlib.util.spec_from_file_location("bringup_launch", path)
    assert spec is not None and spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def launched(bringup: ModuleType, **said: str) -> tuple[list[StubNode], dict[str, str]]:
    """The nodes and the environment that the launch file gives for launch arguments."""
    *declared, start = bringup.generate_launch_description()
    context = {argument.name: argument.default_value for argument in declared} | said
    actions = start.function(context)
    nodes = [action for action in actions if isinstance(action, StubNode)]
    variables = {a.name: a.value for a in actions if isinstance(a, StubSetEnvironmentVariable)}
    return nodes, variables


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
            respawn=not node.essential,
        )
        for node in plan.nodes
    ]


def as_launched(node: StubNode) -> SimpleNamespace:
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
        respawn=node.respawn,
    )


@pytest.mark.parametrize(
    "said",
    [
        {"robot": "panda", "sim": "mujoco", "task": "place"},
        {"robot": "ur5e", "sim": "mujoco", "task": "insert", "namespace": "left"},
        {"robot": "ur5e", "sim": "none"},
        {"robot": "panda", "sim": "gazebo", "expert": "none"},
    ],
)
def test_the_launch_file_and_drift_up_start_the_same_nodes(
    bringup: ModuleType, tmp_path: Path, said: dict[str, str]
) -> None:
    said = {**said, "run": str(tmp_path / "run")}
    nodes, variables = launched(bringup, **said)
    plan = stack(StackArguments(**said))
    assert [as_launched(node) for node in nodes] == as_stack_says(plan)
    assert variables == plan.environment


def test_ros2_launch_finds_what_is_installed_without_following_a_link_to_a_folder() -> None:
    share = Path(get_package_share_directory("drift"))
    walked = {Path(root, name).relative_to(share) for root, _, files in os.walk(share) for name in files}
    ours = {
        path.relative_to(share_folder())
        for folder in ("launch", "config")
        for path in (share_folder() / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert Path("launch/bringup.launch.py") in ours and ours <= walked


def test_a_wrong_file_is_refused_before_the_launch_file_starts_anything(
    bringup: ModuleType, tmp_path: Path
) -> None:
    params = tmp_path / "params.yaml"
    params.write_text("/**/expert_gate:\n  ros__parameters:\n    rate_hz: '50'\n")
    with pytest.raises(ConfigError, match=r"params.yaml:3: .*rate_hz='50' must be a valid number"):
        launched(bringup, run=str(tmp_path / "run"), params_file=str(params))
    assert not (tmp_path / "run").exists()


def test_the_death_of_gate_or_simulation_shuts_the_launch_down(bringup: ModuleType, tmp_path: Path) -> None:
    nodes, _ = launched(bringup, run=str(tmp_path / "run"))
    ends = {node.name: node.on_exit[0].reason for node in nodes if node.on_exit}
    assert ends == {"sim": "sim died", "expert_gate": "expert_gate died"}
    assert not any(node.respawn for node in nodes if node.on_exit)


def test_what_there_is_to_say_about_shared_memory_is_said(bringup: ModuleType, tmp_path: Path) -> None:
    vars(bringup)["prepare"] = lambda processes: [f"no room for {processes} processes"]
    context = {item.name: item.default for item in arguments()} | {"run": str(tmp_path / "run")}
    actions = bringup._start(context)
    nodes = sum(isinstance(action, StubNode) for action in actions)
    said = [f"writing to new run {tmp_path / 'run'}", f"no room for {nodes} processes"]
    assert actions[:2] == [StubLogInfo(text) for text in said] and nodes >= 5


def test_launch_arguments_are_those_of_drift_up_with_text_and_choices(bringup: ModuleType) -> None:
    *declared, _ = bringup.generate_launch_description()
    assert [(a.name, a.default_value, a.description, a.choices or ()) for a in declared] == [
        (item.name, item.default, item.help, item.choices) for item in arguments()
    ]


def test_the_launch_file_stays_small() -> None:
    lines = (share_folder() / "launch" / "bringup.launch.py").read_text().splitlines()
    assert len(lines) <= 62
