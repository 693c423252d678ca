"""Steady hands drive on, resting triggers and other pads do not, and one joystick drives at a time."""

from dataclasses import replace

import numpy as np
import pytest
from drift_control.gate.state import Reason, State
from drift_control.inputs import JoyReading
from drift_control.publishers import UNSIGNED, Publisher
from drift_control.teleop.panel import NEW_FILE

ENABLE, ARM = 5, 7  # buttons of the gamepad


@pytest.fixture
def pad(new_bench, joystick):
    """A gate that is not armed yet, with a gamepad whose messages `show` makes."""
    return new_bench(joysticks={"joy": joystick})


def show(bench, axes=None, buttons=(), n_axes=8, n_buttons=11, publisher=UNSIGNED):
    """Return a message of joy_node; `axes`: those that are not 0."""
    values = [0.0] * n_axes
    for index, value in (axes or {}).items():
        values[index] = value
    levels = tuple(int(i in buttons) for i in range(n_buttons))
    return JoyReading(tuple(values), levels, bench.ros_s, bench.steady_s, publisher)


def by(name, key=b""):
    """Return a publisher whose identity is its name, unless it is given."""
    return Publisher(key or name.encode(), name)


def moved_m(bench):
    tcp = np.array([tick.action[:3] for tick in bench.ticks])
    return np.abs(tcp - tcp[0]).max()


@pytest.mark.parametrize("axes", [{}, {1: 1.0}, {0: -0.3, 6: 1.0}])
def test_a_hand_that_keeps_still_to_the_bit_drives_for_as_long_as_it_holds_enable(pad, axes):
    pad.tick(arm=True)
    pad.run(0.2, joy=lambda: show(pad, {index: 0.5 * value for index, value in axes.items()}, [ENABLE]))
    pad.run(5.0, joy=lambda: show(pad, axes, [ENABLE]))
    assert {tick.state for tick in pad.ticks[1:]} == {State.EXPERT}


def test_the_hand_may_close_while_the_sticks_are_untouched(pad):
    pad.tick(arm=True)
    tick = pad.run(3.0, joy=lambda: show(pad, buttons=[ENABLE, 0]))
    assert (tick.state, tick.gripper_m) == (State.EXPERT, 0.0)


@pytest.mark.parametrize(("axis", "rest"), [(4, 1.0), (4, -1.0), (1, 0.2)])
def test_an_axis_that_does_not_rest_at_zero_arms_nothing_and_moves_nothing(pad, axis, rest):
    pad.run(0.2, joy=lambda: show(pad, {axis: rest}))
    motion = {4: "z", 1: "x"}[axis]
    text = (
        f"joy: axis {axis} ({motion}) is at {rest:+.1f}, must be seen within 0.08 of 0 while enable is up; "
    )
    text += NEW_FILE
    assert pad.ticks[-1].refused == text
    for _ in range(2):
        pad.run(0.1, joy=lambda: show(pad, {axis: rest}, [ARM]), arm=True)
        pad.run(0.8, joy=lambda: show(pad, {axis: rest}, [ENABLE]))
    assert not pad.ticks[-1].armed and (pad.ticks[-1].reason, pad.ticks[-1].text) == (Reason.JOY_LOST, text)
    assert moved_m(pad) == 0.0


def test_a_trigger_that_shows_its_rest_only_when_it_is_touched_moves_nothing(pad):
    pad.tick(arm=True)
    assert pad.run(0.5, joy=lambda: show(pad, buttons=[ENABLE])).state is State.EXPERT
    tick = pad.tick(joy=show(pad, {4: 1.0}, [ENABLE]))
    assert (tick.state, tick.reason) == (State.HOLD, Reason.JOY_LOST)
    pad.run(0.8, joy=lambda: show(pad, {4: 1.0}, [ENABLE]))
    pad.run(0.2, joy=lambda: show(pad, {4: 1.0}))
    pad.run(0.8, joy=lambda: show(pad, {4: 1.0}, [ENABLE]))
    assert pad.ticks[-1].state is State.HOLD and moved_m(pad) < 1e-9


def test_a_stick_that_is_pushed_to_its_end_takes_a_few_messages_and_drives(pad):
    pad.tick(arm=True)
    for value in (0.3, 0.7, 1.0):
        tick = pad.tick(joy=show(pad, {4: value}, [ENABLE]))
    assert tick.state is State.EXPERT


@pytest.mark.parametrize("gap_s", [0.06, 0.2])
def test_a_stick_that_is_pushed_while_messages_are_lost_drives_on(pad, gap_s):
    pad.tick(arm=True)
    pad.run(0.2, joy=lambda: show(pad, buttons=[ENABLE]))
    last = show(pad, buttons=[ENABLE])
    pad.run(gap_s, joy=last)  # nothing new
    tick = pad.tick(joy=show(pad, {4: 1.0}, [ENABLE]))
    assert (tick.state, tick.refused) == (State.EXPERT, "")
    pad.tick(joy=show(pad, buttons=[ENABLE]))
    assert pad.tick(joy=show(pad, {4: 1.0}, [ENABLE])).reason is Reason.JOY_LOST  # within a tick


@pytest.mark.parametrize(("n_axes", "n_buttons"), [(8, 13), (6, 11), (8, 6), (10, 11)])
def test_a_device_of_another_shape_is_refused_by_name_and_does_not_arm(pad, n_axes, n_buttons):
    shape = {"n_axes": n_axes, "n_buttons": n_buttons}
    pad.run(0.2, joy=lambda: show(pad, **shape))
    text = f"joy: {n_axes} axes and {n_buttons} buttons, gamepad has exactly 8 and 11; {NEW_FILE}"
    assert pad.ticks[-1].refused == text
    pad.run(0.2, joy=lambda: show(pad, buttons=[ARM], **shape))
    assert not pad.ticks[-1].armed
    tick = pad.run(0.1, joy=lambda: show(pad, **shape), arm=True)
    assert (tick.armed, tick.text) == (False, text)


def test_what_is_refused_is_said_in_every_state(pad):
    pad.tick(arm=True)

    def odd():
        return show(pad, buttons=[ENABLE], n_axes=6)

    said = {}
    said |= {pad.tick(joy=odd()).state: pad.ticks[-1].refused}
    said |= {pad.tick(joy=odd(), chunk=pad.chunk()).state: pad.ticks[-1].refused}
    pad.ready(protective_stop=True)
    said |= {pad.tick(joy=odd()).state: pad.ticks[-1].refused}
    pad.ready()
    pad.run(1.0, joy=odd)
    pad.q = pad.robot.home + 0.1
    pad.run(1.0, joy=odd)
    said |= {pad.tick(joy=odd(), home=True).state: pad.ticks[-1].refused}
    assert said.keys() == {State.HOLD, State.POLICY, State.FAULT, State.HOMING}
    assert set(said.values()) == {f"joy: 6 axes and 11 buttons, gamepad has exactly 8 and 11; {NEW_FILE}"}


def test_a_pad_that_is_unplugged_while_held_is_pressed_and_released_before_the_policy_goes_on(pad):
    pad.tick(arm=True)
    pad.run(0.5, joy=lambda: show(pad, buttons=[ENABLE]))
    pad.joy_silent = True
    tick = pad.run(0.3)
    assert (tick.state, tick.reason) == (State.HOLD, Reason.JOY_LOST)
    assert tick.text == "joy is silent for more than 0.25 s; press and release enable, or arm"
    pad.run(0.5, joy=lambda: show(pad, buttons=[ENABLE]), chunk=pad.chunk)
    assert pad.ticks[-1].state is State.HOLD
    pad.run(0.5, joy=lambda: show(pad), chunk=pad.chunk)
    assert pad.ticks[-1].state is State.HOLD  # enable up is not enough
    assert pad.tick(joy=show(pad, buttons=[ENABLE])).state is State.EXPERT
    assert pad.run(0.1, joy=lambda: show(pad), chunk=pad.chunk).state is State.POLICY


def test_after_a_lost_pad_arming_lets_the_policy_go_on(pad):
    pad.tick(arm=True)
    pad.run(0.5, joy=lambda: show(pad, buttons=[ENABLE]))
    pad.joy_silent = True
    pad.run(1.0, chunk=pad.chunk)
    assert pad.ticks[-1].state is State.HOLD
    pad.tick(arm=True)
    assert pad.run(0.1, chunk=pad.chunk).state is State.POLICY


def test_to_arm_once_more_is_no_release(pad):
    pad.tick(arm=True)
    pad.run(0.3, joy=lambda: show(pad, buttons=[ENABLE]))
    pad.ros_s += 5.0  # the clock jumps: hold, release required
    assert pad.tick(joy=show(pad, buttons=[ENABLE])).reason is Reason.CLOCK_JUMP
    tick = pad.tick(joy=show(pad, buttons=[ENABLE]), arm=True)
    assert (tick.armed, tick.state, tick.refused) == (True, State.HOLD, "joy: release enable first")
    assert pad.run(0.3, joy=lambda: show(pad, buttons=[ENABLE]), chunk=pad.chunk).state is State.HOLD
    pad.tick(joy=show(pad))
    assert pad.tick(joy=show(pad, buttons=[ENABLE])).state is State.EXPERT


def test_two_publishers_of_one_topic_are_refused_by_name(pad):
    pad.tick(joy=show(pad, publisher=by("/joy_node")), arm=True)
    tick = pad.run(0.3, joy=lambda: show(pad, buttons=[ENABLE], publisher=by("/joy_node")))
    assert tick.state is State.EXPERT
    tick = pad.tick(joy=show(pad, publisher=by("/teleop")))  # is no release: the policy must not go on
    assert (tick.state, tick.reason, tick.refused) == (
        State.HOLD,
        Reason.JOY_LOST,
        "a second publisher of joy: /teleop",
    )
    tick = pad.tick(joy=show(pad, publisher=by("/joy_node")), chunk=pad.chunk())
    text = "two publishers of joy: /joy_node and /teleop"
    assert (tick.state, tick.refused) == (State.HOLD, text)
    pad.run(2.1, joy=lambda: show(pad, publisher=by("/teleop")))  # /joy_node has gone
    assert pad.tick(joy=show(pad, buttons=[ENABLE], publisher=by("/teleop"))).state is State.EXPERT


def test_a_publisher_whose_name_is_learned_late_is_the_same_one(pad):
    pad.tick(joy=show(pad, publisher=by("", b"\x01")), arm=True)
    assert pad.tick(joy=show(pad, buttons=[ENABLE], publisher=by("", b"\x01"))).state is State.EXPERT
    tick = pad.run(0.3, joy=lambda: show(pad, buttons=[ENABLE], publisher=by("/person", b"\x01")))
    assert (tick.state, tick.refused) == (State.EXPERT, "")


def test_two_publishers_are_named_as_they_are_known_when_it_is_said(pad):
    pad.tick(joy=show(pad, publisher=by("/person", b"\x01")), arm=True)
    tick = pad.tick(joy=show(pad, publisher=by("", b"\x02")))
    assert tick.refused == "a second publisher of joy: publisher 02"
    tick = pad.tick(joy=show(pad, publisher=by("/person", b"\x01")))
    assert tick.refused == "two publishers of joy: /person and publisher 02"
    tick = pad.tick(joy=show(pad, publisher=by("/teleop", b"\x02")))
    assert (tick.state, tick.refused) == (State.HOLD, "two publishers of joy: /person and /teleop")


def test_a_second_publisher_that_is_always_overtaken_is_named_all_the_same(pad):
    pad.tick(joy=show(pad, publisher=by("/joy_node")), arm=True)
    assert pad.tick(joy=show(pad, buttons=[ENABLE], publisher=by("/joy_node"))).state is State.EXPERT
    tick = pad.tick(
        joy=replace(show(pad, buttons=[ENABLE], publisher=by("/joy_node")), beside=(by("/teleop"),))
    )
    assert (tick.state, tick.refused) == (State.HOLD, "a second publisher of joy: /teleop")


@pytest.fixture
def three(new_bench, joystick, keyboard, scripted):
    """An armed gate with a gamepad, a keyboard and a scripted expert that nobody touches."""
    bench = new_bench(joysticks={"joy": joystick, "console/joy": keyboard, "expert/joy": scripted})
    play(bench)
    bench.tick(arm=True)
    return bench


def play(bench, seconds=0.04, joy=False, console=False, expert=False, **inputs):
    """Hold enable on these for a while, each pushing along another axis."""
    for _ in range(round(seconds / bench.config.dt_s)):
        tick = bench.tick(
            joy=bench.stick((0.05, 0, 0), enabled=joy) if joy else bench.stick(enabled=False),
            others={
                "console/joy": bench.stick((0, 0.05 * console, 0), enabled=console, on="console/joy"),
                "expert/joy": bench.stick((0, 0, 0.05 * expert), enabled=expert, on="expert/joy"),
            },
            **inputs,
        )  # fmt: skip
    return tick


def way_m(bench, since):
    """Return how far the TCP has come since a tick, per axis, in centimetres."""
    return np.round(100.0 * (bench.ticks[-1].action[:3] - since.action[:3]), 0)


def test_the_first_whose_enable_goes_down_drives_until_it_lets_go_and_the_other_is_told(three):
    start = play(three, console=True)
    tick = play(three, 1.0, console=True, joy=True)
    assert tick.refused == "joy: waits, console/joy drives"
    assert (way_m(three, start) == [0, 5, 0]).all()
    tick = play(three, joy=True)
    assert (tick.state, tick.refused) == (State.HOLD, "joy: release enable first")
    assert play(three, 0.5, joy=True, chunk=three.chunk()).state is State.HOLD  # nobody passes the arm on
    play(three)
    assert play(three, joy=True).text == "joy drives"


def test_of_two_that_press_at_once_the_one_named_first_drives(three):
    assert play(three, console=True, joy=True).text == "joy drives"


def test_a_person_takes_over_from_the_script_at_once_and_the_script_never_from_a_person(three):
    assert play(three, 0.5, expert=True).text == "expert/joy drives"
    start = three.ticks[-1]
    tick = play(three, 0.02, expert=True, console=True)
    assert (tick.state, tick.text) == (State.EXPERT, "console/joy drives, taken over from expert/joy")
    assert tick.intervention_id == start.intervention_id + 1
    tick = play(three, 1.0, expert=True, console=True)
    assert tick.refused == "expert/joy: waits, console/joy drives"
    assert way_m(three, start)[1] == 5
    assert play(three, 0.02, expert=True).state is State.HOLD


def test_a_pad_that_is_not_what_its_file_says_does_not_keep_the_others_from_driving(three):
    odd = JoyReading((0.0,) * 6, (1,) * 13, three.ros_s, three.steady_s)
    others = {"console/joy": three.stick((0, 0.05, 0), on="console/joy")}
    tick = three.tick(joy=replace(odd, buttons=(0,) * 13), others=others)
    assert (tick.state, tick.text) == (State.EXPERT, "console/joy drives")
    assert tick.refused.startswith("joy: 6 axes and 13 buttons, gamepad has exactly 8 and 11")


def test_stop_is_honoured_on_every_joystick_whoever_drives(three):
    play(three, joy=True)
    stop = three.stick(enabled=False, pressed=frozenset({"stop"}), on="expert/joy")
    tick = three.tick(joy=three.stick(), others={"expert/joy": stop})
    assert (tick.state, tick.reason, tick.armed) == (State.HOLD, Reason.STOP_REQUESTED, False)
