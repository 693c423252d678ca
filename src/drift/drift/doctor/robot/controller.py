"""The controller that takes the commands: there, active, of the right kind, with the right joints."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from expert_gate_node.activity import ACTIVE, inactive, joint_order, other_order
from expert_gate_node.hand_guiding import way_of

from drift.doctor.finding import Finding, failure, good, warning
from drift.doctor.robot.wanted import Wanted

_KINDS = {  # class of a controller: the command_interface that it is
    "joint_trajectory_controller/JointTrajectoryController": "joint_trajectory",
    "ur_controllers/ScaledJointTrajectoryController": "joint_trajectory",
    "position_controllers/JointGroupPositionController": "forward_position",
    "forward_command_controller/ForwardCommandController": "forward_position",
}
_MESSAGES = {
    "joint_trajectory": "trajectory_msgs/msg/JointTrajectory",
    "forward_position": "std_msgs/msg/Float64MultiArray",
}
_DESIRED = ("interpolate_from_desired_state", "open_loop_control")  # the second: its name until Humble
PARAMETERS = ("joints", *_DESIRED)  # to be asked for, and all that begin with constraints.


@dataclass(frozen=True)
class Listed:
    """A controller as its manager lists it."""

    state: str
    kind: str  # its class
    interfaces: tuple[str, ...] = ()  # joint/interface, in its order


@dataclass(frozen=True)
class Heard:
    """What was heard of the controller within the limit."""

    limit_s: float
    listed: Mapping[str, Listed] | None  # by name; None: no manager answered
    hardware: Mapping[str, str]  # lifecycle label by component; empty: nobody tells
    can_ask: bool  # the messages of managers are installed
    listeners: Sequence[str]  # message types of the subscriptions to the commands
    parameters: Mapping[str, object] | None  # of the controller; None: it did not answer

    @property
    def anything(self) -> bool:
        """Whether there is any sign of a controller."""
        return self.listed is not None or bool(self.listeners) or self.parameters is not None


def presence(wanted: Wanted, heard: Heard) -> Finding:
    """Is the controller there and active, and its hardware."""
    name, listens = wanted.controller, bool(heard.listeners)
    if heard.listed is not None:
        states = {other: listed.state for other, listed in heard.listed.items()}
        if trouble := inactive(name, states, heard.hardware):
            return _with_remedy(trouble, name)
        if not listens:
            return failure(
                f"{name} is active, but nobody listens to {wanted.topic}",
                "is it in another namespace? name it in full with --controller /NAMESPACE/NAME",
            )
        return good(f"{name} is active ({heard.listed[name].kind})")
    if not listens:
        return failure(
            f"nobody listens to {wanted.topic}",
            "start the arm's driver, load and activate the controller (ros2 control list_controllers), or "
            "name another: --controller NAME, /NAMESPACE/NAME where the driver has a namespace of its own",
        )
    text = f"{wanted.topic} has a listener"
    if not heard.can_ask:
        return warning(
            f"{text}; whether it is active was not asked: controller_manager_msgs is not installed",
            "sudo apt install ros-$ROS_DISTRO-controller-manager-msgs",
        )
    return warning(
        f"{text}; no controller manager answered in {heard.limit_s:g} s",
        "look yourself whether the controller executes what it is told",
    )


def _with_remedy(trouble: str, name: str) -> Finding:
    text, _, remedy = trouble.partition(": ")
    if remedy and not trouble.startswith("no controller"):
        return failure(text, remedy)
    if trouble.startswith("hardware"):
        return failure(
            trouble,
            "find out why it went down, then: ros2 control set_hardware_component_state NAME active, and "
            f"ros2 control switch_controllers --activate {name}",
        )
    return failure(
        trouble, f"ros2 run controller_manager spawner {name}, or name the right one with --controller"
    )


def kind(wanted: Wanted, heard: Heard) -> Finding | None:
    """Does it take what the gate sends; None where it is not there."""
    interface, listed = wanted.robot.command_interface, (heard.listed or {}).get(wanted.controller)
    takes = _KINDS.get(listed.kind) if listed else None
    remedy = (
        f"name a controller of that kind with --controller (and controller:= of drift up), or change "
        f"command_interface in a copy of {wanted.file}"
    )
    if listed and takes not in (None, interface):
        return failure(
            f"{wanted.controller} is a {listed.kind}, must be one for command_interface: {interface}", remedy
        )
    others = sorted({text for text in heard.listeners if text != _MESSAGES[interface]})
    if others:
        return failure(f"{wanted.topic} is of {', '.join(others)}, must be {_MESSAGES[interface]}", remedy)
    if listed is None and not heard.listeners:
        return None
    if _is_a_staircase(wanted, listed):
        return failure(
            f"{wanted.controller} commands positions of a Franka: it stops with a reflex at the first step",
            "a joint trajectory controller on the effort interface, as fr3_arm_controller of "
            f"franka_fr3_moveit_config ({wanted.file} says why)",
        )
    return good(f"takes {_MESSAGES[interface]}" + (f" as a {listed.kind}" if listed else ""))


def _is_a_staircase(wanted: Wanted, listed: Listed | None) -> bool:
    ends = {name.rpartition("/")[2] for name in listed.interfaces} if listed else set()
    return wanted.robot.arm_state == "franka" and "position" in ends


def joints(wanted: Wanted, heard: Heard) -> Finding | None:
    """Are its joints those of the robot's file, in that order where the order counts."""
    listed = (heard.listed or {}).get(wanted.controller)
    own = joint_order(listed.interfaces) if listed else []
    if not own and isinstance(given := (heard.parameters or {}).get("joints"), list):
        own = given
    if not own:
        if not heard.anything:
            return None
        return warning(
            f"{wanted.controller} does not say which joints it has",
            f"compare its parameter `joints` with joint_names of {wanted.file}",
        )
    by_name = wanted.robot.command_interface == "joint_trajectory"
    if trouble := other_order(wanted.controller, own, list(wanted.robot.joint_names), by_name):
        return failure(
            trouble, f"change `joints` of the controller, or joint_names in a copy of {wanted.file}"
        )
    return good(f"{len(own)} joints of {wanted.file}{', by name' if by_name else ', in its order'}")


def hand_guiding(wanted: Wanted, heard: Heard) -> Finding | None:
    """Can the gate have the arm guided by hand; None where the robot's file does not want that."""
    way = way_of(wanted.robot)
    if way is None:
        return None
    name = way.controller
    if heard.listed is None:
        return failure(
            f"hand_guiding={wanted.robot.hand_guiding}: no controller manager says whether {name} is there",
            f"start the arm's driver; else hand_guiding: none in {wanted.file}",
        )
    listed, manager = heard.listed.get(name), _manager(wanted)
    if listed is None:
        return failure(
            f"no controller {name} is loaded",
            f"ros2 run controller_manager spawner {name} --inactive{manager}, with a file of its parameters",
        )
    if listed.state == ACTIVE:
        return failure(
            f"{name} is active, the arm may be moved by hand",
            f"ros2 control switch_controllers --deactivate {name} --activate {wanted.controller}{manager}",
        )
    return good(f"{name} is {listed.state}, and can be switched to")


def _manager(wanted: Wanted) -> str:
    """Return the words by which commands of ros2_control mean the arm's manager, unless it is the usual."""
    space = wanted.driver_namespace
    return f" -c {space}/controller_manager" if space else ""


def parameters(wanted: Wanted, heard: Heard) -> Finding | None:
    """Does a trajectory controller let the gate notice first that the arm lags; None for others."""
    if wanted.robot.command_interface != "joint_trajectory" or not heard.anything:
        return None
    if heard.parameters is None:
        return warning(
            f"{wanted.controller} did not answer within {heard.limit_s:g} s",
            f"ros2 param dump {wanted.driver_namespace}/{wanted.controller}",
        )
    limit_rad = wanted.robot.tracking_error_max_rad
    said = {
        joint: heard.parameters.get(f"constraints.{joint}.trajectory") for joint in wanted.robot.joint_names
    }
    tolerances = {joint: value for joint, value in said.items() if isinstance(value, float) and value > 0.0}
    tight = {joint: value for joint, value in tolerances.items() if value <= limit_rad}
    if tight:
        joint, value = min(tight.items(), key=lambda item: item[1])
        return failure(
            f"constraints.{joint}.trajectory={value:g} must be above tracking_error_max_rad={limit_rad:g} of "
            f"{wanted.file}: the controller would hold before the gate notices",
            "raise it in the driver's file of controllers, or lower the other in a copy of ours",
        )
    text = f"state tolerance {min(tolerances.values()):g} rad" if tolerances else "no state tolerance"
    desired = [
        f"{name}: {str(heard.parameters[name]).lower()}" for name in _DESIRED if name in heard.parameters
    ]
    return good("; ".join([text, *(f"{line}, either is right" for line in desired[:1])]))
