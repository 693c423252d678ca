"""ros2_control around one arm: the loop, the joint state broadcaster, the controller and its manager."""

import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from drift_control.robot.pose import Array
from drift_control.robot.robot import Robot
from drift_ros.clock import ros_s, steady_s
from rclpy.node import Node
from rclpy.qos import qos_profile_system_default
from sensor_msgs.msg import JointState

from drift_sim.ros.stand_in.controller_nodes import (
    GUIDING,
    PositionControllerNode,
    TrajectoryControllerNode,
)
from drift_sim.ros.stand_in.manager_node import ManagerNode
from drift_sim.ros.stand_in.options import ArmOptions
from drift_sim.ros2_control.controller_manager import ControllerManager
from drift_sim.ros2_control.lagging_arm import LaggingArm
from drift_sim.ros2_control.position_controller import ForwardPositionController
from drift_sim.ros2_control.trajectory_controller import JointTrajectoryController

_BEHIND_S = 0.1  # a loop that is later than this does not catch up
_ROWS = 60_000  # cycles that are remembered: a minute at 1000 Hz


class Ros2Control:
    """Nodes for an executor, and a thread that runs the arm and its controller at their own rate."""

    def __init__(self, robot: Robot, options: ArmOptions, arm: type[LaggingArm] = LaggingArm) -> None:
        names, period_s = robot.config.joint_names, 1.0 / options.rate_hz
        self.lock = threading.RLock()  # of everything below
        self.namespace = options.namespace
        self.arm = arm(robot.home, period_s, options.tau_s, options.delay_cycles)
        joints = options.joints or names
        self.controller: JointTrajectoryController | ForwardPositionController
        if options.kind == "joint_trajectory":
            self.controller = JointTrajectoryController(
                names, period_s,
                interpolate_from_desired_state=options.interpolate_from_desired_state,
                state_tolerance_rad=options.state_tolerance_rad,
            )  # fmt: skip
        else:
            self.controller = ForwardPositionController(names, joints)
        guiding = GUIDING[options.guiding](self, options.guiding_controller) if options.guiding else None
        self.guiding_node = guiding
        self.loop = ControllerManager(
            self.controller, self.arm, options.rate_hz, guiding.controller if guiding else None
        )
        self.hardware_active = True
        self.hangs = False  # no cycle runs
        self.mute = False  # the broadcaster says nothing
        self.rows: deque[tuple[float, Array, Array, bool]] = deque(
            maxlen=_ROWS
        )  # steady s, output, q, active
        self.each_cycle: list[Callable[[], None]] = []  # called under the lock, after the step
        parameters: dict[str, Any] = {"joints": list(joints)}
        if options.kind == "joint_trajectory":
            parameters["interpolate_from_desired_state"] = options.interpolate_from_desired_state
            parameters |= {f"constraints.{name}.trajectory": options.state_tolerance_rad for name in joints}
        self.node = (
            TrajectoryControllerNode(self, options.controller, parameters)
            if isinstance(self.controller, JointTrajectoryController)
            else PositionControllerNode(self, options.controller, parameters)
        )
        self.broadcaster = Node(
            "joint_state_broadcaster", namespace=options.namespace, start_parameter_services=False
        )
        self._joint_states = self.broadcaster.create_publisher(
            JointState, options.joint_states or robot.config.joint_state_topics[0], qos_profile_system_default
        )
        self._order = sorted(range(len(names)), key=lambda i: names[i])  # the broadcaster's
        self._names = [names[i] for i in self._order]
        self.manager = ManagerNode(self, options, joints) if options.manager else None
        self.nodes: list[Node] = [self.node, self.broadcaster, *([self.manager] if self.manager else [])]
        if guiding is not None:
            self.nodes.append(guiding)
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        if options.active:
            self.switch(True)

    def start(self) -> None:
        """Begin to run."""
        self._thread.start()

    def close(self) -> None:
        """Stop, and take the nodes out of the graph."""
        self._ends.set()
        if self._thread.is_alive():
            self._thread.join()
        for node in self.nodes:
            node.destroy_node()

    def switch(self, active: bool) -> None:
        """Activate or deactivate the controller."""
        with self.lock:
            self.loop.switch(active)
            self.node.on_switch(active)
        self.tell()

    def switch_guiding(self, active: bool) -> None:
        """Activate or deactivate the controller of hand guiding."""
        with self.lock:
            self.loop.switch_guiding(active)
        self.tell()

    @property
    def active(self) -> dict[str, bool]:
        """Whether each motion controller is active, by name."""
        active = {self.node.get_name(): self.controller.active}
        if self.guiding_node is not None:
            active[self.guiding_node.get_name()] = self.guiding_node.controller.active
        return active

    def switch_all(self, to: Mapping[str, bool]) -> None:
        """Activate or deactivate motion controllers by name; what is left out stays."""
        for name, active in to.items():
            if name == self.node.get_name():
                self.switch(active)
            else:
                self.switch_guiding(active)

    def set_hardware(self, active: bool) -> None:
        """Let the hardware component fail, which takes its controllers with it, or come back without them."""
        self.hardware_active = active
        if not active:
            self.switch_all({name: False for name, was in self.active.items() if was})
        self.tell()

    def tell(self) -> None:
        """Let the manager say which controllers are active."""
        if getattr(self, "manager", None):
            self.manager.tell()

    @property
    def clock_ahead_s(self) -> float:
        """ROS time minus the loop's."""
        return ros_s(self.broadcaster.get_clock()) - self.loop.time_s

    def course(self, since_s: float = 0.0) -> tuple[Array, Array, Array]:
        """Return steady times (N,) [s], output (N, J) and joints (N, J) [rad] after `since_s`."""
        with self.lock:
            rows = [row for row in self.rows if row[0] > since_s]
        return (
            np.array([row[0] for row in rows]),
            np.array([row[1] for row in rows]),
            np.array([row[2] for row in rows]),
        )

    def _run(self) -> None:
        due_s = steady_s()
        while not self._ends.is_set():
            if not self.hangs:
                self._cycle()
            due_s += self.loop.period_s
            wait_s = due_s - steady_s()
            if wait_s > 0.0:
                self._ends.wait(wait_s)
            elif wait_s < -_BEHIND_S:
                due_s = steady_s()

    def _cycle(self) -> None:
        with self.lock:
            was_active = self.controller.active
            self.loop.step()
            stopped = was_active and not self.controller.active  # by an error of its own
            for look in self.each_cycle:
                look()
            self.node.after_update()
            output, q, v = self.loop.output, self.arm.q, self.arm.v
            self.rows.append((steady_s(), output, q, self.controller.active))
        if stopped:
            self.tell()
        self._publish(q, v)

    def _publish(self, q: Array, v: Array) -> None:
        msg = JointState(name=self._names, effort=[float("nan")] * len(self._names))
        msg.position, msg.velocity = q[self._order].tolist(), v[self._order].tolist()
        msg.header.stamp = self.broadcaster.get_clock().now().to_msg()
        if not self.mute:
            self._joint_states.publish(msg)
