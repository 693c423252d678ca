"""What the arm says about itself: one file per source, chosen by `arm_state` in the robot's file."""

from rclpy.node import Node

from expert_gate_node.ros.arm_states.franka import listen_to_franka
from expert_gate_node.ros.arm_states.message import listen_to_message
from expert_gate_node.ros.arm_states.source import Heard, Listen, Take
from expert_gate_node.ros.arm_states.ur import listen_to_ur

SOURCES: dict[str, Listen] = {
    "message": listen_to_message,  # drift_interfaces/ArmState: the simulation, and drivers of one's own
    "ur": listen_to_ur,
    "franka": listen_to_franka,
}


def listen(node: Node, source: str, namespace: str | None, take: Take, heard: Heard) -> None:
    """Hand every state of the arm to `take`, and to `heard` which publisher sent a message of which topic.

    `namespace`: of the arm's controllers, where its driver publishes; None: there are none, as in simulation,
    whose arm speaks by message.
    """
    chosen = "message" if namespace is None else source
    SOURCES[chosen](node, namespace or "", take, heard)
