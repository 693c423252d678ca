"""A gate, an arm and a policy that the test plays, a console, and a page that drives through it."""

import json
import subprocess
import sys
import time

import numpy as np
import yaml
from drift_console_node.ros.node import ConsoleNode
from drift_console_node.testing.protocol_page import ProtocolPage
from drift_control.gate.state import Reason, State
from drift_control.inputs import Chunk
from drift_control.robot.robot import load_robot
from drift_interfaces.msg import ActionChunk, GateState
from drift_ros import qos
from drift_ros.chunk_message import to_chunk_message
from drift_ros.clock import ros_s
from drift_ros.gate_messages import to_joint_state
from expert_gate_node.ros.node import ExpertGateNode
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from sensor_msgs.msg import JointState, Joy
from std_msgs.msg import Float64MultiArray
from std_srvs.srv import Trigger

from .conftest import CONFIG, console_parameters

LIMIT_S = 20.0  # discovery may take seconds
AHEAD = [0.5, 0.0, 0.0, 0.0, 0.0, 0.0]
PATIENT = {"max_age_s": 0.5, "input_timeout_s": 0.5}  # with a machine that stands still at times


class Cell(Node):
    """An arm that does what it is told, a policy that always has a chunk, and a listener."""

    def __init__(self):
        super().__init__("cell")
        self.robot = load_robot(CONFIG / "robots" / "panda.yaml")
        self.q, self.count = self.robot.home.copy(), 0
        self.states, self.joys = [], []  # with steady times
        self._joints = self.create_publisher(JointState, "joint_states", qos.JOINT_STATES)
        self._chunk = self.create_publisher(ActionChunk, "action_chunk", qos.COMMAND)
        self.create_subscription(Float64MultiArray, "command", self._on_command, qos.COMMAND)
        self.create_subscription(GateState, "gate/state", self._on_state, qos.LATCHED)
        self.create_subscription(Joy, "console/joy", self._on_joy, qos.JOY)
        self.arm = self.create_client(Trigger, "gate/arm")
        self.create_timer(0.01, self._on_joints)
        self.create_timer(0.2, self._on_chunk)

    def _on_command(self, msg):
        self.q = np.array(msg.data)

    def _on_state(self, msg):
        self.states.append((time.monotonic(), State(msg.state), Reason(msg.reason), msg.epoch))

    def _on_joy(self, msg):
        self.joys.append((time.monotonic(), tuple(msg.axes), tuple(msg.buttons)))

    def _on_joints(self):
        config, stamp = self.robot.config, self.get_clock().now().to_msg()
        names = [*config.joint_names, *config.gripper.joints]
        self._joints.publish(to_joint_state(names, [*self.q, 0.02, 0.02], stamp))

    def _on_chunk(self):
        if not self.states:
            return
        self.count += 1
        now_s = ros_s(self.get_clock())
        data = np.tile([*self.q, 0.04], (10, 1))
        chunk = Chunk(self.count, self.states[-1][3], now_s, 0.1, data, "joint_position", 5, now_s, 0.0)
        self._chunk.publish(to_chunk_message(chunk, self.robot.config.base_frame, 1.0))


def make_console(folder, **changes):
    """Return a console node of a run in `folder`."""
    return ConsoleNode(parameter_overrides=_parameters(console_parameters(folder, **changes)))


def start_console(folder, **changes):
    """Start a console of a run in `folder` as a process of its own, which can be killed."""
    given = console_parameters(folder, **changes)
    words = [word for name, value in given.items() for word in ("-p", f"{name}:={json.dumps(value)}")]
    program = "import sys; from drift_console_node.ros.node import main; sys.exit(main())"
    command = [sys.executable, "-c", program, "--ros-args", *words]
    return subprocess.Popen(command, start_new_session=True)


class Stage:
    """Cell, gate and console; the console in this process, or in one that can be killed."""

    def __init__(self, folder, alone=False):
        self.folder, self._nodes, self.executor, self.process, self.page = (
            folder,
            [],
            SingleThreadedExecutor(),
            None,
            None,
        )
        self.cell = self._add(Cell())
        self.console = None
        if alone:
            self.process = start_console(folder, **PATIENT)
        else:
            self.console = self._add(make_console(folder, **PATIENT))
        self._add(ExpertGateNode(parameter_overrides=_parameters(_gate(folder))))
        self.spin(lambda: (folder / "console.json").exists(), "console")
        self.spin(lambda: self.cell.states, "gate/state")

    def _add(self, node):
        self._nodes.append(node)
        self.executor.add_node(node)
        return node

    def armed(self):
        """Arm once the page is ready, and wait for the policy to drive."""
        self.page = ProtocolPage(json.loads((self.folder / "console.json").read_text()))
        self.spin(lambda: self.page.ready, "page that may drive")
        self.spin(self.cell.arm.service_is_ready, "gate/arm")
        self.spin(lambda: self.cell.joys, "console/joy")
        deadline_s = time.monotonic() + LIMIT_S
        while True:
            answer = self.cell.arm.call_async(Trigger.Request())
            self.spin(answer.done, "answer")
            if answer.result().success:
                break
            assert time.monotonic() < deadline_s, answer.result().message
        self.until(State.POLICY)
        return self

    @property
    def state(self):
        return self.cell.states[-1][1]

    @property
    def reason(self):
        return self.cell.states[-1][2]

    def until(self, state):
        self.spin(lambda: self.state is state, state.name)

    def story(self):
        """Return which states the gate was in, and why, one after the other."""
        told = [f"{state.name} ({reason.name})" for _, state, reason, _ in self.cell.states]
        return ", ".join(now for before, now in zip(["", *told], told, strict=False) if now != before)

    def spin(self, condition, what, limit_s=LIMIT_S):
        end_s = time.monotonic() + limit_s
        while not condition():
            page = self.page.state["lease"] if self.page is not None and self.page.state else None
            assert time.monotonic() < end_s, f"no {what} within {limit_s} s; {self.story()}; {page}"
            self.executor.spin_once(timeout_sec=0.02)

    def spin_until(self, condition, most_s):
        """Spin until the condition holds, or for so long."""
        end_s = time.monotonic() + most_s
        while not condition() and time.monotonic() < end_s:
            self.executor.spin_once(timeout_sec=0.02)

    def spin_for(self, duration_s):
        end_s = time.monotonic() + duration_s
        while time.monotonic() < end_s:
            self.executor.spin_once(timeout_sec=0.01)

    def close(self):
        if self.page is not None:
            self.page.close()
        if self.process is not None:
            self.process.kill()
            self.process.wait(5.0)
        self.executor.shutdown()
        for node in reversed(self._nodes):
            node.destroy_node()


def _parameters(values):
    return [Parameter(name, value=value) for name, value in values.items()]


def _gate(folder):
    """Return the gate's parameters; one thread plays all of it: only long silences mean something."""
    for name in ("keyboard", "scripted", "gamepad"):
        text = (CONFIG / "joysticks" / f"{name}.yaml").read_text()
        (folder / f"{name}.yaml").write_text(text.replace("_s: 0.25", "_s: 0.8"))
    values = yaml.safe_load((CONFIG / "nodes.yaml").read_text())["/**/expert_gate"]["ros__parameters"]
    files = {
        "robot_file": str(CONFIG / "robots" / "panda.yaml"),
        "joystick_file": str(folder / "gamepad.yaml"),
    }
    patience = {"joint_state_timeout_s": 4.0, "joint_state_lost_s": 10.0, "chunk_timeout_s": 4.0}
    return values | files | patience
