"""Where the arm shall go, as a message."""

import numpy as np
import pytest
from drift_control.planning.planner import NoWay
from drift_control.planning.target import HOME, Joints, Named, TcpPose
from drift_control.robot.pose import Pose
from drift_interfaces.action import Home
from drift_interfaces.srv import Plan
from drift_ros.target_message import put_target, to_target
from geometry_msgs.msg import Point, Quaternion
from geometry_msgs.msg import Pose as PoseMessage

MESSAGES = [Home.Goal, Plan.Request]


@pytest.mark.parametrize("message", MESSAGES)
def test_a_message_that_says_nothing_means_home(message):
    assert to_target(message()) == HOME


@pytest.mark.parametrize("message", MESSAGES)
def test_names_and_joint_positions_come_back_as_they_were(message):
    assert to_target(put_target(message(), Named("shelf"))) == Named("shelf")
    assert to_target(put_target(message(), Joints(np.array([0.1, -2.0])))).q.tolist() == [0.1, -2.0]


@pytest.mark.parametrize("message", MESSAGES)
def test_a_quarter_turn_about_x_is_a_quaternion_with_halves_of_the_root_of_two(message):
    turn = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    msg = put_target(message(), TcpPose(Pose(np.array([0.4, 0.1, 0.2]), turn)))
    q = msg.pose.orientation
    assert [q.x, q.y, q.z, q.w] == pytest.approx([np.sqrt(0.5), 0, 0, np.sqrt(0.5)])
    pose = to_target(msg).pose
    assert pose.position.tolist() == [0.4, 0.1, 0.2] and np.allclose(pose.rotation, turn)


@pytest.mark.parametrize("diagonal", [(1, -1, -1), (-1, 1, -1), (-1, -1, 1), (1, 1, 1)])
def test_half_turns_and_none_keep_their_rotation(diagonal):
    target = TcpPose(Pose(np.zeros(3), np.diag(diagonal).astype(float)))
    assert np.allclose(to_target(put_target(Home.Goal(), target)).pose.rotation, np.diag(diagonal))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"target": 7}, r"target=7 must be NAMED \(0\), JOINTS \(1\) or POSE \(2\)"),
        ({"target": 2, "pose": PoseMessage(orientation=Quaternion(w=0.0))}, "pose: quaternion"),
        (
            {"target": 2, "pose": PoseMessage(position=Point(x=float("nan")))},
            r"pose: position=\[nan, 0.0, 0.0\] must be finite",
        ),
    ],
)
def test_what_is_no_target_is_refused_by_name(changes, said):
    with pytest.raises(NoWay, match=said):
        to_target(Home.Goal(**changes))
