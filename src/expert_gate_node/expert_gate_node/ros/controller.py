"""The controller at the other end of `command`, as far as the graph tells."""

from action_msgs.msg import GoalStatus, GoalStatusArray
from rclpy.node import Node
from rclpy.qos import qos_profile_action_status_default

_UNDER_WAY = (GoalStatus.STATUS_ACCEPTED, GoalStatus.STATUS_EXECUTING, GoalStatus.STATUS_CANCELING)
_TRAJECTORY = "/joint_trajectory"  # the topic of a trajectory controller; its action stands beside it
_STATUS = "/follow_joint_trajectory/_action/status"


class Controller:
    """Say why it must not be told anything: nobody listens, or somebody else tells it what to do."""

    def __init__(self, node: Node, topic: str, expected: bool) -> None:
        """`topic`: where commands go, resolved; `expected`: somebody has to listen there."""
        self._node, self._topic, self._expected = node, topic, expected
        self._status = topic.removesuffix(_TRAJECTORY) + _STATUS
        self._goals: list[GoalStatus] = []
        if topic.endswith(_TRAJECTORY):
            node.create_subscription(
                GoalStatusArray, self._status, self._on_status, qos_profile_action_status_default
            )

    def objection(self) -> str:
        """Return why the gate must not begin to command, in words; empty: it may."""
        if self._node.count_publishers(self._topic) > 1:
            return (
                "another publisher commands this arm: is a second stack up? "
                "Use another ROS_DOMAIN_ID or namespace"
            )
        if self._expected and self._node.count_subscribers(self._topic) == 0:
            return (
                f"nobody listens to {self._topic}: load and activate the arm's controller "
                "(ros2 control list_controllers shows it), and name it with controller:=NAME"
            )
        goal_server_lives = self._goals and self._node.count_publishers(self._status) > 0
        if goal_server_lives and any(goal.status in _UNDER_WAY for goal in self._goals):
            action = self._status.removesuffix("/_action/status")
            return f"a goal of {action} is under way: cancel it, or wait for its end"
        return ""

    def _on_status(self, msg: GoalStatusArray) -> None:
        self._goals = list(msg.status_list)
