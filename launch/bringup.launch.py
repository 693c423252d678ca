"""Start the whole stack: ros2 launch drift bringup.launch.py robot:=panda sim:=mujoco task:=place

The nodes come from drift.stack, as for `drift up`. Two things differ by launch's nature: the wait before a
respawn is constant, and Ctrl-C reaches all nodes at once (the gate decelerates all the same).
"""

import sys
from functools import partial
from pathlib import Path
from typing import Any  # noqa: UP035

from drift.errors import StackError
from drift.node_spec import NodeSpec
from drift.processes.process import REFUSED, describe_exit
from drift.second_gate import no_other_gate
from drift.shared_memory import prepare
from drift.stack import StackSpec, stack
from drift.stack_arguments import Argument, StackArguments, arguments, check_names
from drift.vendor_launch import LaunchFile, VendorArguments, launch_files, vendor_arguments
from launch import Action, LaunchContext, LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    GroupAction,
    IncludeLaunchDescription,
    LogInfo,
    OpaqueFunction,
)
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node, PushROSNamespace
from launch_ros.parameter_descriptions import ParameterValue

RESPAWN_DELAY_S = 2.0
SIGTERM_S, SIGKILL_S = "2.5", "1.0"  # after SIGINT, and after that: everything ends within 5 s
OF_LAUNCH = ("sigterm_timeout", "sigkill_timeout", "emulate_tty", "launch-prefix", "launch-prefix-filter")


def generate_launch_description() -> LaunchDescription:
    """Declare what can be said, and start the nodes when it is known."""
    declared = [
        DeclareLaunchArgument(
            item.name,
            default_value=item.default,
            description=item.help,
            choices=item.choices if item.default in item.choices else None,  # the others are checked by drift
        )
        for item in (*arguments(), *vendor_arguments())
    ]
    return LaunchDescription([*declared, OpaqueFunction(function=_start)])


def _start(context: LaunchContext) -> list[Action]:
    if Path(__file__).name in {Path(word).name for word in sys.argv}:  # else another file's words, too
        more = [item.name for item in vendor_arguments()]
        check_names([word.partition(":=")[0] for word in context.argv], more, OF_LAUNCH)
    values = _said(context, arguments())
    values["namespace"] = _namespace(context, values["namespace"])
    wanted = StackArguments(**values)
    vendor = VendorArguments(**_said(context, vendor_arguments()))
    with no_other_gate(wanted):
        plan = stack(wanted)
        includes = launch_files(vendor, plan.robot, wanted.sim, plan.controller)
    lines = (f"writing to {plan.run}", *plan.hints, *prepare(len(plan.nodes)))
    said = [LogInfo(msg=line) for line in lines]
    plan.create()
    return [*said, *(_included(file, plan.namespace) for file in includes), *_nodes(plan)]


def _said(context: LaunchContext, items: list[Argument]) -> dict[str, str]:
    return {item.name: LaunchConfiguration(item.name).perform(context) for item in items}


def _included(file: LaunchFile, namespace: str) -> GroupAction:
    """Return a maker's launch file; what it sets holds for itself alone."""
    own = {"namespace": namespace.strip("/")} if file.takes_namespace else {}
    source = PythonLaunchDescriptionSource(str(file.path))
    included = IncludeLaunchDescription(source, launch_arguments=[*file.arguments.items(), *own.items()])
    return GroupAction([included] if file.takes_namespace else [PushROSNamespace(namespace), included])


def _namespace(context: LaunchContext, said: str) -> str:
    """Return the namespace in full, below what PushROSNamespace says."""
    above = context.launch_configurations.get("ros_namespace", "").rstrip("/")
    return said if said.startswith("/") else f"{above}/{said}".rstrip("/")


def _nodes(plan: StackSpec) -> list[Node]:
    return [
        Node(
            package=spec.package,
            executable=spec.executable,
            name=None if spec.own_names else spec.name,
            exec_name=spec.name,  # in front of its lines in the log
            namespace=plan.namespace,  # always given: without it the files would win over the parameters
            arguments=list(spec.arguments),
            parameters=[
                *map(str, spec.parameter_files),
                {
                    name: ParameterValue(
                        value, value_type=list[str] if isinstance(value, list) else type(value)
                    )
                    for name, value in spec.parameters.items()
                },
            ],
            remappings=list(spec.remappings.items()),
            # not for the processes of a file that includes this one
            additional_env={**plan.environment, **spec.environment},
            output="both",
            respawn=not (spec.essential or spec.once),
            respawn_delay=RESPAWN_DELAY_S,
            sigterm_timeout=LaunchConfiguration("sigterm_timeout", default=SIGTERM_S),
            sigkill_timeout=LaunchConfiguration("sigkill_timeout", default=SIGKILL_S),
            on_exit=partial(_on_exit, spec),
        )
        for spec in plan.nodes
    ]


def _on_exit(spec: NodeSpec, event: Any, context: LaunchContext) -> None:
    """End the launch where a node is essential, or refuses its parameters: launch would respawn it for ever.

    By an error, for exit code 1: after the action Shutdown it would be 0. What runs once ends with 0.
    """
    failed = spec.once and event.returncode != 0
    if not context.is_shutdown and (spec.essential or failed or event.returncode == REFUSED):
        raise StackError(f"{spec.name} died ({describe_exit(event.returncode)}): shutting everything down")
