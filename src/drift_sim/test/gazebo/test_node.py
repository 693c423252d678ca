"""The node `sim` beside a stand-in for ros_gz_bridge: poses at 50 Hz, and the service set_pose."""

import math
import time
from importlib import import_module

import numpy as np
import pytest
from drift_control.robot.pose import Pose
from drift_interfaces.msg import Outcome
from drift_interfaces.srv import ResetTask
from drift_sim.ros.gazebo_things import GazeboThings
from drift_sim.ros.judgement import to_pose_message
from geometry_msgs.msg import PoseStamped
from mirror_bench import StandIn, mirror_bench


class Bridge(StandIn):
    """What the bridge shows of a Gazebo."""

    def __init__(self, things, robot):
        super().__init__("gazebo_bridge", things, robot)
        srv = import_module("ros_gz_interfaces.srv")
        self.create_service(srv.SetEntityPose, "/world/place/set_pose", self._on_set_pose)
        self._poses = {name: self.create_publisher(PoseStamped, f"gazebo/{name}/pose", 10) for name in things}

    def show(self, stamp):
        for name, pose in self.things.items():
            message = PoseStamped(pose=to_pose_message(pose))
            message.header.stamp = stamp
            self._poses[name].publish(message)

    def _on_set_pose(self, request, response):
        self.asked.append((request.entity.name, request.entity.type))
        self.move(request.entity.name, request.pose.position)
        response.success = self.answer
        return response


@pytest.fixture
def bench(ros, robots, config_folder):
    with mirror_bench(robots["ur5e"], config_folder, GazeboThings, Bridge) as bench:
        yield bench


def test_a_reset_moves_both_things_in_gazebo_and_is_over_when_they_are_seen_there(bench):
    bench.until(lambda: bench.heard.truth is not None)
    first = bench.heard.truth.poses[0].position
    answer = bench.reset(11)
    assert (answer.error_code, answer.error_msg) == (ResetTask.Response.NONE, "")
    assert sorted(bench.stand_in.asked) == [("goal", 2), ("object", 2)]  # 2: MODEL
    wanted = bench.stand_in.things["object"].position
    bench.until(lambda: math.isclose(bench.heard.truth.poses[0].position.x, wanted[0], abs_tol=1e-9))
    assert not math.isclose(first.x, wanted[0], abs_tol=1e-3)
    bench.until(lambda: bench.heard.outcome is not None and bench.heard.outcome.seed == 11)
    assert bench.heard.outcome.result == Outcome.RUNNING


def test_a_box_that_rests_on_the_goal_is_a_success_and_the_next_reset_begins_anew(bench):
    assert bench.reset(11).error_code == ResetTask.Response.NONE
    goal = bench.stand_in.things["goal"].position
    bench.stand_in.things["object"] = Pose(goal + [0.0, 0.0, 0.02], np.eye(3))
    bench.until(lambda: bench.heard.outcome.result == Outcome.SUCCESS)
    assert (bench.heard.outcome.judged_by, bench.heard.outcome.seed) == (Outcome.BY_SIMULATION, 11)
    assert bench.heard.outcome.score == 1.0
    reset_at = bench.heard.outcome.reset_at
    assert bench.reset(12).error_code == ResetTask.Response.NONE
    bench.until(lambda: (bench.heard.outcome.result, bench.heard.outcome.seed) == (Outcome.RUNNING, 12))
    assert bench.heard.outcome.score == 0.0 and bench.heard.outcome.reset_at != reset_at


def test_a_reset_that_gazebo_refuses_or_does_not_do_is_said_with_the_thing(bench):
    bench.stand_in.answer = False
    answer = bench.reset(11)
    assert answer.error_code == ResetTask.Response.NOT_MOVED
    assert answer.error_msg in (f"/world/place/set_pose of {name} was refused" for name in ("object", "goal"))
    bench.stand_in.answer, bench.stand_in.obeys = True, False
    answer = bench.reset(12)
    assert answer.error_code == ResetTask.Response.NOT_MOVED
    assert answer.error_msg == "not seen where it shall be within 2 s: object, goal"
    bench.stand_in.obeys = True
    assert bench.reset(12).error_code == ResetTask.Response.NONE


def test_without_poses_it_says_what_is_missing_and_judges_nothing(bench):
    bench.until(lambda: bench.heard.truth is not None)
    bench.stand_in.publishing = False
    bench.until(lambda: "no pose of object, goal" in bench.sim._report().message)
    bench.heard.truth = None
    limit_s = time.monotonic() + 0.2
    bench.until(lambda: time.monotonic() > limit_s)
    assert bench.heard.truth is None
