"""What the gate does while it is not in charge of the arm, and how it takes charge again."""

import numpy as np
import pytest
from drift_control.gate.state import CommandSource, GuardFlag, Reason, State
from drift_control.inputs import JointReading, JoyReading
from drift_control.teleop.panel import NEW_FILE


def hold_arm_button(bench):
    return bench.stick(enabled=False, pressed=frozenset({"arm"}))


def test_nothing_is_sent_before_arming_and_the_first_command_is_the_measured_pose(new_bench):
    bench = new_bench()
    bench.q = np.zeros(7)  # a driver that has not heard of its arm yet
    assert not bench.tick().sent
    bench.q = bench.robot.home + 0.01
    bench.run(1.0)
    assert not any(tick.sent for tick in bench.ticks)
    tick = bench.tick(arm=True)
    assert tick.sent and np.array_equal(tick.command, bench.robot.home + 0.01)


def test_half_a_second_after_a_stop_the_gate_falls_silent_and_an_arm_that_was_moved_stays_there(bench):
    bench.run(0.5)
    bench.tick(stop=True)
    assert bench.run(0.4).sent and not bench.run(0.2).sent
    bench.follows, bench.q = False, bench.robot.home + 0.1  # moved by hand
    bench.run(1.0)
    tick = bench.tick(arm=True)
    assert tick.armed and np.array_equal(tick.command, bench.robot.home + 0.1)


def fall_silent(bench):
    bench.tick(stop=True)
    assert not bench.run(0.6).sent
    bench.follows = False  # from now on others move it


def test_an_arm_that_sags_a_little_is_not_followed(bench):
    bench.follows, bench.q = False, bench.robot.home - 0.02  # under its load, while it is told to be at home
    bench.run(0.4)
    fall_silent(bench)
    bench.q = bench.q + 0.0009 * (-1.0) ** np.arange(7)  # noise
    bench.run(1.0)
    assert np.array_equal(bench.tick(arm=True).command, bench.robot.home)


def test_an_arm_that_sags_further_than_a_step_may_be_is_begun_where_it_is(bench):
    bench.follows, bench.q = False, bench.robot.home - 0.03  # start_tolerance_rad is 0.05
    bench.run(0.4)
    fall_silent(bench)
    tick = bench.tick(arm=True)
    assert tick.armed and np.array_equal(tick.command, bench.q)


@pytest.mark.parametrize("moved_rad", [0.0011, 0.02, 0.045, 1.0])
def test_an_arm_that_others_have_moved_is_not_called_back(new_bench, moved_rad):
    # 0.045 rad of all joints of a UR5e are 59 mm at the TCP, in one cycle of 2 ms
    bench = new_bench("ur5e")
    bench.tick(arm=True)
    fall_silent(bench)
    bench.q = bench.q + moved_rad * np.array([1.0, -1.0, 1.0, -1.0, 1.0, 1.0])
    bench.run(0.1)
    tick = bench.tick(home=True) if moved_rad == 1.0 else bench.tick(arm=True)  # far away it is outside
    assert tick.sent and np.abs(tick.command - bench.q).max() < 0.001


def test_an_arm_that_creeps_is_moved_as_well_and_so_is_one_that_was_moved_while_nobody_knew(bench):
    fall_silent(bench)
    for _ in range(40):  # 0.1 mrad a tick
        bench.q = bench.q + 1e-4
        bench.tick()
    assert np.array_equal(bench.tick(arm=True).command, bench.q)
    fall_silent(bench)
    bench.joints_silent = True
    bench.run(0.5)
    bench.joints_silent, bench.q = False, bench.q + 0.01
    assert np.array_equal(bench.tick(arm=True).command, bench.q)


def test_a_hand_that_others_have_moved_is_not_called_back_and_what_it_holds_stays_held(new_bench):
    bench = new_bench()
    bench.gripper_m = 0.01
    bench.tick(arm=True)
    fall_silent(bench)
    bench.gripper_m = 0.08  # opened by others; the arm did not move
    bench.run(0.1)
    assert bench.tick(arm=True).gripper_m == 0.08

    holding = new_bench()
    holding.gripper_m = 0.01
    holding.tick(arm=True)
    holding.follows, holding.gripper_m = False, 0.03  # around a thing; it is told to be at 0.01
    holding.run(0.2)
    fall_silent(holding)
    holding.q, holding.gripper_m = holding.q + 0.01, 0.0295  # the arm is moved with the thing
    holding.run(0.1)
    tick = holding.tick(arm=True)
    assert np.array_equal(tick.command, holding.q) and tick.gripper_m == 0.01


def test_easing_ends_when_nobody_knows_where_the_arm_is(bench):
    bench.tick(stop=True)
    bench.follows, bench.q = False, bench.robot.home + 0.19  # tracking_error_max_rad is 0.2
    assert bench.tick(arm=True).reason is Reason.START_MISMATCH
    bench.joints_silent = True
    bench.run(0.5)  # joint_state_timeout_s is 0.2; then it brakes
    resting = bench.ticks[-1].command
    assert 0.0 < np.abs(resting - bench.robot.home).max() < 0.15
    assert np.array_equal(bench.run(0.5).command, resting)


def test_an_arm_that_is_far_from_a_command_still_sent_is_not_told_to_go_there_but_let_go(bench):
    bench.tick(stop=True)
    bench.follows, bench.q = False, bench.robot.home + 0.3  # tracking_error_max_rad is 0.2
    tick = bench.tick(arm=True)
    assert (tick.armed, tick.reason, tick.sent) == (False, Reason.START_MISMATCH, False)
    tick = bench.tick(arm=True)
    assert tick.armed and np.array_equal(tick.command, bench.q)


def test_a_held_arm_button_does_not_arm_again_after_a_stop(bench):
    bench.run(0.5, joy=lambda: hold_arm_button(bench))
    assert not bench.tick(stop=True, joy=hold_arm_button(bench)).armed
    assert not bench.run(1.0, joy=lambda: hold_arm_button(bench)).armed
    bench.tick(joy=bench.stick(enabled=False))
    assert bench.tick(joy=hold_arm_button(bench)).armed


def test_a_dead_pad_with_the_arm_button_down_does_not_arm_after_a_protective_stop(bench):
    bench.ready()
    axes, buttons = bench.joystick.encode(False, (0, 0, 0), (0, 0, 0), 0, pressed=frozenset({"arm"}))

    def repeat():
        return JoyReading(axes, buttons, bench.ros_s, bench.steady_s)

    bench.run(1.5, joy=repeat)
    bench.ready(protective_stop=True)
    assert bench.run(0.3, joy=repeat).state is State.FAULT
    bench.ready()
    assert bench.run(1.0, joy=repeat).state is State.FAULT


def test_a_pad_that_comes_back_with_the_arm_button_down_does_not_arm(new_bench):
    bench = new_bench()
    bench.tick(joy=bench.stick(enabled=False))
    bench.joy_silent = True
    bench.run(0.5)  # silent_s is 0.25
    assert not bench.tick(joy=hold_arm_button(bench)).armed


def test_enable_that_is_held_while_arming_must_be_released_first(new_bench):
    bench = new_bench()
    bench.tick()
    tick = bench.tick(joy=bench.stick((0.1, 0, 0)))
    assert tick.refused == "joy: enable does nothing in HOLD before the gate is armed"
    tick = bench.tick(joy=bench.stick((0.1, 0, 0)), arm=True)
    assert (tick.armed, tick.refused) == (True, "joy: release enable first")
    assert bench.run(0.3, joy=lambda: bench.stick((0.1, 0, 0))).state is State.HOLD
    bench.tick(joy=bench.stick(enabled=False))
    assert bench.tick(joy=bench.stick((0.1, 0, 0))).state is State.EXPERT


def test_a_fault_outside_the_workspace_is_left_by_homing(bench):
    bench.follows, bench.q = False, bench.robot.home.copy()
    bench.q[0] = 1.5  # y = 0.45 m
    assert bench.run(0.1).state is State.FAULT
    bench.run(1.0)
    bench.follows = True
    assert bench.tick(arm=True).reason is Reason.OUT_OF_WORKSPACE
    assert bench.tick(home=True).state is State.HOMING
    tick = bench.run(10.0)
    assert (tick.state, tick.reason) == (State.HOLD, Reason.NOT_ARMED)
    assert bench.tick(arm=True).armed


def test_easing_that_the_workspace_blocks_gives_up_so_that_homing_is_possible(bench):
    bench.tick(stop=True)
    bench.follows, bench.q = False, bench.robot.home.copy()
    bench.q[0] = 1.5  # y = 0.45 m, outside; the command may only go to its edge
    assert bench.tick(arm=True).reason is Reason.START_MISMATCH
    bench.run(8.0)
    bench.follows = True
    assert bench.tick(home=True).state is State.HOMING


def test_homing_does_not_leave_a_fault_whose_cause_is_still_there(bench):
    bench.ready(protective_stop=True)
    assert bench.run(0.1).state is State.FAULT
    assert bench.tick(home=True).state is State.FAULT


def test_the_enable_button_ends_homing_of_an_arm_that_is_not_armed(new_bench):
    bench = new_bench()
    bench.q = bench.robot.home + 0.2
    bench.tick()
    assert bench.tick(home=True).state is State.HOMING
    tick = bench.tick(joy=bench.stick((0.1, 0, 0)))
    assert (tick.state, tick.armed, tick.text) == (State.HOLD, False, "homing ended: enable is held on joy")


def test_homing_that_the_guard_blocks_says_why_it_did_not_arrive(new_bench):
    bench = new_bench()
    bench.q = bench.robot.home + 0.1
    rules = bench.loop.guard.motion
    rules[:] = [Refuse(rules[0].verdict)]
    bench.tick(home=True)
    assert bench.run(20.2).text == "not at home after 20.0 s: a joint would pass its position limit"


def test_a_chunk_that_waited_too_long_for_the_person_is_not_executed(bench):
    bench.run(0.2, joy=lambda: bench.stick((0.1, 0, 0)))
    bench.joy_silent = True
    bench.run(0.4)  # silent while held: to be pressed and released again
    chunk = bench.line((0, 0.1, 0), steps=100)
    bench.run(2.0, chunk=chunk)  # chunk_timeout_s is 1.5
    bench.run(0.1, chunk=chunk, joy=lambda: bench.stick(enabled=False))
    bench.tick(chunk=chunk, joy=bench.stick())
    began = len(bench.ticks)
    bench.run(0.3, chunk=chunk, joy=lambda: bench.stick(enabled=False))
    assert {tick.source for tick in bench.ticks[began:]} == {CommandSource.HOLD}


@pytest.mark.parametrize("back_s", [30.0, 1e6])
def test_a_joystick_whose_clock_is_set_back_stops_at_once_and_takes_over_after_its_timeout(bench, back_s):
    def late(**what):
        joy = bench.stick(**what)
        return JoyReading(joy.axes, joy.buttons, joy.stamp_s - back_s, joy.arrival_s)

    bench.run(0.2, joy=lambda: bench.stick(enabled=False), chunk=lambda: bench.line((0, 0.02, 0)))
    assert bench.ticks[-1].state is State.POLICY
    chunks = {"chunk": lambda: bench.line((0, 0.02, 0))}
    bench.run(0.3, joy=lambda: late(linear=(0.1, 0, 0)), **chunks)  # silent_s is 0.25
    assert (
        bench.ticks[-1].refused
        == "joy: axis 0 (x) is at +0.5, must be seen within 0.01 of 0 while enable is up; " + NEW_FILE
    )
    bench.tick(joy=late(enabled=False))
    assert bench.tick(joy=late(linear=(0.1, 0, 0))).state is State.EXPERT
    bench.tick(joy=late(enabled=False, pressed=frozenset({"stop"})), **chunks)
    assert not bench.ticks[-1].armed


def test_after_the_clock_went_back_the_newest_message_of_before_does_not_block_the_next(bench):
    joy = bench.stick(enabled=False)
    bench.tick(joy=joy)
    bench.ros_s -= 100.0
    bench.joints_silent = True
    bench.tick(joy=joy)  # joint state and joystick message are those of before the jump
    bench.joints_silent = False
    tick = bench.tick(joy=bench.stick((0.1, 0, 0)))
    assert tick.state is State.EXPERT
    assert bench.run(0.3, joy=lambda: bench.stick((0.1, 0, 0))).state is State.EXPERT


def test_a_joint_state_from_the_future_is_over_after_the_timeout(bench):
    bench.joints_silent = True
    bench._joints = JointReading(bench.q.copy(), 0.08, bench.ros_s + 1e6, bench.steady_s)
    bench.tick()
    bench.joints_silent = False
    assert bench.run(0.4).reason is not Reason.JOINTS_STALE


def test_a_step_in_which_the_guard_brakes_is_a_hold_though_the_person_drives(new_bench, panda):
    bench = new_bench()
    bench.tick(arm=True)
    bench.loop.guard.motion[:] = [Refuse(bench.loop.guard.motion[0].verdict)]
    tick = bench.run(0.5, joy=lambda: bench.stick((0.1, 0, 0)))
    assert tick.source is CommandSource.EXPERT and GuardFlag.HOLD in tick.guard_flags
    assert np.array_equal(tick.command, panda.home)


class Refuse:
    """A rule that objects to every motion."""

    def __init__(self, verdict):
        self.verdict = verdict

    def excess(self, path):
        return np.concatenate([[0.0], np.ones(len(path.q) - 1)])


def moving(bench):
    bench.run(0.6, joy=lambda: bench.stick((0.0, 0.2, 0.0)))
    bench.follows = False


@pytest.mark.parametrize("joint_state_timeout_s", [0.2, 0.9])
def test_after_a_pause_of_the_gate_the_first_command_is_where_the_arm_is(new_bench, joint_state_timeout_s):
    bench = new_bench(joint_state_timeout_s=joint_state_timeout_s)
    bench.tick(arm=True)
    moving(bench)
    bench.stall(0.3)
    paused = bench.tick(joy=bench.stick((0.0, 0.2, 0.0)))
    assert paused.armed and not paused.sent
    bench.q = bench.robot.home + 0.1  # where it is now; what was read first had been waiting since before
    bench.run(0.06, joy=lambda: bench.stick((0.0, 0.2, 0.0)))
    assert not bench.ticks[-1].sent
    bench.run(0.06, joy=lambda: bench.stick((0.0, 0.2, 0.0)))
    first = next(tick for tick in bench.ticks[paused.seq :] if tick.sent)
    assert np.abs(first.command - bench.q).max() < 0.001


def test_after_a_pause_of_a_gate_that_holds_an_arm_does_not_sag_and_what_the_hand_holds_stays_held(bench):
    bench.follows, bench.q, bench.gripper_m = False, bench.robot.home - 0.02, 0.085
    told = bench.run(0.4)
    bench.stall(0.3)
    tick = bench.run(0.2)
    assert tick.sent and np.array_equal(tick.command, told.command) and tick.gripper_m == told.gripper_m


def test_a_pause_of_the_gate_is_a_hold_that_says_so_and_the_policy_goes_on_with_a_new_chunk(bench):
    bench.run(0.5, chunk=bench.line((0.0, 0.1, 0.0)))
    bench.stall(0.3)
    tick = bench.tick()
    assert (tick.state, tick.reason, tick.armed) == (State.HOLD, Reason.JOINTS_STALE, True)
    assert tick.text == "joint state is 0.32 s old, allowed: 0.2 (the gate itself has paused)"
    bench.run(0.1)
    tick = bench.run(0.1, chunk=bench.line((0.0, 0.1, 0.0)))
    assert tick.state is State.POLICY and tick.sent


def test_a_gate_that_is_late_by_less_than_a_fifth_of_a_second_goes_on(bench):
    bench.run(0.5, chunk=bench.line((0.0, 0.1, 0.0)))
    bench.stall(0.15)
    assert bench.tick().sent and bench.run(0.1).state is State.POLICY
