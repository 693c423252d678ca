"""Start the whole stack: ros2 launch drift bringup.launch.py robot:=panda sim:=mujoco task:=place

The nodes come from drift.stack, as for `drift up`. Two things differ by launch's nature: the wait before a
respawn is constant, and Ctrl-C reaches all nodes at once (the gate decelerates all the same).
"""

from drift.shared_memory import prepare
from drift.stack import StackSpec, stack
from drift.stack_arguments import StackArguments, arguments
from launch import Action, LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, LogInfo, OpaqueFunction, SetEnvironmentVariable, Shutdown
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

RESPAWN_DELAY_S = 2.0


def generate_launch_description() -> LaunchDescription:
    """Declare what can be said, and start the nodes when it is known."""
    declared = [
        DeclareLaunchArgument(
            item.name, default_value=item.default, description=item.help, choices=item.choices or None
        )
        for item in arguments()
    ]
    return LaunchDescription([*declared, OpaqueFunction(function=_start)])


def _start(context: LaunchContext) -> list[Action]:
    values = {item.name: LaunchConfiguration(item.name).perform(context) for item in arguments()}
    plan = stack(StackArguments(**values))
    said = [LogInfo(msg=line) for line in (f"writing to {plan.run}", *prepare(len(plan.nodes)))]
    plan.run.create()
    variables = [SetEnvironmentVariable(name, value) for name, value in plan.environment.items()]
    return [*said, *variables, *_nodes(plan)]


def _nodes(plan: StackSpec) -> list[Node]:
    return [
        Node(
            package=spec.package,
            executable=spec.executable,
            name=spec.name,
            exec_name=spec.name,  # in front of its lines in the log
            namespace=plan.namespace,  # always given: without it the files would win over the parameters
            arguments=list(spec.arguments),
            parameters=[
                *map(str, spec.parameter_files),
                {
                    name: ParameterValue(value, value_type=type(value))
                    for name, value in spec.parameters.items()
                },
            ],
            remappings=list(spec.remappings.items()),
            output="both",
            respawn=not spec.essential,
            respawn_delay=RESPAWN_DELAY_S,
            on_exit=[Shutdown(reason=f"{spec.name} died")] if spec.essential else None,
        )
        for spec in plan.nodes
    ]
