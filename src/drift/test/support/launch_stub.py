"""A stub of launch and launch_ros, which are not on PyPI: what bringup.launch.py uses of them, and no more.

It starts no process. Faithful to launch 3.7.1, launch_ros 0.28.0 and ros2launch in four points that matter:

1. `ros2 launch` finds a file by os.walk, which follows no linked folder (`find`);
2. whatever exit code a process has, it is respawned, unless the launch is shutting down (`StubLaunch.run`);
3. `ros2 launch` ends with exit code 0, also after Shutdown; with 1 after an exception in a handler;
4. an argument that nobody declared is one more launch configuration, without a word.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any


def find(share: Path, name: str) -> list[Path]:
    """Return the files called `name` that ros2 launch finds in the share folder of a package."""
    return [Path(root, name) for root, _, files in os.walk(share) if name in files]


class LaunchDescription(list[Any]):
    """A list of actions."""


@dataclass
class LaunchContext:
    """What was said, and whether the launch is ending."""

    argv: list[str]
    launch_configurations: dict[str, str]
    is_shutdown: bool = False


class DeclareLaunchArgument:
    """With launch's check of the default."""

    def __init__(self, name: str, *, default_value: str, description: str, choices: Any = None) -> None:
        assert choices is None or default_value in choices
        self.name, self.default_value, self.description = name, default_value, description
        self.choices = choices


@dataclass
class OpaqueFunction:
    """Called when what was said is known."""

    function: Any


@dataclass
class LogInfo:
    """One line."""

    msg: str


@dataclass
class LaunchConfiguration:
    """The value of an argument."""

    name: str
    default: str | None = None

    def perform(self, context: LaunchContext) -> str:
        """Return what was said, else the default."""
        if self.name in context.launch_configurations or self.default is None:
            return context.launch_configurations[self.name]
        return self.default


@dataclass
class ParameterValue:
    """A value that keeps its type."""

    value: Any
    value_type: type


@dataclass(kw_only=True)
class Node:
    """The keywords that bringup.launch.py gives; anything else is refused."""

    package: str
    executable: str
    exec_name: str
    name: str
    namespace: str
    arguments: list[str]
    parameters: list[Any]
    remappings: list[tuple[str, str]]
    additional_env: dict[str, str]
    output: str
    respawn: bool
    respawn_delay: float
    sigterm_timeout: LaunchConfiguration
    sigkill_timeout: LaunchConfiguration
    on_exit: Any


@dataclass
class PushROSNamespace:
    """The namespace of what follows in the group."""

    namespace: str


@dataclass
class PythonLaunchDescriptionSource:
    """A launch file of another package."""

    location: str


@dataclass
class IncludeLaunchDescription:
    """Another launch file, with its arguments."""

    source: PythonLaunchDescriptionSource
    launch_arguments: list[tuple[str, str]]


@dataclass
class GroupAction:
    """Actions whose namespace and configurations end with them."""

    actions: list[Any]


@dataclass
class Launched:
    """What `run` did."""

    exit_code: int
    starts: dict[str, int] = field(default_factory=dict)  # by node
    said: list[str] = field(default_factory=list)


def context_of(description: LaunchDescription, words: Iterable[str], **pushed: str) -> LaunchContext:
    """Return the context for the words of a command line; `pushed`: configurations of a file around."""
    words = list(words)
    said = dict(word.split(":=", 1) for word in words)
    declared = (item for item in description if isinstance(item, DeclareLaunchArgument))
    return LaunchContext(words, {item.name: item.default_value for item in declared} | pushed | said)


def actions(description: LaunchDescription, context: LaunchContext) -> list[Any]:
    """Return what the description wants to do."""
    (start,) = (item for item in description if isinstance(item, OpaqueFunction))
    return list(start.function(context))


def run(description: LaunchDescription, words: Iterable[str], ends: Mapping[str, list[int]]) -> Launched:
    """Run to the end; `ends`: exit codes of a node's lives, in order. What is not in it lives on."""
    context = context_of(description, words)
    try:
        nodes = [action for action in actions(description, context) if isinstance(action, Node)]
    except Exception as error:
        return Launched(1, said=[str(error)])
    launched = Launched(0, dict.fromkeys((node.name for node in nodes), 1))
    for node in nodes:
        for code in ends.get(node.name, []):
            if context.is_shutdown:
                break
            try:
                node.on_exit(SimpleNamespace(returncode=code), context)
            except Exception as error:
                launched.exit_code, context.is_shutdown = 1, True
                launched.said.append(str(error))
            launched.starts[node.name] += node.respawn and not context.is_shutdown
    return launched


def modules() -> dict[str, ModuleType]:
    """Return the stub as the modules it stands for."""
    contents: dict[str, dict[str, Any]] = {
        "launch": {"LaunchDescription": LaunchDescription, "Action": object, "LaunchContext": LaunchContext},
        "launch.actions": {
            "DeclareLaunchArgument": DeclareLaunchArgument,
            "GroupAction": GroupAction,
            "IncludeLaunchDescription": IncludeLaunchDescription,
            "OpaqueFunction": OpaqueFunction,
            "LogInfo": LogInfo,
        },
        "launch.substitutions": {"LaunchConfiguration": LaunchConfiguration},
        "launch.launch_description_sources": {"PythonLaunchDescriptionSource": PythonLaunchDescriptionSource},
        "launch_ros": {},
        "launch_ros.actions": {"Node": Node, "PushROSNamespace": PushROSNamespace},
        "launch_ros.parameter_descriptions": {"ParameterValue": ParameterValue},
    }
    made = {}
    for name, attributes in contents.items():
        made[name] = ModuleType(name)
        made[name].__dict__.update(attributes)
    return made
