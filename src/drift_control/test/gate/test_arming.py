"""Nothing moves before it is armed; a stop ends everything; homing opens the hand."""

import numpy as np
import pytest
from drift_control.gate.state import Reason, State


def test_before_the_first_joint_state_nothing_is_sent_and_the_reason_is_said(new_bench):
    bench = new_bench()
    bench.joints_silent = True
    tick = bench.tick(arm=True)
    assert (tick.state, tick.armed, tick.command) == (State.HOLD, False, None)
    assert tick.text == "no state of all joints has arrived yet"
    bench.joints_silent = False
    assert bench.tick().text == "not armed"


def test_nothing_moves_before_it_is_armed(new_bench):
    bench = new_bench()
    bench.run(1.0, chunk=bench.chunk, joy=lambda: bench.stick(linear=(0.1, 0, 0)))
    assert {tick.state for tick in bench.ticks} == {State.HOLD}
    assert (bench.commands == bench.robot.home).all()


def test_arming_away_from_the_command_is_refused_and_eased(new_bench):
    bench = new_bench()
    bench.tick(arm=True)
    bench.tick(stop=True)
    bench.q = bench.robot.home + 0.06  # start_tolerance_rad is 0.05
    bench.follows = False
    tick = bench.tick(arm=True)
    assert (tick.armed, tick.reason) == (False, Reason.START_MISMATCH)
    bench.run(2.0)
    assert bench.tick(arm=True).armed
    assert np.abs(bench.commands[-1] - bench.q).max() < 0.01


def test_arming_outside_the_workspace_is_refused(new_bench):
    bench = new_bench()
    bench.q = bench.robot.home.copy()
    bench.q[0] = 1.5  # turned to the side: y = 0.45 m
    tick = bench.run(0.1, arm=True)
    assert (tick.armed, tick.reason) == (False, Reason.OUT_OF_WORKSPACE)


def test_arming_with_old_joint_states_is_refused(new_bench):
    bench = new_bench()
    bench.tick()
    bench.joints_silent = True
    bench.run(0.3)
    tick = bench.tick(arm=True)
    assert (tick.armed, tick.reason) == (False, Reason.JOINTS_STALE)


@pytest.mark.parametrize("state", [State.HOLD, State.POLICY, State.EXPERT, State.HOMING])
def test_stop_is_honoured_in_every_state_and_wins(bench, state):
    inputs = {}
    if state is State.POLICY:
        inputs = {"chunk": lambda: bench.line((0.05, 0, 0))}
    elif state is State.EXPERT:
        inputs = {"joy": lambda: bench.stick(linear=(0.1, 0, 0))}
    elif state is State.HOMING:
        bench.run(0.5, joy=lambda: bench.stick(linear=(0.1, 0, 0)))
        bench.tick(joy=bench.stick(enabled=False), home=True)
    bench.run(0.4, **inputs)
    assert bench.ticks[-1].state is state
    tick = bench.tick(stop=True, arm=True, **{k: v() for k, v in inputs.items()})
    assert (tick.state, tick.reason, tick.armed) == (State.HOLD, Reason.STOP_REQUESTED, False)
    bench.run(1.0, **inputs)
    assert np.array_equal(bench.commands[-1], bench.commands[-2])


def test_the_stop_button_works_without_the_enable_button(bench):
    bench.tick(chunk=bench.chunk())
    tick = bench.tick(joy=bench.stick(enabled=False, pressed=frozenset({"stop"})))
    assert (tick.state, tick.armed) == (State.HOLD, False)


def test_homing_opens_the_hand_no_faster_than_it_may(new_bench):
    bench = new_bench()
    bench.gripper_m = 0.02
    bench.tick()
    bench.tick(home=True)
    tick = bench.run(0.3)
    assert tick.state is State.HOMING  # the arm is at home, the hand is not open yet
    assert tick.gripper_m == pytest.approx(0.02 + 0.1 * 0.32)  # 0.1 m/s in 16 ticks
    tick = bench.run(0.4)
    assert (tick.state, tick.armed, tick.gripper_m) == (State.HOLD, False, pytest.approx(0.08))
    assert not any(t.guard_flags for t in bench.ticks[1:17])
