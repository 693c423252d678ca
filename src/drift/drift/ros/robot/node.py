"""The node that looks at an arm from every side."""

from importlib.util import find_spec
from typing import Any

from drift_ros.clock import steady_clock
from rclpy.node import Node

from drift.doctor.finding import Finding, failure
from drift.doctor.robot.clocks import clocks
from drift.doctor.robot.packages import packages
from drift.doctor.robot.wanted import Wanted
from drift.ros.robot.arm import ArmProbe
from drift.ros.robot.cameras import CameraProbe, findings_of
from drift.ros.robot.controller import ControllerProbe
from drift.ros.robot.description import DescriptionProbe
from drift.ros.robot.gripper import gripper_finding
from drift.ros.robot.joint_states import JointStatesProbe

_LOOK_S = 0.02


class RobotProbe(Node):
    """Spin it for some seconds, then read the findings."""

    def __init__(self, wanted: Wanted, limit_s: float, **kwargs: Any) -> None:
        """`limit_s`: for how long it will be spun."""
        super().__init__("doctor", namespace=wanted.namespace, **kwargs)
        self._wanted = wanted
        self._controller = ControllerProbe(self, wanted, limit_s)
        self._arm = ArmProbe(self, wanted, limit_s)
        self._joints = JointStatesProbe(self, wanted)
        self._description = DescriptionProbe(self, wanted)
        self._cameras = [CameraProbe(self, camera) for camera in wanted.cameras]
        self.create_timer(_LOOK_S, self._look, clock=steady_clock())

    def findings(self) -> list[tuple[str, Finding]]:
        """Return the rows, in the order in which one would mend them."""
        rows: list[tuple[str, Finding | None]]
        if not (self._controller.heard().anything or self._joints.published or self._arm.state):
            where = self._wanted.driver_namespace or "/"
            silent = failure(
                f"nothing of a driver in namespace {where}: no controller manager, nobody listens to "
                f"{self._wanted.topic}, no joint states",
                "is the robot on, and its driver running (docs/robots)? In the same ROS_DOMAIN_ID, discovery "
                "range (drift doctor shows both) and --namespace?",
            )
            rows = [("driver", silent)]
        else:
            rows = [
                *self._controller.findings(),
                *self._arm.findings(),
                ("joint states", self._joints.finding()),
                ("gripper", gripper_finding(self, self._wanted.robot.gripper)),
                ("description", self._description.finding()),
            ]
        rows += findings_of(self, self._cameras, self._wanted, self._description.urdf)
        delays = self._joints.delays() | {
            f"camera {probe.camera.name}": delay for probe in self._cameras if (delay := probe.delay())
        }
        rows.append(("clocks", clocks(delays)))
        rows.append(("packages", packages(self._wanted.robot, lambda name: find_spec(name) is not None)))
        return [(name, finding) for name, finding in rows if finding is not None]

    def _look(self) -> None:
        for probe in (self._controller, self._joints, self._description, *self._cameras):
            probe.look()
