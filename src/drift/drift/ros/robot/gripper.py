"""Look who takes what the gate tells the gripper; asked of the graph, so that no messages are needed."""

from drift_control.gripper.config import Gripper
from rclpy.node import Node

from drift.doctor.finding import Finding
from drift.doctor.robot.gripper import gripper

_GOAL, _GOAL_TYPE = "/_action/send_goal", "_SendGoal"


def gripper_finding(node: Node, hand: Gripper) -> Finding:
    """Return the row about it."""
    if hand.interface == "none":
        return gripper(hand, "", (), {})
    topic = node.resolve_topic_name(hand.topic)
    listeners = [info.topic_type for info in node.get_subscriptions_info_by_topic(topic)]
    actions = {
        name.removesuffix(_GOAL): [kind.removesuffix(_GOAL_TYPE) for kind in kinds]
        for name, kinds in node.get_service_names_and_types()
        if name.endswith(_GOAL)
    }
    return gripper(hand, topic, listeners, actions)
