"""Homing where the straight way is not free: a plan is awaited at rest, and followed through the guard."""

from dataclasses import replace

import numpy as np
import pytest
from drift_control.gate.state import Reason, State
from drift_control.inputs import PlanAnswer
from drift_control.planning.plan import make_plan
from drift_control.planning.planner import NoWay
from drift_control.planning.planners.ompl import OmplPlanner
from drift_control.planning.target import HOME, Joints, Named, TcpPose
from drift_control.planning.targets import check_target
from drift_control.robot.pose import Pose
from drift_control.robot.robot import Robot
from drift_control.sources.route import ROUNDED_RAD, Route

from .conftest import above, with_boxes


@pytest.fixture
def bench(new_bench, posted, beside):
    bench = new_bench(posted)
    bench.q = beside.copy()
    bench.tick()
    return bench


def answer(scene, question):
    planner = OmplPlanner(scene, seed=1)
    rng = np.random.default_rng(1)
    plan = make_plan(planner, scene, question.start, question.target, question.limit_s, rng)
    return PlanAnswer(question.id, plan.points)


def run_until_over(bench, plan=None, limit_s=25.0, target=None):
    """Home, and return the ticks from the request to the end; `plan` is handed in as the answer."""
    first = len(bench.ticks)
    tick = bench.tick(home=True, target=target)
    while tick.state is State.HOMING and len(bench.ticks) - first < limit_s * bench.config.rate_hz:
        tick = bench.tick(plan=plan(tick.question) if plan and tick.question else None)
    return bench.ticks[first:]


def test_the_arm_goes_home_around_the_post_within_the_guards_rules(bench, scene, posted):
    ticks = run_until_over(bench, lambda question: answer(scene, question))
    assert ticks[-1].text == "at home" and np.abs(bench.q - posted.home).max() < 0.002
    q = np.array([tick.command for tick in ticks])
    assert scene.excess(q).max() <= 0.0


def test_until_the_plan_comes_the_arm_stands_and_says_what_is_in_the_way(bench, scene, beside):
    tick = bench.tick(home=True)
    tick = bench.run(1.0)
    assert tick.state is State.HOMING and np.array_equal(tick.command, beside)
    assert "a way around is planned: the arm would enter keep-out box post" in tick.text
    assert tick.question.id == 1 and np.array_equal(tick.question.start, beside)
    stopped = bench.tick(stop=True)
    assert (stopped.state, stopped.reason) == (State.HOLD, Reason.STOP_REQUESTED)
    late = bench.tick(plan=answer(scene, tick.question))
    assert late.question is None and late.state is State.HOLD
    bench.run(0.5)
    assert np.array_equal(bench.q, beside)


def test_without_an_answer_homing_ends_after_six_seconds_and_nothing_has_moved(bench, beside):
    ticks = run_until_over(bench)
    assert len(ticks) == pytest.approx(6.0 * 50, abs=4)  # plan_limit_s and a second
    assert (ticks[-1].state, ticks[-1].reason) == (State.HOLD, Reason.NO_WAY)
    assert ticks[-1].text.startswith("no way home: the arm would enter keep-out box post")
    assert "no answer of planner/plan within 6 s" in ticks[-1].text
    assert np.array_equal(bench.q, beside)


@pytest.mark.parametrize(
    ("points", "said"),
    [
        (None, "no planner is up"),
        (lambda q: PlanAnswer(q.id, np.zeros((2, 3))), "finite numbers"),
        (lambda q: PlanAnswer(q.id, np.array((q.start, q.target.q + np.nan))), "finite numbers"),
        (lambda q: PlanAnswer(q.id, np.array((q.target.q,) * 2)), "does not lead from the arm to home"),
    ],
)
def test_an_answer_that_is_no_way_home_ends_homing_at_once(bench, beside, points, said):
    ticks = run_until_over(bench, points or (lambda q: PlanAnswer(q.id, None, "no planner is up")))
    assert len(ticks) < 5 and said in ticks[-1].text and ticks[-1].state is State.HOLD
    assert np.array_equal(bench.q, beside)


def test_to_joint_positions_the_arm_goes_straight_and_the_hand_stays_as_it_is(bench, beside):
    bench.gripper_m = 0.03
    target = beside + 0.1 * np.eye(len(beside))[-1]
    ticks = run_until_over(bench, target=Joints(target))
    assert ticks[-1].text.startswith("at joint positions [") and ticks[-1].question is None
    assert np.abs(bench.q - target).max() < 0.002 and bench.gripper_m == pytest.approx(0.03)
    assert ticks[0].target_distance_rad == pytest.approx(0.1, abs=0.01)


def test_home_after_another_target_is_home_again(bench, scene, posted, beside):
    run_until_over(bench, target=Joints(beside + 0.05 * np.eye(len(beside))[-1]))
    ticks = run_until_over(bench, lambda question: answer(scene, question), target=HOME)
    assert ticks[-1].text == "at home" and np.abs(bench.q - posted.home).max() < 0.002


def test_to_a_pose_by_name_the_arm_goes_around_the_post(new_bench, posted, scene, beside):
    bench = new_bench(Robot(replace(posted.config, poses_rad={"shelf": tuple(beside.tolist())})))
    bench.tick()
    ticks = run_until_over(bench, lambda question: answer(scene, question), target=Named("shelf"))
    assert ticks[-1].text == "at shelf" and np.abs(bench.q - beside).max() < 0.002
    assert scene.excess(np.array([tick.command for tick in ticks])).max() <= 0.0


def test_a_pose_of_the_tcp_is_reached_within_a_millimetre_by_a_planners_way_alone(new_bench, posted, scene):
    bench = new_bench(posted)
    bench.tick()
    there = posted.forward(posted.home)
    pose = Pose(there.position + np.array([0.02, 0.05, -0.06]), there.rotation)
    ticks = run_until_over(bench, lambda question: answer(scene, question), target=TcpPose(pose))
    assert ticks[-1].text.startswith("at the pose with the TCP at [") and ticks[0].target_distance_rad == -1.0
    assert np.linalg.norm(posted.forward(bench.q).position - pose.position) < 0.002
    nobody = run_until_over(bench, target=TcpPose(there))
    assert nobody[-1].text.startswith("no way to the pose with the TCP at ")
    assert "no answer of planner/plan" in nobody[-1].text and nobody[-1].reason is Reason.NO_WAY


def test_a_way_that_ends_away_from_the_pose_is_not_followed(bench, posted, beside):
    pose = posted.forward(posted.home)
    ticks = run_until_over(
        bench, lambda q: PlanAnswer(q.id, np.array((q.start, q.start + 0.01))), target=TcpPose(pose)
    )
    assert "does not lead from the arm to the pose" in ticks[-1].text and np.array_equal(bench.q, beside)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (Named("kitchen"), "name='kitchen' must be one of home "),
        (Joints(np.zeros(3)), "finite numbers, got [0.0, 0.0, 0.0]"),
        (Joints(np.full(3, np.nan)), "finite numbers, got [nan, nan, nan]"),
    ],
)
def test_a_target_that_cannot_be_is_refused_by_name(scene, target, said):
    with pytest.raises(NoWay) as error:
        check_target(scene, target)
    assert said in str(error.value)


def test_a_target_beyond_a_joint_limit_or_in_the_post_is_refused(scene, posted):
    beyond = posted.home.copy()
    beyond[1] = posted.high[1] + 0.5
    with pytest.raises(NoWay, match=rf"{posted.config.joint_names[1]}=.* must lie in \["):
        check_target(scene, Joints(beyond))
    inside = above(posted, 0.48, -0.20, 0.2)
    with pytest.raises(NoWay, match="the target is not free: .*post"):
        check_target(scene, Joints(inside))
    check_target(scene, HOME)


def test_a_way_through_the_post_is_stopped_by_the_guard(bench, scene):
    ticks = run_until_over(bench, lambda q: PlanAnswer(q.id, np.array((q.start, q.target.q))))
    assert (ticks[-1].state, ticks[-1].reason) == (State.HOLD, Reason.COLLISION)
    bench.run(1.0)
    assert scene.excess(np.array([tick.command for tick in bench.ticks])).max() <= 0.0


def test_the_answer_to_an_older_question_counts_for_nothing(bench, scene, beside):
    old = bench.tick(home=True).question or bench.tick().question
    bench.tick(stop=True)
    bench.tick(home=True)
    tick = bench.tick(plan=answer(scene, old))
    assert tick.question.id == 2 and tick.state is State.HOMING
    assert np.array_equal(bench.run(0.2).command, beside)


def test_at_corners_no_joint_strays_from_the_lines_by_more_than_it_may(new_bench, panda):
    bench = new_bench(with_boxes(panda))
    side = np.eye(7)
    corners = panda.home + np.array(
        (0 * side[0], 0.4 * side[0], 0.4 * side[0] + 0.3 * side[2], 0.2 * side[4])
    )
    loop, q = bench.loop, []
    bench.q = corners[0]
    bench.tick(arm=True)
    route = Route(panda, corners, bench.config.tracking_gain_1_s, 0.5, bench.config.dt_s)
    for _ in range(600):
        arm = loop._commanded.arm
        motion, _, verdict = loop.guard.step(arm.motion, route.velocity(arm), arm.jacobian, 1.0)
        assert verdict is None
        loop._commanded.advance(motion, arm.gripper_m)
        q.append(motion.q)
    assert np.abs(motion.v).max() < 1e-9 and np.abs(motion.q - corners[-1]).max() < 2e-4
    assert max(distance(point, corners) for point in q) <= 1.5 * ROUNDED_RAD
    moving = [i for i in range(1, len(q)) if np.abs(q[i] - q[i - 1]).max() > 1e-6]
    assert len(moving) * bench.config.dt_s < 6.0


def distance(q, corners):
    """Return how far q (J,) is from the nearest of the lines, in the joint that is furthest."""
    best = np.inf
    for a, b in zip(corners[:-1], corners[1:], strict=True):
        share = np.clip((q - a) @ (b - a) / ((b - a) @ (b - a)), 0.0, 1.0)
        best = min(best, float(np.abs(a + share * (b - a) - q).max()))
    return best
