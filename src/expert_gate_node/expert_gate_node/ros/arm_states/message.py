"""drift_interfaces/ArmState."""

from typing import Any

from drift_interfaces.msg import ArmState
from drift_ros import qos
from drift_ros.clock import steady_s
from drift_ros.gate_messages import to_arm_state
from rclpy.node import Node

from expert_gate_node.ros.arm_states.source import Heard, Take


def listen_to_message(node: Node, namespace: str, take: Take, heard: Heard) -> None:
    """Hand on every message of `arm_state`, which is in the stack's namespace whatever the driver's."""

    def on_message(msg: ArmState, info: dict[str, Any]) -> None:
        heard("arm_state", info)
        take(to_arm_state(msg, steady_s()))

    node.create_subscription(ArmState, "arm_state", on_message, qos.LATCHED)
