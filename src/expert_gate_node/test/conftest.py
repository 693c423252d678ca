"""The gate beside an arm, a joystick and a policy that the test plays."""

import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import yaml
from action_msgs.msg import GoalStatusArray
from drift_control.inputs import Chunk
from drift_control.robot.robot import load_robot
from drift_control.teleop.joystick import load_joystick
from drift_interfaces.action import Home
from drift_interfaces.msg import ActionChunk, ArmState, GateState, Step
from drift_ros import qos
from drift_ros.chunk_message import to_chunk_message
from drift_ros.clock import ros_s
from drift_ros.gate_messages import to_joint_state, to_joy_message
from drift_ros.testing.real_arms import message_packages, variables
from expert_gate_node.ros.node import ExpertGateNode
from rclpy.action import ActionClient
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import qos_profile_action_status_default
from real_stage import RealStage
from sensor_msgs.msg import JointState, Joy
from std_msgs.msg import Float64MultiArray
from std_srvs.srv import Trigger

CONFIG = Path(__file__).resolve().parents[3] / "config"
_FOLDER = tempfile.TemporaryDirectory(prefix="drift-joysticks-")  # removed at the end
FILES = Path(_FOLDER.name)
LIMIT_S = 15.0  # discovery may take seconds


def patient(name: str) -> Path:
    """Return a copy of a joystick's file that takes only a long silence for a loss."""
    file = FILES / f"{name}.yaml"
    text = (CONFIG / "joysticks" / f"{name}.yaml").read_text()
    file.write_text(text.replace("_s: 0.25", "_s: 1.0"))
    return file


def patient_robot() -> Path:
    """Return a copy of the robot's file whose fingers may be silent for 2 s."""
    for folder, name in (("robots", "panda"), ("grippers", "parallel_hand")):
        (FILES / folder).mkdir(exist_ok=True)
        (FILES / folder / f"{name}.yaml").write_text((CONFIG / folder / f"{name}.yaml").read_text())
    with (FILES / "grippers" / "parallel_hand.yaml").open("a") as file:
        file.write("state_timeout_s: 2.0\n")
    return FILES / "robots" / "panda.yaml"


def gate_parameters(**changes) -> dict[str, object]:
    """Return the gate's parameters as config/nodes.yaml has them, with the files that launch adds."""
    values = yaml.safe_load((CONFIG / "nodes.yaml").read_text())["/**/expert_gate"]["ros__parameters"]
    files = {
        "robot_file": str(CONFIG / "robots" / "panda.yaml"),
        "joystick_file": str(patient("keyboard")),
    }
    patient("scripted")
    # one thread plays arm, joystick and gate here, beside other work: only long silences mean something
    patience = {"joint_state_timeout_s": 1.0, "joint_state_lost_s": 5.0}
    return values | files | patience | changes


class World(Node):
    """An arm that does what it is told (joint states at 100 Hz), a joystick at 50 Hz, and a listener."""

    def __init__(self):
        super().__init__("world")
        self.robot = load_robot(CONFIG / "robots" / "panda.yaml")
        self.joystick = load_joystick(CONFIG / "joysticks" / "keyboard.yaml")
        self.q, self.gripper_m = self.robot.home.copy(), 0.04
        self.alive = True  # publishes joint states
        self.finger_rate_hz, self.finger_turn = None, 0.0  # messages of their own; None: with the arm's
        self.arm_state = None  # ready, protective_stop: None where the arm does not say
        self.push(enabled=False)  # what the joystick says, by the message's number
        self.count, self.marked = 0, []  # messages, services that the gate has called
        self.mark_refusal = ""
        self.commands, self.openings, self.states, self.steps, self.previews = [], [], [], [], []
        self.joints = self.create_publisher(JointState, "joint_states", qos.JOINT_STATES)
        self.joy = self.create_publisher(Joy, "joy", qos.JOY)
        self.arm_states = self.create_publisher(ArmState, "arm_state", qos.LATCHED)
        self.chunk = self.create_publisher(ActionChunk, "action_chunk", qos.COMMAND)
        self.listener = self.create_subscription(Float64MultiArray, "command", self._on_command, qos.COMMAND)
        self.create_subscription(Float64MultiArray, "command_preview", self.previews.append, qos.COMMAND)
        self.create_subscription(Float64MultiArray, "gripper_command", self.openings.append, qos.COMMAND)
        self.create_subscription(GateState, "gate/state", self.states.append, qos.LATCHED)
        self.create_subscription(Step, "gate/step", self.steps.append, qos.PROVENANCE)
        self.arm = self.create_client(Trigger, "gate/arm")
        self.stop = self.create_client(Trigger, "gate/stop")
        self.home = ActionClient(self, Home, "gate/home")
        self.trainer = self.create_publisher(
            GoalStatusArray, "trainer/run_episode/_action/status", qos_profile_action_status_default
        )
        self.trainer.publish(GoalStatusArray())
        for name in ("mark_success", "mark_failure", "start_episode", "end_episode"):
            self.create_service(Trigger, f"trainer/{name}", partial(self._on_mark, name))
        self.create_timer(0.01, self._on_joint_timer)
        self.create_timer(0.02, self._on_joy_timer)
        self.create_timer(0.05, self._on_arm_state_timer)

    def _on_command(self, msg):
        self.q = np.array(msg.data)
        self.commands.append(self.q)

    def _on_mark(self, name, request, response):
        self.marked.append(name)
        response.success, response.message = not self.mark_refusal, self.mark_refusal
        return response

    def _on_joint_timer(self):
        if not self.alive:
            return
        stamp, fingers = self.get_clock().now().to_msg(), np.full(2, self.gripper_m / 2)
        arm_names, finger_names = [*self.robot.config.joint_names], [*self.robot.config.gripper.joints]
        if self.finger_rate_hz is None:
            positions = np.concatenate([self.q, fingers])
            self.joints.publish(to_joint_state(arm_names + finger_names, positions, stamp))
            return
        self.joints.publish(to_joint_state(arm_names, self.q, stamp))
        self.finger_turn += self.finger_rate_hz / 100.0
        if self.finger_turn >= 1.0:
            self.finger_turn -= 1.0
            self.joints.publish(to_joint_state(finger_names, fingers, stamp))

    def _on_joy_timer(self):
        self.count += 1
        axes, buttons = self.stick(self.count)
        self.joy.publish(to_joy_message(axes, buttons, self.get_clock().now().to_msg()))

    def _on_arm_state_timer(self):
        if self.arm_state is not None:
            ready, stopped = self.arm_state
            self.arm_states.publish(ArmState(ready=ready, protective_stop=stopped, speed_scale=1.0))

    def push(self, linear_m_s=(0.0, 0.0, 0.0), enabled=True, pressed=frozenset()):
        """Hold the stick like this from now on."""
        self.stick = lambda count: self.joystick.encode(
            enabled, linear_m_s, (0.0, 0.0, 0.0), 0.0, pressed=pressed, count=count
        )

    def send_chunk(self, number, epoch, offset_rad=0.0):
        """Publish a second of joint set-points at the present pose plus `offset_rad` of joint 1."""
        now_s = ros_s(self.get_clock())
        q = self.q.copy()
        q[0] += offset_rad
        data = np.tile([*q, self.gripper_m], (10, 1))
        chunk = Chunk(number, epoch, now_s, 0.1, data, "joint_position", 5, now_s, 0.0)
        self.chunk.publish(to_chunk_message(chunk, self.robot.config.base_frame, 1.0))

    @property
    def state(self):
        return self.states[-1] if self.states else GateState(state=255)


class Stage:
    """A world and, once started, a gate in the same executor."""

    config_folder, files = CONFIG, FILES
    parameters = staticmethod(gate_parameters)

    def __init__(self):
        self.world, self.gate, self.executor = World(), None, SingleThreadedExecutor()
        self.neighbours = []
        self.sent = []  # every command (J,) of the gate
        self.executor.add_node(self.world)

    def start(self, *remaps, **changes):
        parameters = [Parameter(name, value=value) for name, value in gate_parameters(**changes).items()]
        words = [word for old, new in remaps for word in ("-r", f"{old}:={new}")]
        cli = ["--ros-args", *words] if words else None
        self.gate = ExpertGateNode(parameter_overrides=parameters, cli_args=cli)
        self._record(self.gate._out)
        self.executor.add_node(self.gate)
        self.spin(lambda: self.world.states, "gate/state")
        return self

    def _record(self, out):
        """Keep every command: a listener with depth 1 may miss some."""
        send = out.arm

        def command(positions_rad, *others):
            self.sent.append(positions_rad.copy())
            send(positions_rad, *others)

        out.arm = command

    def spin(self, condition, what, limit_s=LIMIT_S):
        end_s = time.monotonic() + limit_s
        while not condition():
            state = self.world.state
            assert time.monotonic() < end_s, f"no {what} within {limit_s} s; {state.state} {state.text}"
            self.executor.spin_once(timeout_sec=0.05)

    def spin_for(self, duration_s):
        end_s = time.monotonic() + duration_s
        while time.monotonic() < end_s:
            self.executor.spin_once(timeout_sec=0.01)

    def call(self, client):
        self.spin(client.service_is_ready, "service")
        future = client.call_async(Trigger.Request())
        self.spin(future.done, "answer")
        return future.result()

    def run_home(self):
        self.spin(self.world.home.server_is_ready, "action server")
        goal = self.world.home.send_goal_async(Home.Goal())
        self.spin(goal.done, "acceptance")
        result = goal.result().get_result_async()
        self.spin(result.done, "end of homing", limit_s=30.0)
        return result.result().result

    def neighbour(self, name):
        """Return another node, spun with the rest."""
        self.neighbours.append(Node(name))
        self.executor.add_node(self.neighbours[-1])
        return self.neighbours[-1]

    def sees_the_arm(self):
        self.spin(lambda: self.world.steps and len(self.world.steps[-1].measured), "joint state")
        return self

    def armed(self):
        self.sees_the_arm()
        if self.gate is not None:
            self.spin(lambda: not self.gate._out.controller.objection(), "controller")
        self.spin(self.world.joy.get_subscription_count, "subscription of joy")
        count = self.world.count
        self.spin(lambda: self.world.count > count + 5, "joystick at rest")
        assert self.call(self.world.arm).success
        return self

    def close(self):
        self.executor.shutdown()
        if self.gate is not None:
            self.gate.destroy_node()
        for node in self.neighbours:
            node.destroy_node()
        self.world.home.destroy()
        self.world.destroy_node()


@pytest.fixture(name="patient_robot")
def _patient_robot():
    return patient_robot()


@pytest.fixture(name="gate_parameters")
def _gate_parameters():
    """The function above, for tests with another arm beside the gate."""
    return gate_parameters


@pytest.fixture
def stage(ros):
    stage = Stage()
    yield stage
    stage.close()


@pytest.fixture
def real_stage(ros, gate_parameters, monkeypatch):
    """Beside the messages of real arms, which what the gate starts has as well."""
    for name, value in variables().items():
        monkeypatch.setenv(name, value)
    with message_packages():
        stage = RealStage(gate_parameters)
        yield stage
        stage.close()
