"""ur_robot_driver: robot and safety mode, whether the program runs, the speed slider."""

from typing import Any

from drift_ros import qos
from drift_ros.clock import steady_s
from rclpy.node import Node
from rclpy.qos import QoSProfile
from std_msgs.msg import Bool, Float64

from expert_gate_node.arm_status.ur import (
    PROGRAM_TOPIC,
    ROBOT_TOPIC,
    SAFETY_TOPIC,
    SPEED_TOPIC,
    UrStatus,
)
from expert_gate_node.ros.arm_states.source import Heard, Take
from expert_gate_node.ros.optional import optional

_WITHOUT = "a stop of the UR shows as a program that does not run"


def listen_to_ur(node: Node, namespace: str, take: Take, heard: Heard) -> None:
    """Hand on the state with every message."""
    types: Any = optional(node, "ur_dashboard_msgs.msg", _WITHOUT)
    status = UrStatus(has_modes=types is not None)

    def subscribe(kind: Any, topic: str, profile: QoSProfile, read: str = "data") -> None:
        def on_message(msg: Any, info: dict[str, Any]) -> None:
            heard(topic, info)
            status.put(topic, getattr(msg, read), steady_s())
            take(status.arm_state(steady_s()))

        node.create_subscription(kind, f"{namespace}/{topic}", on_message, profile)

    if types is not None:
        subscribe(types.RobotMode, ROBOT_TOPIC, qos.LATCHED, "mode")
        subscribe(types.SafetyMode, SAFETY_TOPIC, qos.LATCHED, "mode")
    subscribe(Bool, PROGRAM_TOPIC, qos.LATCHED)
    subscribe(Float64, SPEED_TOPIC, qos.NEWEST)
