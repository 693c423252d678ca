"""The planner on real topics, and the gate that follows its plans."""

import re
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest
from drift_config.errors import ConfigError
from drift_control.gate.state import Reason, State
from drift_control.inputs import Chunk
from drift_control.planning.scene import Scene
from drift_control.planning.target import Joints, Named, TcpPose
from drift_control.robot.pose import Pose
from drift_core.task import load_task
from drift_interfaces.action import Home
from drift_interfaces.srv import Check, Plan
from drift_planner_node.ros.planners import PLANNERS, make_planner
from drift_ros.chunk_message import to_chunk_message
from drift_ros.clock import ros_s
from drift_sim.cell import build_mjcf
from drift_sim.headless import mujoco
from drift_sim.scenes import make_arm_scene
from std_srvs.srv import Trigger

from .conftest import CONFIG, POST


def contacts_with_the_post(robot, path):
    """Return how many contacts MuJoCo finds between the hull of the arm and the post along path (N, J)."""
    scene = make_arm_scene(load_task(CONFIG / "tasks" / "place.yaml"))
    root = ElementTree.fromstring(build_mjcf(robot, scene, (64, 64)))
    for geom in root.iterfind(".//geom[@class='seen']"):
        geom.set("contype", "2")
        geom.set("conaffinity", "2")
    low, high = np.array(POST["low_m"]), np.array(POST["high_m"])
    size, middle = (" ".join(map(str, values)) for values in ((high - low) / 2.0, (high + low) / 2.0))
    post = {"name": "post", "type": "box", "size": size, "pos": middle, "contype": "2", "conaffinity": "2"}
    ElementTree.SubElement(root.find("worldbody"), "geom", post)
    model = mujoco.MjModel.from_xml_string(ElementTree.tostring(root, "unicode"))
    data, found = mujoco.MjData(model), 0
    where = [model.joint(name).qposadr[0] for name in robot.config.joint_names]
    number = model.geom("post").id
    for q in path:
        data.qpos[where] = q
        mujoco.mj_forward(model, data)
        found += sum(number in contact.geom for contact in data.contact)
    return found


def test_straight_home_would_touch_the_post(robot, beside):
    assert contacts_with_the_post(robot, np.linspace(beside, robot.home, 100)) > 10


def test_the_gate_goes_home_around_the_post_without_touching_it(stage, robot):
    stage.start_planner()
    stage.start_gate()
    stage.spin(lambda: stage.gate._planner._planner.made, "planner/plan")
    result = stage.run_home()
    assert (result.error_code, result.error_msg) == (Home.Result.NONE, "at home")
    assert np.abs(stage.arm.q - robot.home).max() < 0.01
    assert contacts_with_the_post(robot, stage.arm.path) == 0
    assert Scene(robot).excess(np.array(stage.arm.path)).max() <= 0.0


def test_the_gate_goes_to_a_pose_of_the_tcp_and_to_joint_positions_with_the_hand_as_it_was(stage, robot):
    stage.start_planner()
    stage.start_gate()
    stage.arm.gripper_m = 0.03
    stage.spin(lambda: stage.gate._planner._planner.made, "planner/plan")
    pose = Pose(np.array([0.45, 0.1, 0.3]), robot.forward(robot.home).rotation)
    result = stage.run_home(TcpPose(pose))
    assert result.error_code == Home.Result.NONE, result.error_msg
    assert result.error_msg == "at the pose with the TCP at [0.45, 0.1, 0.3]"
    assert np.linalg.norm(robot.forward(stage.arm.q).position - pose.position) < 0.005
    assert contacts_with_the_post(robot, stage.arm.path) == 0
    near = stage.arm.q + 0.05
    assert stage.run_home(Joints(near)).error_code == Home.Result.NONE
    assert np.abs(stage.arm.q - near).max() < 0.01 and stage.arm.gripper_m == pytest.approx(0.03, abs=1e-3)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (Named("kitchen"), "name='kitchen' must be one of home"),
        (Joints(np.zeros(6)), "joints must be 7 finite numbers, got"),
        (Joints(np.full(7, 9.0)), "panda_joint1=9 must lie in ["),
    ],
)
def test_a_target_that_cannot_be_is_answered_with_no_way_and_nothing_moves(stage, beside, target, said):
    stage.start_gate()
    result = stage.run_home(target)
    assert result.error_code == Home.Result.NO_WAY and said in result.error_msg
    assert np.array_equal(stage.arm.q, beside)


def test_without_a_planner_the_arm_stands_and_the_answer_says_what_to_do(stage, beside):
    stage.start_gate()
    result = stage.run_home()
    assert result.error_code == Home.Result.NO_WAY
    assert result.error_msg.startswith("no way home: the arm would enter keep-out box post")
    assert "no planner is up: start the stack with planner:=ompl" in result.error_msg
    assert np.array_equal(stage.arm.q, beside)


def test_a_homing_that_is_cancelled_while_a_plan_is_made_ends_at_once_and_nothing_moves(stage, beside):
    planner = stage.start_planner()
    stage.start_gate()
    stage.spin(lambda: stage.gate._planner._planner.made, "planner/plan")
    planner._worker.run(lambda: time.sleep(1.0), lambda outcome: None)  # it is busy with something else
    goal = stage.arm.home.send_goal_async(Home.Goal())
    stage.spin(goal.done, "acceptance")
    stage.spin(lambda: stage.gate._tick.question is not None, "question")
    cancelled = goal.result().cancel_goal_async()
    stage.spin(cancelled.done, "cancellation")
    result = goal.result().get_result_async()
    stage.spin(result.done, "end of homing")
    assert result.result().result.error_msg == "homing cancelled"
    stage.spin(lambda: planner._counts["plans"] == 1, "plan that nobody wants")
    assert np.array_equal(stage.arm.q, beside)


def test_a_plan_to_joints_by_name_and_to_a_pose_is_a_trajectory_of_the_arm(stage, robot, beside):
    stage.start_planner()
    request = Plan.Request(start_rad=beside.tolist(), target=Plan.Request.NAMED, name="home", limit_s=10.0)
    answer = stage.call(stage.arm.plan, request)
    assert answer.error_code == Plan.Response.NONE, answer.error_msg
    assert list(answer.trajectory.joint_names) == list(robot.config.joint_names)
    points = np.array([list(point.positions) for point in answer.trajectory.points])
    assert np.array_equal(points[0], beside) and np.allclose(points[-1], robot.home)
    assert Scene(robot).way_objection(points) is None
    request.target = Plan.Request.POSE
    request.pose.position.x, request.pose.position.y, request.pose.position.z = 0.45, 0.1, 0.25
    request.pose.orientation.x, request.pose.orientation.w = 1.0, 0.0  # straight down
    end = list(stage.call(stage.arm.plan, request).trajectory.points[-1].positions)
    tcp = robot.forward(np.array(end))
    assert np.allclose(tcp.position, (0.45, 0.1, 0.25), atol=1e-4)
    assert np.allclose(tcp.rotation, np.diag((1.0, -1.0, -1.0)), atol=1e-3)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "kitchen"}, "name='kitchen' must be one of home"),
        ({"target": 7}, "target=7 must be NAMED"),
        ({"target": Plan.Request.POSE}, "out of reach"),
        ({"start_rad": [0.0, 1.0]}, "start must be 7 finite numbers"),
        ({"start_rad": [float("nan")] * 7}, "start must be 7 finite numbers"),
    ],
)
def test_what_cannot_be_planned_is_answered_in_words(stage, beside, changes, said):
    stage.start_planner()
    request = Plan.Request(**{"start_rad": beside.tolist(), "name": "home", "limit_s": 5.0} | changes)
    answer = stage.call(stage.arm.plan, request)
    assert answer.error_code == Plan.Response.NO_WAY and said in answer.error_msg


def test_poses_and_chunks_are_checked_and_the_first_that_touches_is_named(stage, robot, beside):
    stage.start_planner()
    between = np.linspace(beside, robot.home, 11)
    answer = stage.call(stage.arm.check, Check.Request(positions_rad=between.ravel().tolist()))
    assert not answer.free and 0 < answer.index < 10 and "keep-out box post" in answer.text
    fine = stage.call(stage.arm.check, Check.Request(positions_rad=robot.home.tolist()))
    assert fine.free and fine.index == -1 and fine.text == ""
    data = np.column_stack((between, np.full(11, 0.04)))
    chunk = Chunk(1, 1, 0.0, 0.1, data, "joint_position", 1, 0.0, 0.0)
    message = to_chunk_message(chunk, robot.config.base_frame, 1.0)
    same = stage.call(stage.arm.check, Check.Request(chunk=[message], start_rad=beside.tolist()))
    assert (same.free, same.index) == (False, answer.index)
    long = Chunk(1, 1, 0.0, 0.1, np.tile(data, (91, 1)), "joint_position", 1, 0.0, 0.0)  # 1001 steps
    long_message = to_chunk_message(long, robot.config.base_frame, 1.0)
    for wrong in (
        {},
        {"positions_rad": [0.0] * 6},
        {"chunk": [message], "start_rad": [0.0]},
        {"chunk": [long_message], "start_rad": beside.tolist()},
    ):
        assert stage.call(stage.arm.check, Check.Request(**wrong)).error_code == Check.Response.UNKNOWN


class Policy:
    """Sends a chunk every 0.3 s: rest for five seconds, then home through the post."""

    def __init__(self, stage, robot, beside):
        self.stage, self.robot, self.sent, self._next_s = stage, robot, 0, 0.0
        joints = np.concatenate((np.tile(beside, (5, 1)), np.linspace(beside, robot.home, 11)[1:]))
        self.data = np.column_stack((joints, np.full(15, 0.04)))
        stage.spin(stage.arm.arming.service_is_ready, "gate/arm")
        assert stage.call(stage.arm.arming, Trigger.Request()).success
        self.epoch = stage.gate._tick.epoch

    def __call__(self):
        now_s = ros_s(self.stage.arm.get_clock())
        if now_s >= self._next_s:
            self._next_s, self.sent = now_s + 0.3, self.sent + 1
            chunk = Chunk(self.sent, self.epoch, now_s, 1.0, self.data, "joint_position", 1, now_s, 0.0)
            self.stage.arm.chunks.publish(to_chunk_message(chunk, self.robot.config.base_frame, 1.0))
        return self.stage.gate._tick


def test_a_chunk_through_the_post_is_held_long_before_it_gets_there(stage, robot, beside):
    stage.start_planner()
    stage.start_gate(check_chunks=True)
    stage.spin(lambda: stage.gate._planner._checker.made, "planner/check")
    policy = Policy(stage, robot, beside)
    stage.spin(lambda: policy().reason is Reason.COLLISION, "hold")
    assert stage.gate._tick.state is State.HOLD
    assert re.match(r"step 5 of chunk \d+: the arm would enter keep-out box post", stage.gate._tick.text)
    assert np.abs(stage.arm.q - beside).max() < 0.01
    assert stage.gate._report().values["chunks_checked"] >= 1


def test_without_a_planner_chunks_are_executed_unchecked_and_counted(stage, robot, beside):
    stage.start_gate(check_chunks=True)
    policy = Policy(stage, robot, beside)
    stage.spin(lambda: policy().state is State.POLICY, "policy")
    figures = stage.gate._report().values
    assert figures["chunks_checked"] == 0 and figures["chunks_unchecked"] >= 1


@pytest.mark.parametrize(("planner", "package"), [("moveit_py", "moveit-py")])
def test_a_planner_without_its_package_is_refused_with_its_name(robot, planner, package):
    class Config:
        moveit_group, moveit_file = "", Path("moveit.yaml")

    class Node:
        def get_namespace(self):
            return "/"

    Config.planner = planner
    with pytest.raises(
        ConfigError, match=rf"planner={planner} needs .* \(Debian: ros-<distribution>-{package}\)"
    ):
        make_planner(Node(), Config(), Scene(robot))
    assert set(PLANNERS) == {"ompl", "move_group", "moveit_py"}
