"""From a node of the stack to a process: its executable, by the ament index, and its ROS arguments."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from drift.errors import UserError
from drift.processes.process import ProcessSpec

if TYPE_CHECKING:  # the stack reads every kind of file, and with them torch
    from drift.node_spec import NodeSpec, Parameter
    from drift.stack import StackSpec


def processes(stack: "StackSpec") -> list[ProcessSpec]:
    """Return what a supervisor starts for `stack`."""
    return [
        ProcessSpec(
            name=node.name,
            command=command(node, stack.namespace),
            essential=node.essential,
            once=node.once,
            stop_stage=node.stop_stage,
            environment={**stack.environment, **node.environment},
            watchdog_s=node.watchdog_s,
        )
        for node in stack.nodes
    ]


def command(node: "NodeSpec", namespace: str) -> tuple[str, ...]:
    """Return the command line of `node`."""
    words = [str(executable(node.package, node.executable)), *node.arguments, "--ros-args"]
    words += [] if node.own_names else ["-r", f"__node:={node.name}"]
    words += ["-r", f"__ns:={namespace}"]
    for source, target in node.remappings.items():
        words += ["-r", f"{source}:={target}"]
    for file in node.parameter_files:
        words += ["--params-file", str(file)]
    for name, value in node.parameters.items():
        words += ["-p", f"{name}:={_yaml(value)}"]
    return tuple(words)


def package_prefix(package: str) -> Path | None:
    """Return the prefix that holds `package`, None if none of AMENT_PREFIX_PATH does."""
    for prefix in filter(None, os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep)):
        if (Path(prefix) / "share" / "ament_index" / "resource_index" / "packages" / package).exists():
            return Path(prefix)
    return None


def executable(package: str, name: str) -> Path:
    """Return lib/<package>/<name> of the prefix that holds `package`; UserError when there is none."""
    if (prefix := package_prefix(package)) is not None:
        path = prefix / "lib" / package / name
        if not os.access(path, os.X_OK):
            raise UserError(f"package {package} has no executable {name} ({path})")
        return path
    raise UserError(
        f"package {package} was not found: source env.sh, or install it with a ROS distribution, "
        f"for example 'sudo apt install ros-$ROS_DISTRO-{package.replace('_', '-')}'"
        + ("; without a gamepad: expert:=none, and drift teleop beside it" if package == "joy" else "")
    )


def _yaml(value: "Parameter") -> str:
    """Return `value` so that ROS reads it back with its own type, also a string like 2026-11-20."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(_yaml, value))}]"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return repr(value)
