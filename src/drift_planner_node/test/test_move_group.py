"""Planning by move_group over DDS, beside a stand-in for it that is faithful to its services."""

import time

import numpy as np
import pytest
from drift_control.planning.scene import Scene
from drift_control.robot.robot import load_robot
from drift_interfaces.action import Home
from drift_interfaces.srv import Check, Plan

from .conftest import CONFIG, POST


@pytest.fixture
def beside_move_group(moveit_messages, stage):
    """The nodes of a test with a planner that asks the stand-in."""
    from .move_group import MoveGroup

    stage.move_group = stage.add(MoveGroup(load_robot(CONFIG / "robots" / "panda.yaml"), "panda_arm"))
    stage.start_planner(planner="move_group")
    return stage


def asked_home(beside, limit_s=10.0):
    return Plan.Request(start_rad=beside.tolist(), target=Plan.Request.NAMED, name="home", limit_s=limit_s)


def test_the_gate_goes_home_by_move_groups_plan_around_what_the_planner_has_told_it(
    beside_move_group, robot, beside
):
    stage = beside_move_group
    stage.start_gate()
    stage.spin(lambda: stage.gate._planner._planner.made, "planner/plan")
    result = stage.run_home()
    assert (result.error_code, result.error_msg) == (Home.Result.NONE, "at home")
    assert Scene(robot).excess(np.array(stage.arm.path)).max() <= 0.0
    box = stage.move_group.objects["drift/post"]
    assert np.allclose((box.low_m, box.high_m), (POST["low_m"], POST["high_m"]))
    table = stage.move_group.objects["drift/table"]  # below the workspace, up to its height
    assert np.allclose((table.low_m, table.high_m), ((0.25, -0.4, -0.1), (0.7, 0.4, 0.0)))
    (request,) = stage.move_group.asked
    assert (request.group_name, request.start_state.is_diff) == ("panda_arm", True)
    assert 0.0 < request.allowed_planning_time < 5.0


def test_its_trajectory_comes_in_the_robots_order_of_joints_and_ends_at_the_target(
    beside_move_group, robot, beside
):
    answer = beside_move_group.call(beside_move_group.arm.plan, asked_home(beside))
    assert answer.error_code == Plan.Response.NONE, answer.error_msg
    points = np.array([list(point.positions) for point in answer.trajectory.points])
    assert len(points) > 5 and list(answer.trajectory.joint_names) == list(robot.config.joint_names)
    assert np.array_equal(points[0], beside) and np.allclose(points[-1], robot.home, atol=1e-12)
    assert np.abs(np.diff(points, axis=0)).max() < 0.11


def test_a_move_group_that_plans_through_the_post_is_not_believed(beside_move_group, beside):
    beside_move_group.move_group.blind = True
    answer = beside_move_group.call(beside_move_group.arm.plan, asked_home(beside))
    assert answer.error_code == Plan.Response.NO_WAY
    assert (
        "the guard would not let the arm go that way: the arm would enter keep-out box post"
        in answer.error_msg
    )


def test_a_failure_is_said_with_its_code(beside_move_group, beside):
    beside_move_group.move_group._group = "manipulator"
    answer = beside_move_group.call(beside_move_group.arm.plan, asked_home(beside))
    assert (answer.error_code, answer.error_msg) == (Plan.Response.NO_WAY, "MoveIt: FAILURE (99999)")


def test_what_touches_in_move_groups_scene_is_named(beside_move_group, robot, beside):
    stage = beside_move_group
    fine = stage.call(stage.arm.check, Check.Request(positions_rad=[*robot.home, *beside], limit_s=5.0))
    assert fine.error_code == Check.Response.NONE and fine.free
    scene = stage.planner._scene
    scene.objection = lambda q: None  # only move_group sees it
    middle = [*beside, *((robot.home + beside) / 2.0)]
    found = stage.call(stage.arm.check, Check.Request(positions_rad=middle, limit_s=5.0))
    assert (found.free, found.index, found.text) == (False, 1, "panda_hand would touch drift/post")


def test_without_a_move_group_the_answer_names_the_service_and_what_to_do(moveit_messages, stage, beside):
    stage.start_planner(planner="move_group")
    start_s = time.monotonic()
    answer = stage.call(stage.arm.plan, asked_home(beside, limit_s=1.0))
    assert time.monotonic() - start_s < 5.0
    assert answer.error_code == Plan.Response.NO_WAY
    assert answer.error_msg.endswith("start the robot's move_group, or planner:=ompl")
    assert "nobody serves apply_planning_scene" in answer.error_msg


def test_a_move_group_that_does_not_answer_costs_no_more_than_the_limit(beside_move_group, beside):
    stage = beside_move_group
    stage.spin(lambda: stage.planner._planner._servers[stage.planner._planner._apply].made, "move_group")
    stage.executor.remove_node(stage.move_group)  # it hangs
    start_s = time.monotonic()
    answer = stage.call(stage.arm.plan, asked_home(beside, limit_s=1.0))
    assert 0.9 < time.monotonic() - start_s < 5.0
    assert "no answer of apply_planning_scene in time" in answer.error_msg
