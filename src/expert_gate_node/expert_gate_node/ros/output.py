"""Tell the arm, the trainer and everybody else what a control tick has decided."""

from collections.abc import Callable

import numpy as np
from drift_control.guard.command import CommandCheck
from drift_control.horizon import RollingHorizon
from drift_control.robot.robot import Robot
from drift_interfaces.msg import GateState, Step
from drift_ros import qos
from drift_ros.clock import steady_s, to_stamp
from drift_ros.gate_messages import to_numbers, to_trajectory
from rclpy.node import Node
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory

from expert_gate_node.config import ExpertGateConfig
from expert_gate_node.ros.controller import Controller
from expert_gate_node.ros.grippers import make_driver

_REPEAT_S = 0.2  # gate/state is repeated at 5 Hz
_SAID = ("state", "reason", "epoch", "intervention_id", "armed")  # a change of one is published at once


class TickPublisher:
    """`command`, the gripper, `gate/state`, `gate/step`; in a dry run commands go to `…_preview`."""

    def __init__(
        self, node: Node, robot: Robot, config: ExpertGateConfig, say: Callable[[str], None]
    ) -> None:
        """`say`: tells a person what the gripper does not do."""
        self._joint_names = robot.config.joint_names
        self._check = CommandCheck(config, robot.config)
        self._horizon = RollingHorizon(config.dt_s, robot.low, robot.high)
        self._trajectory = robot.config.command_interface == "joint_trajectory"
        suffix = "_preview" if config.dry_run else ""
        command_type = JointTrajectory if self._trajectory else Float64MultiArray
        self._command = node.create_publisher(command_type, f"command{suffix}", qos.COMMAND)
        self._gripper = make_driver(node, robot.config.gripper, config.dry_run, say)
        self._state = node.create_publisher(GateState, "gate/state", qos.LATCHED)
        self._step = node.create_publisher(Step, "gate/step", qos.PROVENANCE)
        self.controller = Controller(
            node, self._command.topic_name, self._joint_names, expected=not config.dry_run
        )
        self._said: GateState | None = None
        self._said_s = float("-inf")

    def command(self, q: np.ndarray, v: np.ndarray, gripper_m: float, measured_rad: np.ndarray) -> None:
        """Send joint positions and velocities (J,) [rad, rad/s] and the gripper's opening, if sound.

        After a silence what is sent first is compared with the measured joints (J,) [rad].
        """
        self.arm(q, v, gripper_m, measured_rad)
        self._gripper.command(gripper_m, steady_s())

    def arm(self, q: np.ndarray, v: np.ndarray, gripper_m: float, measured_rad: np.ndarray) -> None:
        """Send the joints alone; the gripper stays as last commanded."""
        self._check.check(q, gripper_m, measured_rad)
        if self._trajectory:
            horizon = self._horizon.next(q, v, steady_s())
            self._command.publish(to_trajectory(self._joint_names, horizon))
        else:
            self._command.publish(to_numbers(q))

    def forget(self) -> None:
        """Nothing is commanded any more; the arm may be moved by others."""
        self._check.forget()
        self._horizon.forget()
        self._gripper.forget()

    def step(self, msg: Step) -> None:
        """Publish the provenance of a control step."""
        self._step.publish(msg)

    def state(self, msg: GateState, now_s: float, ros_s: float) -> None:
        """Publish who drives and why, on a change and at 5 Hz; `now_s` is steady time."""
        changed = self._said is None or any(getattr(msg, name) != getattr(self._said, name) for name in _SAID)
        if changed or now_s - self._said_s >= _REPEAT_S:
            msg.header.stamp = to_stamp(ros_s)
            self._state.publish(msg)
            self._said, self._said_s = msg, now_s
