"""A gate, a planner and an arm that follows, with a post between the arm and its home."""

import time
from pathlib import Path

import numpy as np
import pytest
import yaml
from drift_control.planning.target import HOME
from drift_control.robot import ik
from drift_control.robot.pose import Pose
from drift_control.robot.robot import load_robot
from drift_interfaces.action import Home
from drift_interfaces.msg import ActionChunk, GateState
from drift_interfaces.srv import Check, Plan
from drift_planner_node.ros.node import PlannerNode
from drift_ros import qos
from drift_ros.gate_messages import to_joint_state
from drift_ros.target_message import put_target
from drift_ros.testing.real_arms import message_packages
from expert_gate_node.ros.node import ExpertGateNode
from rclpy.action import ActionClient
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray
from std_srvs.srv import Trigger

CONFIG = Path(__file__).resolve().parents[3] / "config"
LIMIT_S = 15.0  # discovery may take seconds
POST = {"name": "post", "low_m": [0.42, -0.21, 0.0], "high_m": [0.55, -0.19, 0.45]}


@pytest.fixture(scope="session")
def robot_file(tmp_path_factory):
    """The Panda with a post to its right, and with fingers that may be silent for 2 s."""
    folder = tmp_path_factory.mktemp("config")
    (folder / "robots").mkdir()
    (folder / "grippers").mkdir()
    hand = (CONFIG / "grippers" / "parallel_hand.yaml").read_text()
    (folder / "grippers" / "parallel_hand.yaml").write_text(hand + "state_timeout_s: 2.0\n")
    content = yaml.safe_load((CONFIG / "robots" / "panda.yaml").read_text())
    content["workspace"]["keep_out"] = [POST]
    file = folder / "robots" / "panda.yaml"
    file.write_text(yaml.safe_dump(content))
    return file


@pytest.fixture(scope="session")
def robot(robot_file):
    return load_robot(robot_file)


@pytest.fixture(scope="session")
def beside(robot):
    """Joint positions beyond the post, seen from home."""
    pose = Pose(np.array([0.40, -0.38, 0.2]), robot.forward(robot.home).rotation)
    return ik.solve(robot, pose, robot.home, 200).q


def parameters(name, **changes):
    section = yaml.safe_load((CONFIG / "nodes.yaml").read_text())[f"/**/{name}"]["ros__parameters"]
    return [Parameter(key, value=value) for key, value in (section | changes).items()]


class Arm(Node):
    """Goes where it is told, says where it is at 100 Hz, and asks for what tests want."""

    def __init__(self, robot, q):
        super().__init__("arm")
        self.robot, self.q, self.path, self.gripper_m = robot, q.copy(), [], 0.04
        self.states = []
        self.joints = self.create_publisher(JointState, "joint_states", qos.JOINT_STATES)
        self.create_subscription(Float64MultiArray, "command", self._on_command, qos.COMMAND)
        self.create_subscription(Float64MultiArray, "gripper_command", self._on_gripper, qos.COMMAND)
        self.create_subscription(GateState, "gate/state", self.states.append, qos.LATCHED)
        self.home = ActionClient(self, Home, "gate/home")
        self.arming = self.create_client(Trigger, "gate/arm")
        self.chunks = self.create_publisher(ActionChunk, "action_chunk", qos.COMMAND)
        self.plan = self.create_client(Plan, "planner/plan")
        self.check = self.create_client(Check, "planner/check")
        self.create_timer(0.01, self._on_timer)

    def _on_command(self, msg):
        self.q = np.array(msg.data)

    def _on_gripper(self, msg):
        self.gripper_m = float(sum(msg.data))

    def _on_timer(self):
        config = self.robot.config
        names = [*config.joint_names, *config.gripper.joints]
        positions = [*self.q, *config.gripper.positions(self.gripper_m)]
        self.joints.publish(to_joint_state(names, positions, self.get_clock().now().to_msg()))


class Stage:
    """The nodes of one test, in one executor."""

    def __init__(self, robot_file, robot, q):
        self._file, self._nodes, self.executor = robot_file, [], SingleThreadedExecutor()
        self.arm = self.add(Arm(robot, q))

    def add(self, node):
        self._nodes.append(node)
        self.executor.add_node(node)
        return node

    def start_gate(self, **changes):
        # one thread plays arm and gate here, beside the planner's: only long silences mean something
        patience = {"joint_state_timeout_s": 1.0, "joint_state_lost_s": 5.0, "tracking_error_time_s": 2.0}
        joystick = str(CONFIG / "joysticks" / "keyboard.yaml")
        told = parameters(
            "expert_gate", robot_file=str(self._file), joystick_file=joystick, **patience, **changes
        )
        self.gate = self.add(ExpertGateNode(parameter_overrides=told))
        send = self.gate._out.arm

        def command(q, *rest):
            self.arm.path.append(q.copy())
            send(q, *rest)

        self.gate._out.arm = command
        self.spin(lambda: self.gate._tick is not None and self.gate._tick.command is not None, "joint states")

    def start_planner(self, **changes):
        moveit = str(CONFIG / "moveit" / "moveit_py.yaml")
        told = parameters("planner", robot_file=str(self._file), moveit_file=moveit, **changes)
        self.planner = self.add(PlannerNode(parameter_overrides=told))
        return self.planner

    def spin(self, condition, what, limit_s=LIMIT_S):
        end_s = time.monotonic() + limit_s
        while not condition():
            said = self.arm.states[-1].text if self.arm.states else ""
            assert time.monotonic() < end_s, f"no {what} within {limit_s} s; {said}"
            self.executor.spin_once(timeout_sec=0.05)

    def call(self, client, request, limit_s=LIMIT_S):
        self.spin(client.service_is_ready, "service")
        future = client.call_async(request)
        self.spin(future.done, "answer", limit_s)
        return future.result()

    def run_home(self, target=HOME):
        self.spin(self.arm.home.server_is_ready, "action server")
        goal = self.arm.home.send_goal_async(put_target(Home.Goal(), target))
        self.spin(goal.done, "acceptance")
        result = goal.result().get_result_async()
        self.spin(result.done, "end of homing", limit_s=40.0)
        return result.result().result

    def close(self):
        self.executor.shutdown()
        self.arm.home.destroy()
        for node in reversed(self._nodes):
            node.destroy_node()


@pytest.fixture
def stage(ros, robot_file, robot, beside):
    stage = Stage(robot_file, robot, beside)
    yield stage
    stage.close()


@pytest.fixture
def moveit_messages():
    """The messages of MoveIt: the distribution's, or of our own definition."""
    with message_packages():
        yield
