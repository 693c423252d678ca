"""franka_ros2: the mode of the robot and its errors, from a message of 1000 Hz."""

from typing import Any

from drift_ros import qos
from drift_ros.clock import steady_clock, steady_s
from drift_ros.polling import Polled
from rclpy.node import Node
from rclpy.serialization import deserialize_message

from expert_gate_node.arm_status.franka import franka_state
from expert_gate_node.ros.arm_states.source import Heard, Take
from expert_gate_node.ros.optional import optional

_TOPIC = "franka_robot_state_broadcaster/robot_state"
_LOOK_S = 0.05  # the message is large
_WITHOUT = "a stop of the Franka shows as a controller that is no longer active"


def listen_to_franka(node: Node, namespace: str, take: Take, heard: Heard) -> None:
    """Hand on the newest state, looked at every 50 ms: a stop lasts until a person ends it."""
    types: Any = optional(node, "franka_msgs.msg", _WITHOUT)
    if types is None:
        return
    subscription = Polled(node, types.FrankaRobotState, f"{namespace}/{_TOPIC}", qos.NEWEST)

    def look() -> None:
        taken = list(subscription.take())
        if not taken:
            return
        raw, info = taken[-1]
        heard(_TOPIC, info)
        msg = deserialize_message(raw, types.FrankaRobotState)
        errors = msg.current_errors
        names = [name for name in errors.get_fields_and_field_types() if getattr(errors, name)]
        take(franka_state(msg.robot_mode, names, steady_s()))

    node.create_timer(_LOOK_S, look, clock=steady_clock())
