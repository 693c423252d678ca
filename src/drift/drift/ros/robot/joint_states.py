"""Listen to the joint states, and judge them by the gate's own rules."""

from dataclasses import dataclass, field

from drift_control.inputs import JointMessage
from drift_control.robot.joint_states import JointStateMerger
from drift_ros import qos
from drift_ros.clock import ros_s, steady_s, to_seconds
from drift_ros.polling import Polled
from drift_ros.publisher_names import PublisherNames
from rclpy.node import Node
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import JointState

from drift.doctor.finding import Finding
from drift.doctor.robot.clocks import Delay
from drift.doctor.robot.joint_states import TopicHeard, joint_states
from drift.doctor.robot.wanted import Wanted
from drift.ros.robot.graph import Arrivals, publishers, topics_of

_SILENT_S = 1.0  # of an arm, for this look at it
_TYPE = "sensor_msgs/msg/JointState"


@dataclass
class _Topic:
    subscription: Polled
    all: Arrivals = field(default_factory=Arrivals)
    of_arm: Arrivals = field(default_factory=Arrivals)  # messages with a joint of the arm
    names: set[str] = field(default_factory=set)


class JointStatesProbe:
    """Every message of every topic that the robot's file names."""

    def __init__(self, node: Node, wanted: Wanted) -> None:
        self._node, self._wanted = node, wanted
        self._topics = [
            _Topic(Polled(node, JointState, topic, qos.POLLED)) for topic in wanted.robot.joint_state_topics
        ]
        self._publishers = PublisherNames(node)
        self._merger = JointStateMerger(wanted.robot)

    @property
    def published(self) -> bool:
        """Whether anybody publishes one of the topics."""
        return any(self._node.count_publishers(topic.subscription.topic_name) for topic in self._topics)

    def look(self) -> None:
        """Read what has come."""
        for topic in self._topics:
            for raw, info in topic.subscription.take():
                msg = deserialize_message(raw, JointState)
                topic.names.update(msg.name)
                topic.all.take(raw, info)
                if not set(self._wanted.robot.joint_names).isdisjoint(msg.name):
                    topic.of_arm.take(raw, info)
                name = self._publishers.of(topic.subscription.topic_name, info)
                stamp_s = to_seconds(msg.header.stamp)
                message = JointMessage(msg.name, msg.position, stamp_s, steady_s(), name)
                self._merger.merge(message, ros_s(self._node.get_clock()))

    def finding(self) -> Finding:
        """Return the row about them."""
        now_s = steady_s()
        heard = {
            topic.subscription.topic_name: TopicHeard(
                publishers(self._node, topic.subscription.topic_name),
                (topic.of_arm if topic.of_arm.count else topic.all).rate_hz,
                frozenset(topic.names),
                topic.of_arm.count > 0,
            )
            for topic in self._topics
        }
        trouble = (
            self._merger.conflict(now_s)
            or self._publishers.objection()
            or self._merger.trouble(now_s, _SILENT_S)
        )
        return joint_states(self._wanted, heard, trouble, topics_of(self._node, _TYPE) - heard.keys())

    def delays(self) -> dict[str, Delay]:
        """Return arrivals less stamps by topic."""
        return {
            topic.subscription.topic_name: Delay(least_s, topic.all.count)
            for topic in self._topics
            if (least_s := topic.all.least_s) is not None
        }
