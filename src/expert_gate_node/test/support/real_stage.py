"""An arm with stand-ins for its driver and controllers, the gate and a person, in real time."""

import time
from importlib import import_module
from pathlib import Path

import numpy as np
from drift_control.robot.robot import load_robot
from drift_control.teleop.joystick import load_joystick
from drift_interfaces.msg import GateState, Step
from drift_ros import qos
from drift_ros.gate_messages import to_joy_message
from drift_sim.ros.stand_in.options import ArmOptions
from drift_sim.ros.stand_in.ros2_control import Ros2Control
from drift_sim.ros2_control.ur_arm import UrArm
from expert_gate_node.ros.node import ExpertGateNode
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from sensor_msgs.msg import Joy
from std_srvs.srv import Trigger

CONFIG = Path(__file__).resolve().parents[4] / "config"
UR = "scaled_joint_trajectory_controller"
LIMIT_S = 20.0


class Person(Node):
    """A joystick at 50 Hz, the gate's services, and what the gate says."""

    def __init__(self):
        super().__init__("person")
        self.joystick, self.count = load_joystick(CONFIG / "joysticks" / "keyboard.yaml"), 0
        self.state, self.step = GateState(state=255), None
        self.let_go()
        self.joy = self.create_publisher(Joy, "joy", qos.JOY)
        self.create_subscription(GateState, "gate/state", self._on_state, qos.LATCHED)
        self.create_subscription(Step, "gate/step", self._on_step, qos.PROVENANCE)
        self.arm = self.create_client(Trigger, "gate/arm")
        self.stop = self.create_client(Trigger, "gate/stop")
        self.create_timer(0.02, self._on_timer)

    def push(self, linear_m_s, gripper=0.0):
        self.held = (True, linear_m_s, gripper)

    def let_go(self):
        self.held = (False, (0.0, 0.0, 0.0), 0.0)

    def _on_timer(self):
        self.count += 1
        enabled, linear, gripper = self.held
        axes, buttons = self.joystick.encode(enabled, linear, (0.0, 0.0, 0.0), gripper, count=self.count)
        self.joy.publish(to_joy_message(axes, buttons, self.get_clock().now().to_msg()))

    def _on_state(self, msg):
        self.state = msg

    def _on_step(self, msg):
        self.step = msg


class RealStage:
    """An arm with its controller, the gate and a person; the arm runs in a thread of its own."""

    def __init__(self, gate_parameters):
        self._gate_parameters = gate_parameters
        self.executor, self.nodes = SingleThreadedExecutor(), []
        self.person = self.add(Person())
        self.control = self.gate = None

    def add(self, node):
        self.nodes.append(node)
        self.executor.add_node(node)
        return node

    def start(
        self, robot="ur5e+none", controller=UR, arm=UrArm, robots=CONFIG / "robots", gate=None, **options
    ):
        """`gate`: parameters of the gate beside the robot's file; options: of `ArmOptions`."""
        file = robots / f"{robot}.yaml"
        described = load_robot(file)
        kind = described.config.command_interface
        self.control = Ros2Control(described, ArmOptions(controller, kind, **options), arm)
        for node in self.control.nodes:
            self.executor.add_node(node)
        parameters = [
            Parameter(name, value=value)
            for name, value in self._gate_parameters(robot_file=str(file), **(gate or {})).items()
        ]
        topic = "joint_trajectory" if kind == "joint_trajectory" else "commands"
        command = f"{self.control.namespace}/{controller}/{topic}"
        words = ["--ros-args", "-r", f"command:={command}"]
        self.gate = self.add(ExpertGateNode(parameter_overrides=parameters, cli_args=words))
        self.control.start()
        return self

    def spin(self, condition, what, limit_s=LIMIT_S):
        end_s = time.monotonic() + limit_s
        while not condition():
            state = self.person.state
            assert time.monotonic() < end_s, f"no {what} within {limit_s} s; {state.state} {state.text}"
            self.executor.spin_once(timeout_sec=0.02)

    def spin_for(self, duration_s):
        end_s = time.monotonic() + duration_s
        while time.monotonic() < end_s:
            self.executor.spin_once(timeout_sec=0.01)

    def ask_to_arm(self):
        self.spin(self.person.arm.service_is_ready, "service")
        asked = self.person.arm.call_async(Trigger.Request())
        self.spin(asked.done, "answer")
        return asked.result()

    def armed(self):
        self.spin(lambda: self.person.step is not None and len(self.person.step.measured), "joints")
        said = []

        def arms():
            said.append(self.ask_to_arm())
            return said[-1].success

        self.spin(arms, "arming")
        return self

    def driving(self, linear_m_s=(0.0, 0.1, 0.0)):
        """Let the person drive until the arm moves."""
        start = self.control.arm.q.copy()
        self.person.push(linear_m_s)
        self.spin(lambda: np.abs(self.control.arm.q - start).max() > 0.05, "motion")
        return self

    def switch(self, active):
        """Activate or deactivate the controller by the manager's service."""
        srv = import_module("controller_manager_msgs.srv")
        client = self.person.create_client(srv.SwitchController, "controller_manager/switch_controller")
        self.spin(client.service_is_ready, "service")
        name = [self.control.node.get_name()]
        request = srv.SwitchController.Request(strictness=srv.SwitchController.Request.STRICT)
        request.activate_controllers, request.deactivate_controllers = (name, []) if active else ([], name)
        asked = client.call_async(request)
        self.spin(asked.done, "switch")
        return asked.result()

    def jump_rad(self, since_s):
        """Return the largest step of the output from one cycle to the next after a steady time."""
        return np.abs(np.diff(self.control.course(since_s)[1], axis=0)).max()

    def close(self):
        self.executor.shutdown()
        if self.control is not None:
            self.control.close()
        for node in self.nodes:
            node.destroy_node()
