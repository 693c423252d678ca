"""What each node will be told, checked whole before anything starts.

Each node checks its own parameters too, since it may be started by hand; here all are looked at together, and
a section that no node would ever read is refused instead of dropped.
"""

import difflib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from drift_config.errors import ConfigError
from drift_config.loader import not_finite, parse
from drift_config.section import FileFault, Section, refuse
from drift_console_node.config import ConsoleConfig
from drift_planner_node.config import PlannerConfig
from drift_policy_node.config import PolicyNodeConfig
from drift_sim.node_config import ExpertNodeConfig, SimNodeConfig
from expert_gate_node.config import ExpertGateConfig
from trainer_node.config import TrainerConfig

from drift.configuration import nodes_file
from drift.parameter_files import ParameterFile, fits, merged, read_parameter_file

T = TypeVar("T")
Given = Mapping[str, Mapping[str, Any]]  # node: parameter: value

# The nodes of drift and the dataclass that each fills from its parameters. Other programs of a stack, such as
# joy, may have sections too; what they know is theirs to say, so their values are not checked here.
CONFIGS: dict[str, type[Any]] = {
    "sim": SimNodeConfig,
    "expert": ExpertNodeConfig,
    "policy": PolicyNodeConfig,
    "expert_gate": ExpertGateConfig,
    "planner": PlannerConfig,
    "console": ConsoleConfig,
    "trainer": TrainerConfig,
}
_OF_EVERY_NODE = ("use_sim_time", "start_type_description_service")  # declared by ROS itself


def check_parameters(given: Given, namespace: str, params_file: Path | None) -> None:
    """Check config/nodes.yaml and the user's `params_file`; ConfigError lists everything wrong in them.

    `given` holds, for each node of the stack by its name, the parameters that the stack itself sets. A
    section of config/nodes.yaml must be of a node of drift, one of `params_file` of a node of this stack.
    """
    complaints: list[str] = []
    files = []
    for path, nodes in ((nodes_file(), [*CONFIGS]), (params_file, [*given])):
        if path is not None:
            file = read_parameter_file(path)
            faults = [*file.faults, *_unread(file, namespace, nodes), *_foreign(file, namespace)]
            if path == params_file:
                faults += _set_by_the_stack(file, namespace, given)
            _collect(complaints, refuse, file.content, str(path), faults)
            files.append(file)
    for name, config_type in CONFIGS.items():
        for count in range(1, len(files) + 1):  # also what a later file overrides
            told = merged(files[:count], given.get(name, _paths(name)), _full(namespace, name))
            _collect(complaints, _parse, told, config_type)
    if complaints:
        raise ConfigError("\n".join(dict.fromkeys(complaints)))


def defaults(config_type: type[T]) -> T:
    """Return what config/nodes.yaml says to the node with this configuration; its paths mean nothing."""
    return told(config_type, _paths(_name_of(config_type)), "/", None)


def told(config_type: type[T], given: Mapping[str, Any], namespace: str, params_file: Path | None) -> T:
    """Return what the node with this configuration is told by all files and by the stack (`given`)."""
    files = []
    for path in filter(None, (nodes_file(), params_file)):
        file = read_parameter_file(path)
        refuse(file.content, str(path), file.faults)
        files.append(file)
    return _parse(merged(files, given, _full(namespace, _name_of(config_type))), config_type)


def _name_of(config_type: type[Any]) -> str:
    (name,) = (name for name, known in CONFIGS.items() if known is config_type)
    return name


def _collect(complaints: list[str], check: Any, *arguments: Any) -> None:
    try:
        check(*arguments)
    except ConfigError as error:
        complaints += str(error).splitlines()


def _parse(told: Section, config_type: type[T]) -> T:
    own = {key: value for key, value in told.items() if key not in _OF_EVERY_NODE and not _is_qos(key)}
    return parse(Section(own, told.places, told.of), config_type, "parameters")


def _is_qos(key: str) -> bool:
    return key.startswith("qos_overrides.")


def _paths(name: str) -> dict[str, Any]:
    """Return something for each path that the stack would set, of a node that it does not start."""
    return {field.name: "/" for field in fields(CONFIGS[name]) if field.type is Path}


def _unread(file: ParameterFile, namespace: str, names: Collection[str]) -> Iterator[FileFault]:
    """Name the sections that hold for none of the nodes."""
    for name, at in file.places.items():
        if not any(fits(name, _full(namespace, node)) for node in names):
            close = difflib.get_close_matches(name.rpartition("/")[2], names, 1)
            hint = f"; did you mean /**/{close[0]}" if close else ""
            there = ", ".join(_full(namespace, node) for node in names)
            yield FileFault(at, f"section {name} is of no node{hint}; there are: {there}")


def _foreign(file: ParameterFile, namespace: str) -> Iterator[FileFault]:
    """Name the numbers that are not finite in sections whose values nobody here can check further."""
    for name, at in file.places.items():
        if not any(fits(name, _full(namespace, node)) for node in CONFIGS):
            for fault in not_finite(file.sections[name]):
                yield FileFault((*at, *fault.location), f"{name}: {fault.text}")


def _set_by_the_stack(file: ParameterFile, namespace: str, given: Given) -> Iterator[FileFault]:
    """Name the parameters that the stack sets from its own arguments, such as the robot's file."""
    for name, section in file.sections.items():
        for node, values in given.items():
            if fits(name, _full(namespace, node)):
                for key in section.keys() & values.keys():
                    text = f"{key} of {node} must not stand here: the stack sets it to {values[key]!r}"
                    yield FileFault((*file.places[name], key), text)


def _full(namespace: str, name: str) -> str:
    return f"{namespace.rstrip('/')}/{name}"
