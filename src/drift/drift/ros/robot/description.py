"""Find the description of the robot: the latched topic, else the parameter of robot_state_publisher."""

from drift_ros import qos
from rcl_interfaces.srv import GetParameters
from rclpy.node import Node
from std_msgs.msg import String

from drift.doctor.finding import Finding
from drift.doctor.robot.description import description
from drift.doctor.robot.wanted import Wanted
from drift.ros.robot.graph import Question


class DescriptionProbe:
    """In the namespace of the arm's driver."""

    def __init__(self, node: Node, wanted: Wanted) -> None:
        self._wanted = wanted
        self._urdf: str | None = None
        where = wanted.driver_namespace
        node.create_subscription(String, f"{where}/robot_description", self._on_text, qos.LATCHED)
        service = f"{where}/robot_state_publisher/get_parameters"
        self._asked = Question(
            node, GetParameters, service, GetParameters.Request(names=["robot_description"])
        )

    def look(self) -> None:
        """Go on asking."""
        self._asked.look()

    @property
    def urdf(self) -> str | None:
        """Its text; None: nobody has one."""
        values = self._asked.answer.values if self._asked.answer is not None else []
        by_parameter = values[0].string_value if values else ""
        return self._urdf or by_parameter or None

    def finding(self) -> Finding:
        """Return the row about it."""
        return description(self._wanted, self.urdf)

    def _on_text(self, msg: String) -> None:
        self._urdf = msg.data
