"""An arm that starts outside a limit may come back, and no other limit is any looser for it."""

from dataclasses import replace

import numpy as np
import pytest
from drift_control.gate.state import Reason, State
from drift_control.guard.motion_rules import TcpSpeed
from drift_control.guard.path import StepPath
from drift_control.robot import ik
from drift_control.robot.config import Box
from drift_control.robot.motion import BrakingPath, MotionState
from drift_control.robot.pose import Pose
from drift_control.robot.robot import Robot
from drift_control.testing.random_inputs import play, segments, stretches
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

PLATE = Box("plate", (-0.2, -0.3, 0.0), (0.7, 0.3, 0.08))  # under the arm, 8 cm high
POST = Box("post", (0.3, 0.2, 0.0), (0.6, 0.4, 0.5))


def with_boxes(robot, *boxes):
    """Return the robot with keep-out boxes."""
    workspace = replace(robot.config.workspace, keep_out=boxes)
    return Robot(replace(robot.config, workspace=workspace))


def grown(bench, q):
    """Return by how much each limit is broken more along q (N, J) than at its start, {rule: [m] or [rad]}.

    Measured by the rules themselves, one column per axis, joint, link and box.
    """
    dt_s = bench.config.dt_s
    rest = BrakingPath(dt_s * np.arange(len(q) - 1), q[1:], np.zeros_like(q[1:]))
    guard, start = bench.loop.guard, MotionState.standstill(q[0])
    path = StepPath(bench.robot, guard._capsules, start, rest, dt_s, 1.0)
    growth = {}
    for rule in guard.motion:
        if not isinstance(rule, TcpSpeed):
            excess = rule.excess(path)
            name = type(rule).__name__
            worst = float((excess - np.maximum(excess[0], 0.0)).max())
            growth[name] = max(worst, growth.get(name, -np.inf))
    return growth


@pytest.mark.parametrize("name", ["panda", "ur5e"])
def test_a_plate_that_reaches_under_the_arm_keeps_the_tcp_above_it(new_bench, robots, name):
    bench = new_bench(with_boxes(robots[name], PLATE))
    bench.tick(arm=True)
    bench.run(4.0, joy=lambda: bench.stick((0.0, 0.0, -0.2)))
    assert (
        0.08 < bench.ticks[-1].action[2] < 0.16
    )  # it came down, and stopped with the fingers above the plate


def test_beyond_the_workspace_in_x_the_floor_holds(new_bench, ur5e):
    # 4.5 cm in front of the box, which ends at x = 0.70 m; driven straight down from z = 0.05 m to -0.04 m.
    bench = new_bench("ur5e", workspace_margin_m=0.05, clamp_ratio_max=1.0)
    rotation, q = ur5e.forward(ur5e.home).rotation, ur5e.home
    x = np.concatenate((np.linspace(0.45, 0.745, 20), np.full(20, 0.745)))
    z = np.concatenate((np.full(20, 0.25), np.linspace(0.25, 0.05, 20)))
    for point in zip(x, np.zeros(40), z, strict=True):
        q = ik.solve(ur5e, Pose(np.array(point), rotation), q).q
    below = q
    for height in np.linspace(0.05, -0.04, 20):
        below = ik.solve(ur5e, Pose(np.array([0.745, 0.0, height]), rotation), below).q
    bench.q = q
    bench.tick(arm=True)
    data = np.tile(np.append(below, 0.08), (16, 1))
    bench.run(4.0, chunk=lambda: bench.chunk(data, action_space="joint_position"))
    lowest = min(tick.action[2] for tick in bench.ticks)
    assert 0.007 < lowest < 0.03  # the floor is at 0.010 m, with 2 mm of tolerance


def test_one_joint_beyond_its_limit_does_not_free_the_others(new_bench, panda):
    # Joint 7 stands 0.04 rad beyond 2.7973; joint 5 is asked to go beyond its own 2.7973.
    bench = new_bench(clamp_ratio_max=1.0)
    bench.loop.guard.joint_targets.clear()  # it would clip the set-point first
    bench.q[6] = panda.high[6] + 0.04
    bench.q[4] = 2.7
    goal = bench.q.copy()
    goal[4] = 3.0
    bench.loop.guard.motion[:] = bench.loop.guard.motion[:1]  # joint positions alone
    bench.loop.guard.watch.clear()
    bench.loop.guard.start.clear()
    bench.tick(arm=True)
    data = np.tile(np.append(goal, 0.08), (16, 1))
    bench.run(3.0, chunk=lambda: bench.chunk(data, action_space="joint_position"))
    assert 2.75 < bench.commands[:, 4].max() <= 2.7973 + 1e-6


def scattered(bench, seed, spread_rad):
    """Return random joint positions about home, up to 0.05 rad beyond their limits."""
    robot = bench.robot
    offset = spread_rad * np.random.default_rng(seed).normal(size=robot.n_joints)
    return np.clip(robot.home + offset, robot.low - 0.05, robot.high + 0.05)


def assert_nothing_grew(bench, q):
    """Assert that no limit was broken more than at the start; 1 mm between the samples of a braking path."""
    growth = grown(bench, q)
    assert growth.pop("JointPositions") <= 1e-6
    assert max(growth.values()) <= 1e-3, growth


ARMS = pytest.mark.parametrize(("name", "rate_hz"), [("panda", 50.0), ("ur5e", 125.0)])
SEEDS = st.integers(0, 2**31)
LENIENT = settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@ARMS
@given(start=SEEDS, spread_rad=st.floats(0.3, 1.0), wishes=st.lists(SEEDS, min_size=3, max_size=6))
@LENIENT
def test_wherever_a_step_starts_no_limit_is_broken_more_than_there(
    new_bench, robots, name, rate_hz, start, spread_rad, wishes
):
    """Random joint velocities, each held for half a second, straight into the guard."""
    bench = new_bench(with_boxes(robots[name], PLATE, POST), rate_hz=rate_hz)
    robot, guard = bench.robot, bench.loop.guard
    state = MotionState.standstill(scattered(bench, start, spread_rad))
    q = [state.q]
    for wish in wishes:
        velocity = robot.velocity * np.random.default_rng(wish).uniform(-1.0, 1.0, robot.n_joints)
        for _ in range(round(0.5 * rate_hz)):
            state, _, _ = guard.step(state, velocity, robot.jacobian(state.q), 1.0)
            q.append(state.q)
    assert_nothing_grew(bench, np.array(q))


@ARMS
@given(start=SEEDS, spread_rad=st.floats(0.05, 1.0), homing_s=st.floats(0.1, 4.0), segments=segments)
@LENIENT
def test_wherever_the_arm_is_switched_on_no_limit_is_broken_more_than_there(
    new_bench, robots, name, rate_hz, start, spread_rad, homing_s, segments
):
    """On the way home, and with whatever comes in after that."""
    bench = new_bench(with_boxes(robots[name], PLATE, POST), rate_hz=rate_hz, workspace_margin_m=0.2)
    bench.q = scattered(bench, start, spread_rad)
    bench.tick()
    bench.tick(home=True)
    bench.run(homing_s)
    play(bench, segments)
    for ticks in stretches(bench):
        if ticks[0].sent and len(ticks) > 1:  # while the gate is silent others move the arm
            assert_nothing_grew(bench, np.array([tick.command for tick in ticks]))


def test_homing_stands_where_a_box_is_in_its_way_and_ends_when_no_planner_answers(new_bench, panda):
    # Its TCP goes round at 0.45 m; the post stands at 0.59 rad, between 1.4 rad and home.
    bench = new_bench(with_boxes(panda, POST))
    bench.q[0] = 1.4
    bench.tick()
    bench.tick(home=True)
    tick = bench.run(7.0)  # plan_limit_s is 5, homing_timeout_s 20
    assert (tick.state, tick.reason) == (State.HOLD, Reason.NO_WAY)
    assert tick.text.startswith("no way home: the arm would enter keep-out box post")
    assert tick.command[0] == 1.4


def test_homing_from_outside_comes_home(new_bench, panda):
    bench = new_bench()
    bench.q[0] = 1.5  # turned to the left: y = 0.45 m, outside by 5 cm, and x = 0.03 m, outside by 22 cm
    bench.tick()
    bench.tick(home=True)
    bench.run(15.0)
    assert bench.ticks[-1].state is State.HOLD
    assert bench.ticks[-1].target_distance_rad < 0.01
    assert max(grown(bench, bench.commands).values()) <= 1e-3


def test_homing_comes_home_on_an_arc_that_goes_out_along_one_axis_and_in_along_the_other(new_bench):
    # Turned by 1.8 rad the TCP is behind the shoulder: on its arc home y grows from 0.44 to 0.45 m first.
    bench = new_bench()
    bench.q[0] = 1.8
    bench.tick()
    bench.tick(home=True)
    bench.run(15.0)
    assert bench.ticks[-1].target_distance_rad < 0.01
    assert max(grown(bench, bench.commands).values()) <= 1e-3
