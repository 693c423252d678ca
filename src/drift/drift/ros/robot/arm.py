"""Listen to what the arm says about itself, by the gate's own sources."""

from drift_control.inputs import ArmState
from expert_gate_node.ros.arm_states import listen
from rclpy.node import Node

from drift.doctor.finding import Finding
from drift.doctor.robot import arm
from drift.doctor.robot.wanted import Wanted


class ArmProbe:
    """The newest state."""

    def __init__(self, node: Node, wanted: Wanted, limit_s: float) -> None:
        self._wanted, self._limit_s = wanted, limit_s
        self.state: ArmState | None = None
        listen(node, wanted.robot.arm_state, wanted.driver_namespace, self._take, lambda topic, info: None)

    def findings(self) -> list[tuple[str, Finding | None]]:
        """Return the rows about it."""
        rows: list[tuple[str, Finding | None]] = [("arm", arm.arm(self._wanted, self.state, self._limit_s))]
        if self._wanted.robot.arm_state == "ur":  # a Franka has no slider
            rows.append(("speed slider", arm.slider(self.state)))
        return rows

    def _take(self, state: ArmState) -> None:
        self.state = state
