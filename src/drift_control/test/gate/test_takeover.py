"""The person and the joystick: take over at once, let go safely, never be mistaken for a dead device."""

import numpy as np
import pytest
from drift_control.gate.state import CommandSource, Reason, State
from drift_control.inputs import JoyReading


def driving(bench, seconds=0.5):
    """Let the person drive along x."""
    return bench.run(seconds, joy=lambda: bench.stick(linear=(0.05, 0, 0)))


def test_the_person_takes_over_in_the_tick_of_the_message(bench):
    bench.tick(chunk=bench.chunk())
    assert bench.run(0.5).state is State.POLICY
    tick = bench.tick(joy=bench.stick())
    assert (tick.state, tick.source, tick.intervention_id) == (State.EXPERT, CommandSource.EXPERT, 1)


def test_letting_go_brakes_holds_and_voids_older_chunks(bench):
    epoch = driving(bench).epoch
    old = bench.chunk(epoch=epoch)
    tick = bench.tick(joy=bench.stick(enabled=False), chunk=old)
    assert (tick.state, tick.reason, tick.epoch) == (State.HOLD, Reason.WAITING_FOR_CHUNK, epoch + 1)
    assert tick.armed
    tick = bench.run(1.0, joy=lambda: bench.stick(enabled=False), chunk=old)
    assert tick.state is State.HOLD
    assert np.array_equal(bench.ticks[-2].command, tick.command)


def test_after_a_release_a_chunk_of_the_new_epoch_is_ramped_in(bench):
    driving(bench)
    bench.run(0.5, joy=lambda: bench.stick(enabled=False))
    tick = bench.tick(joy=bench.stick(enabled=False), chunk=bench.chunk(offset=(0.05, 0, 0)))
    assert (tick.state, tick.source) == (State.POLICY, CommandSource.POLICY)
    assert tick.guard_flags.name and "RAMP" in tick.guard_flags.name


def test_a_silent_joystick_holds_after_its_timeout_and_wants_a_release(bench):
    driving(bench)
    last = bench.stick(linear=(0.05, 0, 0))
    bench.tick(joy=last)
    assert bench.run(0.24, joy=last).state is State.EXPERT  # silent_s is 0.25
    tick = bench.run(0.06, joy=last)
    assert (tick.state, tick.reason) == (State.HOLD, Reason.JOY_LOST)
    tick = bench.run(0.2, joy=lambda: bench.stick(linear=(0.05, 0, 0)))
    assert tick.state is State.HOLD  # back, but never released
    bench.tick(joy=bench.stick(enabled=False))
    assert bench.tick(joy=bench.stick()).state is State.EXPERT


def test_a_count_of_messages_that_stands_still_is_a_frozen_joystick(bench):
    driving(bench)
    last = bench.stick(linear=(0.05, 0, 0))

    def again():
        return JoyReading(last.axes, last.buttons, bench.ros_s, bench.steady_s)

    assert bench.run(0.26, joy=again).state is State.EXPERT  # counter_s is 0.25
    tick = bench.run(0.04, joy=again)
    assert (tick.state, tick.reason) == (State.HOLD, Reason.JOY_FROZEN)
    tick = bench.tick(joy=bench.stick(linear=(0.05, 0, 0)))  # it counts again, enable was never up
    assert (tick.state, tick.refused[:34]) == (State.HOLD, "joy: axis 0 (x) is at +0.3, must b")


@pytest.mark.parametrize("broken", [(), (float("nan"),) * 6])
def test_a_broken_joystick_message_is_a_release(bench, broken):
    driving(bench)
    good = bench.stick()
    axes = broken + (0.0,) * (len(good.axes) - len(broken)) if broken else ()
    tick = bench.tick(joy=JoyReading(axes, good.buttons, bench.ros_s, bench.steady_s))
    assert (tick.state, tick.reason) == (State.HOLD, Reason.JOY_LOST)


def test_the_policy_never_regains_control_while_the_person_holds_the_button(bench):
    driving(bench)
    tick = bench.run(2.0, joy=bench.stick, chunk=bench.chunk)
    assert {t.source for t in bench.ticks[-100:]} == {CommandSource.EXPERT}
    assert tick.state is State.EXPERT


@pytest.mark.parametrize("held_s", [0.0, 0.1, 0.4])  # after the hold began
def test_a_joystick_that_is_lost_while_the_arm_is_held_with_enable_down_gives_nothing_back(bench, held_s):
    driving(bench)
    last = bench.stick()
    bench.stall(0.3)  # the gate itself: joints and joystick are old when it goes on
    tick = bench.tick(joy=bench.stick() if held_s else last)
    assert (tick.state, tick.armed) == (State.HOLD, True)
    if held_s:
        bench.run(held_s, joy=bench.stick)
    last = bench.stick() if held_s else last
    bench.run(2.0, joy=last, chunk=bench.chunk)
    assert {t.state for t in bench.ticks[-100:]} == {State.HOLD}
    bench.tick(joy=bench.stick(enabled=False))
    assert bench.run(0.5, joy=lambda: bench.stick(enabled=False), chunk=bench.chunk).state is State.HOLD
    assert bench.tick(joy=bench.stick()).state is State.EXPERT
    assert bench.run(1.0, joy=lambda: bench.stick(enabled=False), chunk=bench.chunk).state is State.POLICY


def test_to_let_go_while_the_arm_is_held_gives_it_back_to_the_policy(bench):
    driving(bench)
    bench.stall(0.3)
    assert bench.run(0.5, joy=bench.stick, chunk=bench.chunk).state is State.HOLD  # enable is still down
    assert bench.run(0.5, joy=lambda: bench.stick(enabled=False), chunk=bench.chunk).state is State.POLICY
