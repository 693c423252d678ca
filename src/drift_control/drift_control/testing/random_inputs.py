"""Random devices, chunks, requests and clocks for the gate, and what must hold whatever they are.

Used by the properties, and at length by acceptance/fuzz.py.
"""

import itertools
import math
from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from drift_control.commanded import MOVED_M, MOVED_RAD, SAG_RAD
from drift_control.gate.state import GuardFlag, State
from drift_control.inputs import JoyReading
from drift_control.robot.joint_states import JointStateMerger
from drift_control.robot.robot import TURN_RAD
from drift_control.testing.bench import DRIVER, ECHO

# Set in every tick in which the guard brakes (and in some in which it only slows down).
BRAKING = (
    GuardFlag.HOLD | GuardFlag.POSITION | GuardFlag.TCP_SPEED | GuardFlag.WORKSPACE | GuardFlag.COLLISION
)
rate = st.floats(-1.5, 1.5)
number = st.one_of(st.floats(-0.5, 0.5), st.sampled_from([math.nan, math.inf, -math.inf, 1e300, 5.0]))
at_an_end = st.dictionaries(st.integers(0, 7), st.sampled_from([-1.0, 0.5, 1.0]), max_size=3)
joy = st.one_of(
    st.none(),
    st.tuples(
        st.just("steady"), st.booleans(), at_an_end
    ),  # to the bit: a hand that keeps still, a trigger at rest
    st.tuples(st.just("stick"), st.booleans(), st.tuples(rate, rate, rate), st.tuples(rate, rate, rate)),
    st.tuples(st.just("frozen"), st.booleans(), st.tuples(rate, rate, rate), st.tuples(rate, rate, rate)),
    st.tuples(st.just("raw"), st.lists(number, max_size=10), st.lists(st.integers(0, 1), max_size=12)),
)
chunk = st.one_of(
    st.none(),
    st.tuples(st.just("line"), st.tuples(rate, rate, rate), st.floats(0.0, 0.4), st.floats(0.02, 0.3)),
    st.tuples(st.just("offset"), st.tuples(rate, rate, rate), st.floats(0.0, 0.4), st.floats(0.02, 0.3)),
    st.tuples(st.just("random"), st.integers(0, 2**31), st.floats(0.0, 0.4), st.floats(0.02, 0.3)),
    st.tuples(st.just("bad"), number, st.integers(0, 12), st.integers(0, 12)),
    st.tuples(st.just("broken"), st.sampled_from(["stamp_s", "oldest_input_s", "dt_s"]), number),
    st.tuples(st.just("broken"), st.just("action_space"), st.text(max_size=3)),
    st.tuples(st.just("joints"), st.integers(0, 2**31), st.floats(0.0, 0.4), st.floats(0.02, 0.3)),
)
rarely = st.integers(0, 11).map(lambda n: n == 0)
segment = st.fixed_dictionaries(
    {
        "ticks": st.integers(1, 60),
        "at_rest": st.booleans(),  # the sticks are, in the first tick
        "snaps": rarely,  # to its end in one tick, as a trigger
        "joy": joy,
        "joy_silent": rarely,
        "other": joy,  # of a second joystick, where there is one
        "two_publishers": rarely,
        "chunk": chunk,
        "chunk_every": st.integers(1, 10),
        "old_epoch": rarely,
        "arm": st.booleans(),
        "stop": rarely,
        "home": rarely,
        "silent": rarely,
        "joints": st.sampled_from(["sound"] * 10 + ["not finite", "too few"]),
        "joints_ahead_s": st.sampled_from([0.0] * 20 + [-0.3, 0.02, 0.05, 0.9]),
        "two_drivers": st.integers(0, 39).map(lambda n: n == 0),  # each is refused for 2 s more
        "gripper_silent": rarely,
        "gripper_every": st.sampled_from([1] * 6 + [5, 20]),
        "gripper_speed_m_s": st.sampled_from([math.inf] * 6 + [0.02, 0.0]),
        "conflict": rarely,
        "chunk_ahead_s": st.sampled_from([0.0] * 10 + [0.02, 0.05, 0.9]),
        "whole_turns": st.sampled_from([0] * 10 + [-1, 1]),
        "jog_rad": st.sampled_from([0.0] * 6 + [-0.045, 0.0005, 0.01, 0.045]),
        "hand_m": st.sampled_from([None] * 8 + [0.0, 0.03, 0.08]),
        "stuck": rarely,
        "stall_s": st.sampled_from([0.0] * 10 + [0.1, 0.5, 1.5]),
        "joy_offset_s": st.sampled_from([0.0] * 10 + [-30.0, 1e6]),
        "jump_s": st.sampled_from([0.0] * 10 + [-1.0, 3.0]),
        "speed_scale": st.sampled_from([1.0] * 6 + [0.3, 0.0, math.nan]),
        "protective_stop": rarely,
        "arm_silent": rarely,
    }
)
segments = st.lists(segment, min_size=1, max_size=8)


def make_joy(bench, spec, kept, on, pushed):
    """Return the message of the joystick `on` in this tick; `pushed`: how far its sticks have got, 0..1."""
    if spec is None:
        return kept
    if spec[0] == "raw":
        return JoyReading(tuple(spec[1]), tuple(spec[2]), bench.ros_s, bench.steady_s)
    if spec[0] == "steady":
        config = bench.joysticks[on].config
        axes = tuple(spec[2].get(index, 0.0) for index in range(config.n_axes))
        buttons = tuple(int(spec[1] and i == config.buttons.enable) for i in range(config.n_buttons))
        return JoyReading(axes, buttons, bench.ros_s, bench.steady_s)
    if spec[0] == "frozen" and kept is not None:
        return JoyReading(kept.axes, kept.buttons, bench.ros_s, bench.steady_s)
    linear, angular = (pushed * np.array(rates) for rates in spec[2:])
    return bench.stick(linear, angular, enabled=spec[1], on=on)


def make_chunk(bench, spec, epoch):
    """Return a chunk as described."""
    kind = spec[0]
    if kind == "line":
        return bench.line(spec[1], delay_s=spec[2], dt_s=spec[3], epoch=epoch)
    if kind == "offset":
        return bench.chunk(offset=spec[1], delay_s=spec[2], dt_s=spec[3], epoch=epoch)
    if kind == "bad":
        return bench.chunk(np.full((spec[2], spec[3]), spec[1]), epoch=epoch)
    if kind == "broken":
        return bench.chunk(epoch=epoch, **{spec[1]: spec[2]})
    rng = np.random.default_rng(spec[1])
    if kind == "random":
        data = rng.normal(size=(16, 10))
        return bench.chunk(data, delay_s=spec[2], dt_s=spec[3], epoch=epoch)
    data = rng.normal(size=(16, bench.robot.n_joints + 1))
    return bench.chunk(data, delay_s=spec[2], dt_s=spec[3], epoch=epoch, action_space="joint_position")


def play(bench, segments):
    """Run the segments through the gate."""
    bench.merger = JointStateMerger(bench.robot.config)
    bench.tick(arm=True)
    kept, newest = dict.fromkeys(bench.joysticks), None
    for part in segments:
        bench.joints_silent, bench.follows = part["silent"], not part["stuck"]
        bench.joints, bench.gripper_silent = part["joints"], part["gripper_silent"]
        bench.joints_ahead_s = part["joints_ahead_s"]
        bench.joint_publishers = (DRIVER, ECHO) if part["two_drivers"] else (DRIVER,)
        bench.gripper_every, bench.gripper_speed_m_s = part["gripper_every"], part["gripper_speed_m_s"]
        bench.conflict = "two publishers of one joint" if part["conflict"] else ""
        if not bench.ticks[-1].sent:  # somebody else turns its joints and moves the hand
            bench.q = bench.q + part["jog_rad"]
            bench.gripper_m = bench.gripper_m if part["hand_m"] is None else part["hand_m"]
            bench.q = bench.robot.nearest_turn(bench.q, bench.q + TURN_RAD * part["whole_turns"])
        bench.stall(part["stall_s"])
        bench.ros_s += part["jump_s"]
        bench.joy_offset_s, bench.joy_silent = part["joy_offset_s"], part["joy_silent"]
        bench.arm_silent = part["arm_silent"]
        bench.ready(speed_scale=part["speed_scale"], protective_stop=part["protective_stop"])
        for i in range(part["ticks"]):
            for name, message in kept.items():
                spec = part["joy" if name == bench.first else "other"]
                pushed = 1.0 if i > 1 or part["snaps"] else 0.03  # of 1.5 m/s, which is far beyond full speed
                if i == 0 and part["at_rest"]:
                    message, spec = bench.stick(enabled=False, on=name), None
                made = kept[name] = make_joy(bench, spec, message, name, pushed)
                if part["two_publishers"] and made is not None:
                    kept[name] = replace(made, publisher=(DRIVER, ECHO)[i % 2])
            held = {name: message for name, message in kept.items() if message is not None}
            if part["chunk"] is not None and i % part["chunk_every"] == 0:
                newest = make_chunk(bench, part["chunk"], bench.ticks[-1].epoch - part["old_epoch"])
                newest = replace(newest, stamp_s=newest.stamp_s + part["chunk_ahead_s"])
            first = i == 0
            tick = bench.tick(
                chunk=newest,
                joy=held.pop(bench.first, None),
                others=held,
                arm=part["arm"],
                stop=part["stop"] and first,
                home=part["home"] and first,
            )
            assert not (tick.armed and bench.stop_asked)


def stretches(bench):
    """Return the ticks in parts: sent or not."""
    return [list(ticks) for _, ticks in itertools.groupby(bench.ticks, key=lambda tick: tick.sent)]


def check_limits(bench):
    """Assert that nothing that was sent broke a limit, and that each stretch of it began at the arm."""
    left = None  # measured when the gate fell silent
    for stretch in stretches(bench):
        if not stretch[0].sent:
            left = stretch[0].measured if left is None else left
            continue
        check_stretch(bench, stretch)
        if left is not None:
            check_beginning(bench, stretch[0], left)
        left = None


def check_beginning(bench, tick, left):
    """Assert that the first command after a silence is where arm and hand are, once others moved them.

    `left`: (J + 1,) measured when the gate fell silent.
    """
    step_rad = bench.robot.velocity.max() * bench.config.dt_s
    step_m = bench.robot.config.gripper.speed_m_s * bench.config.dt_s
    away, moved = np.abs(tick.commanded - tick.measured), np.abs(tick.measured - left)
    assert away[:-1].max() <= (step_rad if moved[:-1].max() > MOVED_RAD else SAG_RAD + step_rad)
    assert away[-1] <= step_m + 1e-9 or moved[-1] <= MOVED_M


def check_stretch(bench, ticks):
    """Assert that consecutive ticks broke no limit. Tolerances: rounding only (1e-6 of the limit)."""
    robot, dt_s = bench.robot, bench.config.dt_s
    q = np.array([tick.command for tick in ticks])
    if len(q) < 4:
        return
    velocity = np.diff(q, axis=0) / dt_s
    acceleration = np.diff(velocity, axis=0) / dt_s
    jerk = np.diff(acceleration, axis=0) / dt_s
    # A change of acceleration seen here is made within three ticks, in any of which the guard may brake.
    braking = np.array([bool(tick.guard_flags & BRAKING) for tick in ticks])
    by_motion = ~(braking[1:-2] | braking[2:-1] | braking[3:])
    assert np.isfinite(q).all()
    assert (np.abs(velocity) <= robot.velocity * (1 + 1e-6)).all()
    assert (np.abs(acceleration) <= robot.acceleration * (1 + 1e-6)).all()
    assert (np.abs(jerk) <= robot.braking_jerk * (1 + 1e-6)).all()
    assert (np.abs(jerk[by_motion]) <= robot.jerk * (1 + 1e-6)).all()
    assert (q >= robot.low - 1e-9).all() and (q <= robot.high + 1e-9).all()
    tcp = np.array([tick.action[:3] for tick in ticks])
    assert np.linalg.norm(np.diff(tcp, axis=0), axis=1).max() <= robot.config.tcp_speed_max_m_s * dt_s
    gripper = np.array([tick.gripper_m for tick in ticks])
    assert gripper.min() >= 0.0 and gripper.max() <= robot.config.gripper.opening_max_m
    assert np.abs(np.diff(gripper)).max(initial=0.0) <= robot.config.gripper.speed_m_s * dt_s + 1e-9
    workspace = robot.config.workspace
    assert (tcp >= workspace.tcp_low_m - 0.003).all() and (tcp <= workspace.tcp_high_m + 0.003).all()


def check_hold(bench):
    """Assert that a hold stands still once it has come to rest, unless an arm request eases it to the arm."""
    for before, here, after in zip(bench.ticks[:-2], bench.ticks[1:-1], bench.ticks[2:], strict=True):
        held = {tick.state for tick in (before, here, after)} == {State.HOLD} and before.sent and here.sent
        if held and after.armed and np.array_equal(before.command, here.command):
            assert np.array_equal(here.command, after.command)
