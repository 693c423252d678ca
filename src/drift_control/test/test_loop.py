"""Things that only the whole loop does: leading the command, ticks that come late, what a tick reports."""

import math
from dataclasses import replace

import numpy as np
import pytest
from drift_control.arms import ARMS
from drift_control.gate.state import CommandSource, GuardFlag, State
from drift_control.inputs import ArmState
from drift_control.teleop.joystick import Joystick


@pytest.mark.parametrize("robot", ARMS)
@pytest.mark.parametrize("rate_hz", [50.0, 125.0])
def test_a_tenth_of_a_metre_of_stick_is_a_tenth_of_a_metre_of_arm(new_bench, robot, rate_hz):
    # 0.2 m/s for 1 s, reached at 1 m/s^2: 0.2 - 0.2^2 / 2 = 0.18 m; after the release it brakes within 2 cm.
    bench = new_bench(robot, rate_hz=rate_hz)
    bench.tick(arm=True)
    bench.run(1.0, joy=lambda: bench.stick((0.0, 0.2, 0.0)))
    assert bench.ticks[-1].action[1] == pytest.approx(0.18, abs=0.012)
    bench.run(0.6, joy=lambda: bench.stick(enabled=False))
    assert bench.ticks[-1].action[1] < 0.21
    assert not bench.ticks[-1].guard_flags & (GuardFlag.WORKSPACE | GuardFlag.POSITION)


@pytest.mark.parametrize("interpolation", ["linear", "cubic"])
def test_a_chunk_is_followed_on_time(new_bench, interpolation):
    # At 0.1 m/s the command is where the chunk says at its due time, within 2 mm, once the ramp is over.
    bench = new_bench(interpolation=interpolation)
    bench.tick(arm=True)
    chunk = bench.line((0.0, 0.1, 0.0))
    bench.run(1.2, chunk=chunk)
    tick = bench.ticks[-1]
    due = (tick.stamp_s - chunk.stamp_s) * 0.1
    assert tick.action[1] == pytest.approx(due, abs=0.002)
    assert tick.chunk_age_s == pytest.approx(tick.stamp_s - bench.config.dt_s - chunk.stamp_s)
    assert (tick.chunk_id, tick.policy_version, tick.source) == (chunk.id, 3, CommandSource.POLICY)


def test_the_sideways_error_on_a_straight_line_stays_small(bench):
    bench.run(1.2, chunk=bench.line((0.0, 0.15, 0.0)))
    path = np.array([tick.action[:3] for tick in bench.ticks])
    assert np.abs(path[:, 0] - path[0, 0]).max() < 0.002
    assert np.abs(path[:, 2] - path[0, 2]).max() < 0.002


def test_joint_set_points_are_reached(bench):
    q = bench.robot.home + np.array([0.1, -0.05, 0.1, 0.05, 0.0, 0.1, -0.1])
    data = np.tile(np.append(q, 0.05), (16, 1))
    bench.run(1.5, chunk=bench.chunk(data, action_space="joint_position"))
    assert np.allclose(bench.ticks[-1].command, q, atol=1e-3)
    assert bench.ticks[-1].gripper_m == pytest.approx(0.05)


def test_after_a_pause_of_the_gate_the_arm_has_stopped_where_it_was_told(bench):
    bench.run(0.6, joy=lambda: bench.stick((0.0, 0.2, 0.0)))
    before = bench.ticks[-1].command
    bench.steady_s += 0.5
    bench.ros_s += 0.5
    tick = bench.tick(joy=bench.stick(enabled=False))
    assert np.array_equal(tick.command, before)


def test_homing_never_leads_a_joint_away_from_home_and_ends_unarmed(new_bench):
    bench = new_bench()
    bench.q = bench.robot.home + np.array([0.3, 0.1, -0.2, 0.2, 0.1, -0.1, 0.4])
    bench.tick()
    assert bench.tick(home=True).source is CommandSource.HOMING
    bench.run(6.0)
    tick = bench.ticks[-1]
    assert (tick.state, tick.armed) == (State.HOLD, False)
    assert tick.target_distance_rad < 0.002
    distance = np.abs(bench.commands - bench.robot.home)
    assert np.diff(distance, axis=0).max() < 1e-6  # no joint goes the other way, none overshoots


def test_homing_can_be_cancelled(new_bench):
    bench = new_bench()
    bench.q = bench.robot.home + 0.2
    bench.tick()
    bench.tick(home=True)
    bench.run(0.3)
    assert bench.tick(release_home=True).state is State.HOLD


def test_a_tick_reports_what_was_done(bench):
    tick = bench.run(0.1, joy=lambda: bench.stick(gripper=-1, pressed=frozenset({"success"})))
    assert tick.seq == 6
    assert tick.marks == {"success"}
    assert tick.measured.shape == (8,)
    assert np.allclose(tick.action[:3], bench.robot.forward(tick.command).position)
    assert tick.gripper_m == pytest.approx(0.08 - 5 * 0.02 * 0.1)  # five ticks at 0.1 m/s
    assert tick.stamp_s == pytest.approx(bench.ros_s)


def test_joint_readings_of_the_wrong_shape_or_not_finite_are_ignored(bench):
    good = bench.q
    for bad in (good[:5], np.where(np.arange(7) == 2, math.nan, good)):
        bench.q, bench.follows = bad, False
        tick = bench.tick()
        assert np.array_equal(tick.measured[:7], good)


@pytest.mark.parametrize("scale", [0.0, math.nan, -1.0])
def test_a_speed_scale_that_is_no_speed_stops(bench, scale):
    bench.arm_state = ArmState(True, False, scale, 0.0)
    bench.run(0.5, joy=lambda: bench.stick((0.1, 0, 0)))
    assert np.array_equal(bench.commands[-1], bench.robot.home)


def test_leaning_on_the_wall_slides_along_it(bench):
    bench.run(3.0, joy=lambda: bench.stick((0.2, 0, 0)))
    assert bench.ticks[-1].action[0] == pytest.approx(0.70, abs=0.003)
    y = bench.ticks[-1].action[1]
    bench.run(1.0, joy=lambda: bench.stick((0.14, 0.14, 0)))
    assert bench.ticks[-1].action[1] - y > 0.1


def test_the_tool_frame_turns_the_stick(new_bench, keyboard):
    # The hand looks down: forward of the tool's x is the base's x, the tool's z is down.
    bench = new_bench(joysticks={"joy": Joystick(replace(keyboard.config, frame="tool"))})
    bench.tick(arm=True)
    before = bench.ticks[-1].action[:3]
    bench.run(0.5, joy=lambda: bench.stick((0.0, 0.0, 0.1)))
    moved = bench.ticks[-1].action[:3] - before
    assert moved[2] < -0.03 and np.abs(moved[:2]).max() < 1e-3


def test_a_tick_reports_what_was_asked_for_before_the_motion_was_limited(bench):
    # A chunk 8 cm away: once the ramp is over it is all asked for, while the arm is still on its way.
    start = bench.robot.forward(bench.q).position
    chunk = bench.chunk(offset=(0.0, 0.08, 0.0))
    bench.run(0.36, chunk=chunk)
    tick = bench.ticks[-1]
    asked = bench.robot.forward(tick.reference).position
    assert asked - start == pytest.approx([0.0, 0.08, 0.0], abs=1e-4)
    assert tick.action[1] - start[1] < 0.07
    assert bench.tick(stop=True).reference is None


def test_the_next_chunk_is_blended_in(new_bench):
    # 0.5 s after the first one comes another, 3 cm further: asked for at once, or over 0.2 s.
    largest = {}
    for blend_s in (0.0, 0.2):
        bench = new_bench(chunk_blend_s=blend_s)
        bench.tick(arm=True)
        bench.run(0.5, chunk=bench.chunk())
        bench.run(0.4, chunk=bench.chunk(offset=(0.0, 0.03, 0.0), delay_s=0.2))
        asked = np.array([bench.robot.forward(tick.reference).position for tick in bench.ticks[-21:]])
        largest[blend_s] = np.abs(np.diff(asked[:, 1])).max()
    assert largest[0.0] == pytest.approx(0.03, abs=1e-3)
    # The steepest tick of ten of a smooth step: from u = 0.4 to 0.5, 0.148 of the way.
    assert largest[0.2] == pytest.approx(0.148 * 0.03, rel=0.05)
