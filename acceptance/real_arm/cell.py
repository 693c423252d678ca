"""The gate's process, and in this one the arm with its driver and a person."""

import os
import subprocess
import sys
import threading
import time
from types import TracebackType

import numpy as np
import rclpy
from acceptance.real_arm.setup import Setup
from drift.configuration import config_file
from drift_control.robot.robot import load_robot
from drift_control.teleop.joystick import load_joystick
from drift_interfaces.msg import GateState
from drift_ros import qos
from drift_ros.clock import steady_s
from drift_ros.gate_messages import to_joint_state, to_joy_message
from drift_ros.testing.real_arms import variables
from drift_sim.ros.stand_in.ros2_control import Ros2Control
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import JointState, Joy
from std_srvs.srv import Trigger

STICK_M_S = 0.1
_STILL = (0.0, 0.0, 0.0)


class Person(Node):
    """A joystick at 50 Hz that sweeps to and fro, and what the gate says."""

    def __init__(self) -> None:
        super().__init__("person")
        self._joystick, self._count = load_joystick(config_file("joystick", "keyboard")), 0
        self.drives = False
        self.states: list[tuple[float, GateState]] = []  # steady time of arrival
        self._joy = self.create_publisher(Joy, "joy", qos.JOY)
        self.create_subscription(GateState, "gate/state", self._on_state, qos.LATCHED)
        self._arm = self.create_client(Trigger, "gate/arm")
        self.create_timer(0.02, self._on_timer)

    @property
    def state(self) -> GateState:
        """The newest."""
        return self.states[-1][1] if self.states else GateState(state=255)

    def arm(self) -> Trigger.Response:
        """Ask the gate to arm; a gate that was killed stays in the graph for 20 s, and does not answer."""
        done = threading.Event()
        if not self._arm.wait_for_service(timeout_sec=30.0):
            raise RuntimeError("the gate does not offer gate/arm within 30 s")
        asked = self._arm.call_async(Trigger.Request())
        asked.add_done_callback(lambda _: done.set())
        return asked.result() if done.wait(2.0) else Trigger.Response(message="no answer within 2 s")

    def _on_state(self, msg: GateState) -> None:
        self.states.append((steady_s(), msg))

    def _on_timer(self) -> None:
        self._count += 1
        along = STICK_M_S if self._count // 60 % 2 else -STICK_M_S
        velocity = (0.0, along, 0.0) if self.drives else _STILL
        axes, buttons = self._joystick.encode(self.drives, velocity, _STILL, 0.0, count=self._count)
        self._joy.publish(to_joy_message(axes, buttons, self.get_clock().now().to_msg()))


class Cell:
    """Use it in a `with` block."""

    def __init__(self, setup: Setup) -> None:
        rclpy.init()
        self.setup = setup
        self.robot = load_robot(config_file("robot", setup.robot))
        self.person = Person()
        self.control = Ros2Control(self.robot, setup.options, setup.arm)
        self.driver = setup.driver(self.control)
        self.publisher = Node("joint_state_publisher")  # silent, but for its fault
        topic = self.robot.config.joint_state_topics[0]
        self._states = self.publisher.create_publisher(JointState, topic, qos.JOINT_STATES)
        self.echo = self.publisher.create_timer(0.03, self._echo)
        self.echo.cancel()
        self._executor = SingleThreadedExecutor()
        others = (self.person, self.publisher, self.driver.robot, self.driver.hand)
        for node in (*self.control.nodes, *others):
            if node is not None:
                self._executor.add_node(node)
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()
        self.control.start()
        self.start_gate()

    def __enter__(self) -> "Cell":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.gate.terminate()
        self.gate.wait(10.0)
        # a thread that is still inside rclpy when Python ends is ended there, which C++ takes for a crash
        self._executor.shutdown()
        self._thread.join()
        self.control.close()
        for node in (self.person, self.publisher, self.driver.robot, self.driver.hand):
            if node is not None:
                node.destroy_node()
        rclpy.try_shutdown()

    @property
    def controller(self) -> str:
        """The name of the one that takes the commands."""
        return self.setup.options.controller

    def start_gate(self) -> None:
        """Start the gate, by what `drift up sim:=none` with that robot and hand gives it."""
        files = {
            "robot_file": config_file("robot", self.setup.robot),
            "joystick_file": config_file("joystick", "keyboard"),
        }
        words = [word for name, file in files.items() for word in ("-p", f"{name}:={file}")]
        nodes = files["robot_file"].parents[1] / "nodes.yaml"
        program = [sys.executable, "-m", "expert_gate_node.ros.node"]
        topic = f"command:=/{self.controller}/joint_trajectory"
        environment = {**os.environ, **variables()}
        arguments = ["--ros-args", "--params-file", str(nodes), *words, "-r", topic]
        self.gate = subprocess.Popen([*program, *arguments], env=environment)

    def drive(self, limit_s: float = 40.0) -> bool:
        """Arm, and let the person drive until the arm moves; False when it does not within the limit."""
        end_s = time.monotonic() + limit_s
        self.person.drives = False
        time.sleep(0.3)
        while not self.person.arm().success:
            if time.monotonic() > end_s:
                return False
            time.sleep(0.2)
        self.person.drives = True
        start = self.control.arm.q.copy()
        while np.abs(self.control.arm.q - start).max() < 0.05:
            if time.monotonic() > end_s:
                return False
            time.sleep(0.02)
        return True

    def _spin(self) -> None:
        try:
            self._executor.spin()
        except ExternalShutdownException:
            return

    def _echo(self) -> None:
        names, stamp = self.robot.config.joint_names, self.publisher.get_clock().now().to_msg()
        self._states.publish(to_joint_state(names, self.robot.home, stamp))
