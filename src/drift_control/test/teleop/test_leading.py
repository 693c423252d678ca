"""What leads by its pose or its joints: no step at the press, its way, and a stop when it is lost."""

import math
from dataclasses import replace

import numpy as np
import pytest
import yaml
from drift_config.errors import ConfigError
from drift_control.gate.state import CommandSource, Reason, State
from drift_control.robot.pose import Pose, pose_to_action, rotation_from_vector, rotation_vector
from drift_control.teleop.devices import load_device
from drift_control.teleop.leader_arm import LeaderArm
from drift_control.teleop.pose_source import PoseSource
from drift_control.testing.person import Person
from drift_control.testing.random_inputs import check_hold, check_limits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

LENIENT = settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
ARMS = {"gello": "panda", "so101": "ur5e", "vr": "panda", "pose_and_pedal": "ur5e"}


@pytest.fixture
def hold(new_bench, devices):
    """A function that gives a person a device, before an armed gate."""

    def give(device, robot=None, **gate):
        name = device if isinstance(device, str) else device.config.name
        device = devices[device] if isinstance(device, str) else device
        person = Person(new_bench(robot or ARMS[name], {"joy": device}, **gate))
        person.arm()
        return person

    return give


def changed(device, **change):
    return type(device)(replace(device.config, **change))


# --- a tracked thing


def test_the_hand_goes_as_far_as_the_controller_and_as_it_turns(hold):
    person = hold("vr")
    person.press()
    start = person.tcp
    person.carry((0.05, -0.10, 0.02), (0.0, 0.0, 0.3))
    person.run(1.0)
    assert person.tcp.position - start.position == pytest.approx([0.05, -0.10, 0.02], abs=1e-3)
    assert rotation_vector(person.tcp.rotation @ start.rotation.T) == pytest.approx([0, 0, 0.3], abs=5e-3)
    check_limits(person.bench)


def test_it_follows_a_hand_of_a_tenth_of_a_metre_a_second_by_less_than_fifteen_millimetres(hold):
    person = hold("vr")
    person.press()
    start = person.tcp.position
    person.carry((0.0, 0.08, 0.0), seconds=0.8)
    assert 0.08 - 0.015 < person.tcp.position[1] - start[1] < 0.08


def test_a_controller_that_comes_to_rest_is_not_passed_by_more_than_a_millimetre(hold):
    person = hold("vr")
    person.press()
    start = person.tcp.position
    person.carry((0.0, 0.15, 0.0), seconds=0.9)
    ways = []
    for _ in range(60):
        person.tick()
        ways.append(person.tcp.position[1] - start[1])
    assert max(ways) < 0.151 and ways[-1] == pytest.approx(0.15, abs=1e-3)


def test_no_motion_of_the_controller_is_faster_than_its_file_says(hold):
    person = hold("pose_and_pedal")
    person.press()
    person.carry((0.0, 0.5, 0.0), seconds=0.5)  # 1 m/s, halved by scale
    assert person.bench.tcp_speed.max() <= 0.15 * 1.2  # a fifth to catch up with what its jerk cost


def test_what_the_hand_does_while_enable_is_up_moves_nothing(hold):
    person = hold("vr")
    person.press(0.2)
    person.release()
    before = person.bench.ticks[-1].command
    person.carry((0.3, 0.2, -0.4), (1.0, 0.5, -0.7), seconds=0.5)
    person.press(1.0)
    assert np.abs(person.bench.ticks[-1].command - before).max() < 1e-6


def test_a_hand_that_comes_back_from_beyond_a_wall_is_followed_within_ten_centimetres(hold):
    """The workspace of the Panda ends at x = 0.70 m, home is at 0.45: the controller goes 0.45 m further."""
    person = hold("vr")
    person.press()
    person.carry((0.70, 0.0, 0.0), seconds=4.0)
    person.run(2.0)
    wall = person.tcp.position[0]
    assert wall == pytest.approx(0.70, abs=4e-3)
    person.carry((-0.15, 0.0, 0.0), seconds=1.0)
    person.run(1.0)
    assert person.tcp.position[0] == pytest.approx(wall - 0.05, abs=5e-3)
    check_limits(person.bench)


@pytest.mark.parametrize("name", ["vr", "gello"])
def test_taking_over_from_a_moving_policy_comes_to_rest_where_the_device_rests(hold, name):
    person = hold(name)
    bench = person.bench
    for _ in range(50):
        person.tick(chunk=bench.line((0.0, 0.15, 0.0)))
    assert bench.ticks[-1].source is CommandSource.POLICY
    person.press(2.0)
    y = np.array([tick.action[1] for tick in bench.ticks[-100:]])
    assert y.max() - y[0] > 0.004 and y.max() - y[-1] < 0.004  # no way back to where enable was pressed
    check_limits(bench)


def test_a_tracker_at_rest_is_to_a_moving_arm_what_a_stick_at_rest_is(hold, new_bench, keyboard):
    person, stick = hold("vr"), new_bench("panda", {"joy": keyboard})
    stick.run(0.1)
    stick.tick(arm=True)
    for _ in range(50):
        person.tick(chunk=person.bench.line((0.0, 0.15, 0.0)))
        stick.tick(chunk=stick.line((0.0, 0.15, 0.0)))
    person.press(1.5)
    stick.run(1.5, joy=lambda: stick.stick())
    assert np.allclose(person.bench.commands, stick.commands, atol=1e-9)


def test_the_label_is_the_guarded_command_as_an_action(hold):
    for name in ("vr", "gello"):
        person = hold(name)
        person.press()
        tick = person.carry((0.0, 0.1, 0.0)) if person.moves_pose else person.turn(0.3 * np.eye(7)[0])
        assert tick.source is CommandSource.EXPERT
        assert np.allclose(
            tick.action, pose_to_action(person.bench.robot.forward(tick.command), tick.gripper_m)
        )


# --- a leader arm


def test_the_joints_turn_as_those_of_the_leader_and_the_one_that_nobody_leads_stays(hold):
    person = hold("so101")
    person.q = np.array([1.0, -2.0, 0.5, 3.0, -0.7])  # anywhere
    person.release(0.1)
    person.press()
    start = person.bench.ticks[-1].command
    person.turn([0.2, -0.1, 0.15, 0.1, 0.4], seconds=1.5)
    person.run(1.0)
    turned = person.bench.ticks[-1].command - start
    assert turned == pytest.approx([0.2, -0.1, 0.15, 0.1, 0.0, 0.4], abs=1e-3)
    check_limits(person.bench)


def test_sign_and_scale_of_a_joint_are_those_of_its_line(hold, devices):
    joints = list(devices["gello"].config.joints)
    joints[0] = replace(joints[0], sign=-1, scale=0.5)
    person = hold(changed(devices["gello"], joints=tuple(joints)))
    person.press()
    start = person.bench.ticks[-1].command
    person.turn([0.4, 0, 0, 0, 0, 0, 0])
    person.run(1.0)
    turned = person.bench.ticks[-1].command - start
    assert turned == pytest.approx([-0.2, 0, 0, 0, 0, 0, 0], abs=1e-3)


def test_no_joint_is_faster_than_its_share_of_the_limit(hold, devices):
    person = hold(changed(devices["gello"], speed_scale=0.2))
    person.press()
    person.turn(0.4 * np.eye(7)[6], seconds=0.2)
    person.run(2.0)
    velocity = np.abs(np.diff(person.bench.commands, axis=0)) / person.bench.config.dt_s
    assert velocity[:, 6].max() <= 0.2 * 1.566 * 1.25  # a quarter to catch up with what its jerk cost


def test_an_arm_that_must_match_goes_slowly_to_the_leader_and_then_follows_it_fast(hold, devices):
    person = hold(changed(devices["gello"], start="match"))
    bench = person.bench
    person.q = bench.q + 0.4 * np.eye(7)[6]
    person.release(0.1)
    person.press(1.0)
    assert np.diff(bench.commands[:, 6]).max() / bench.config.dt_s <= 0.2 * 1.3
    assert np.abs(bench.ticks[-1].command - person.q).max() > 0.15  # after a second, 0.4 rad away
    person.run(2.0)
    assert bench.ticks[-1].command == pytest.approx(person.q, abs=2e-3)
    before = len(bench.ticks)
    person.turn(-0.4 * np.eye(7)[6], seconds=0.6)
    assert np.abs(np.diff(bench.commands[before:, 6])).max() / bench.config.dt_s > 0.5
    check_limits(bench)


def test_a_leader_that_counts_whole_turns_is_matched_at_the_turn_where_the_arm_is(hold, devices):
    person = hold(changed(devices["gello"], start="match"))
    start = person.bench.q.copy()
    person.q = start + 2.0 * math.pi * np.array([1, 0, 0, 0, 0, 0, -2])
    person.release(0.1)
    person.press(1.0)
    assert person.bench.ticks[-1].command == pytest.approx(start, abs=1e-6)


def test_a_handle_that_is_open_at_the_press_drops_nothing_and_closes_from_there(new_bench, devices):
    bench = new_bench("ur5e", {"joy": devices["so101"]})
    bench.gripper_m = 0.0  # around a thing
    person = Person(bench)
    person.handle = 1.5
    person.arm()
    assert person.press(0.5).gripper_m == pytest.approx(0.0, abs=1e-9)
    person.handle = 0.0  # beyond its end: it slips
    assert person.run(0.5).gripper_m == 0.0
    person.handle = 0.75
    half_m = bench.robot.config.gripper.opening_max_m / 2
    assert person.run(2.0).gripper_m == pytest.approx(half_m, abs=1e-6)


def test_a_leader_with_another_number_of_joints_is_refused_by_the_arm(new_bench, devices):
    text = "joystick gello: joints has 7 entries, must be one for each of the arm's 6"
    with pytest.raises(ValueError, match=text):
        new_bench("ur5e", {"joy": devices["gello"]})


# --- what is lost, or not believed


def lost(person, text):
    tick = person.bench.ticks[-1]
    assert (tick.state, tick.reason) == (State.HOLD, Reason.JOY_LOST)
    assert tick.text == f"{text}; press and release enable, or arm"


@pytest.mark.parametrize("name", ARMS)
def test_a_device_that_falls_silent_is_lost_after_its_time(hold, name):
    person = hold(name)
    person.press(0.2)
    person.silent = True
    assert person.run(0.16).state is State.EXPERT
    person.run(0.1)
    lost(person, f"{person.device.config.topic} is silent for more than 0.2 s")


def test_one_whose_stamps_stand_still_is_silent(hold):
    person = hold("vr")
    person.press(0.2)
    old = person.reading()
    person.reading = lambda: replace(old, arrival_s=person.bench.steady_s)
    person.run(0.3)
    lost(person, "vr/pose is silent for more than 0.2 s")


def test_after_it_was_lost_enable_must_be_seen_up_before_it_drives_again(hold):
    person = hold("vr")
    person.press(0.2)
    person.silent = True
    person.run(0.5)
    person.silent = False
    tick = person.run(0.5)
    assert tick.state is State.HOLD
    text = "vr/pose is silent for more than 0.2 s; release enable first"
    assert tick.refused == text
    person.release(0.1)
    assert person.press().state is State.EXPERT


def test_a_tracker_that_jumps_is_lost_with_its_way(hold):
    person = hold("vr")
    person.press(0.2)
    before = person.bench.ticks[-1].command
    person.pose = Pose(person.pose.position + [0.0, 0.0, 0.5], person.pose.rotation)
    person.tick()
    lost(person, "vr/pose: jumped by 0.500 m between two messages, allowed: jump_m=0.1")
    assert np.abs(person.run(1.0).command - before).max() < 1e-6
    person.pose = Pose(
        person.pose.position, rotation_from_vector(np.array([0.0, 0.8, 0.0])) @ person.pose.rotation
    )
    person.release(0.1)
    person.press(0.1)
    person.pose = Pose(
        person.pose.position, rotation_from_vector(np.array([0.0, 0.8, 0.0])) @ person.pose.rotation
    )
    person.tick()
    lost(person, "vr/pose: jumped by 0.80 rad between two messages, allowed: jump_rad=0.5")


def test_a_joint_that_jumps_is_lost_with_its_name(hold):
    person = hold("gello")
    person.press(0.2)
    person.q = person.q + 0.75 * np.eye(7)[2]
    person.tick()
    text = "joint 'fr3_joint3' jumped by 0.75 rad between two messages, allowed: jump_rad=0.5"
    lost(person, f"gello/joint_states: {text}")


@pytest.mark.parametrize(
    ("device", "change", "text"),
    [
        ("vr", {"frame_id": "map"}, "vr/pose: frame_id is 'map', must be 'vr_origin'"),
        ("vr", {"position_m": (0.0, math.nan, 0.0)}, "vr/pose: position is [0.0, nan, 0.0], must be finite"),
        (
            "vr",
            {"quaternion": (0.0, 0.0, 0.0, 0.0)},
            "vr/pose: orientation is [0.0, 0.0, 0.0, 0.0], of length 0, must be 1",
        ),
        (
            "vr",
            {"quaternion": (math.nan, 0.0, 0.0, 1.0)},
            "vr/pose: orientation is [nan, 0.0, 0.0, 1.0], of length nan, must be 1",
        ),
        (
            "gello",
            {"names": ("fr3_joint1", "x"), "positions": (0.0, 0.0)},
            "gello/joint_states: no joint 'fr3_joint2'; its joints: fr3_joint1, x",
        ),
        (
            "gello",
            {"positions": (0.0, 0.0, math.inf, 0.0, 0.0, 0.0, 0.0)},
            "gello/joint_states: joint 'fr3_joint3' is at inf, must be finite",
        ),
        ("gello", {"positions": (0.0,)}, "gello/joint_states: 7 names and 1 positions, must be as many"),
    ],
)
def test_a_message_that_is_broken_is_a_release_with_its_name_and_value(hold, device, change, text):
    person = hold(device)
    person.press(0.2)
    made = person.reading
    person.reading = lambda: replace(made(), **change)
    person.tick()
    lost(person, text)


def test_enable_that_is_held_before_the_device_speaks_must_be_released_first(new_bench, devices):
    person = Person(new_bench("panda", {"joy": devices["vr"]}))
    person.silent = True
    person.held = ("enable",)
    person.run(0.2)
    person.silent = False
    person.tick(arm=True)
    assert not person.run(0.2).armed
    person.arm()
    assert person.press().state is State.EXPERT


def test_a_leader_arm_takes_over_from_the_scripted_expert_without_a_step(new_bench, devices, scripted):
    bench = new_bench("panda", {"joy": devices["gello"], "expert/joy": scripted})
    person = Person(bench)
    person.run(0.1, others={})
    person.tick(arm=True, others={"expert/joy": bench.stick(enabled=False, on="expert/joy")})
    for _ in range(50):
        tick = person.tick(others={"expert/joy": bench.stick((0.0, 0.15, 0.0), on="expert/joy")})
    assert tick.source is CommandSource.EXPERT and tick.intervention_id == 1
    person.held = ("enable",)
    for _ in range(75):
        tick = person.tick(others={"expert/joy": bench.stick((0.0, 0.15, 0.0), on="expert/joy")})
    assert (tick.source, tick.intervention_id) == (CommandSource.EXPERT, 2)
    assert np.abs(np.diff(bench.commands[-20:], axis=0)).max() < 1e-5  # it has come to rest: the leader rests
    check_limits(bench)


# --- properties

way = st.floats(-1.0, 1.0)
ways = st.tuples(way, way, way)
far = st.sampled_from([-1.0, -0.6, 0.6, 1.0])  # metres, or radians: further than any file here allows
turn = st.floats(-3.0, 3.0)
turns = st.tuples(turn, turn, turn)
speed = st.floats(-0.2, 0.2)


@pytest.mark.parametrize("name", ARMS)
@given(at=ways, turned=turns, policy=st.tuples(speed, speed, speed), ticks=st.integers(0, 40))
@LENIENT
def test_a_press_at_any_pose_of_the_device_steps_no_further_than_the_guard_allows(
    hold, name, at, turned, policy, ticks
):
    """From rest, and out of a policy that drives."""
    person = hold(name)
    bench = person.bench
    person.pose = Pose(np.array(at), rotation_from_vector(np.array(turned)))
    person.q = np.resize(np.array([*at, *turned]), len(person.names))
    person.release(0.1)
    for _ in range(ticks):
        person.tick(chunk=bench.line(policy))
    person.press(1.0)
    check_limits(bench)
    if ticks == 0:
        assert np.abs(bench.commands - bench.commands[0]).max() < 1e-6
    assert np.abs(np.diff(bench.commands[-10:], axis=0)).max() < 1e-4


@pytest.mark.parametrize("name", ARMS)
@given(steps=st.lists(st.tuples(far, st.booleans(), st.integers(1, 15)), min_size=1, max_size=6))
@LENIENT
def test_a_source_that_teleports_never_moves_the_arm_beyond_the_limits(hold, name, steps):
    person = hold(name)
    person.press(0.1)
    for leap, pressed, ticks in steps:
        person.held = ("enable",) if pressed else ()
        turned = rotation_from_vector(np.array([0.0, leap, 0.0])) @ person.pose.rotation
        person.pose = Pose(person.pose.position + leap, turned)
        person.q = person.q + leap
        for _ in range(ticks):
            person.tick()
    person.run(1.0)
    check_limits(person.bench)
    check_hold(person.bench)
    assert np.abs(person.bench.commands - person.bench.commands[0]).max() < 1e-6


@pytest.mark.parametrize("name", ARMS)
@given(parts=st.lists(st.tuples(ways, turns), min_size=1, max_size=4))
@LENIENT
def test_letting_go_and_pressing_again_without_motion_moves_nothing(hold, name, parts):
    """Whatever the device does while enable is up."""
    person = hold(name)
    start = person.bench.ticks[-1].command
    for at, turned in parts:
        person.press(0.2)
        person.release(0.1)
        person.pose = Pose(np.array(at), rotation_from_vector(np.array(turned)))
        person.q = np.resize(np.array([*at, *turned]), len(person.names))
        person.release(0.1)
    assert np.abs(person.bench.commands[-1] - start).max() < 1e-6


@pytest.mark.parametrize("name", ARMS)
@given(parts=st.lists(st.tuples(ways, ways, st.booleans()), min_size=1, max_size=5))
@LENIENT
def test_no_motion_of_the_device_makes_the_command_break_a_limit(hold, name, parts):
    """Also into walls and joint limits, at speeds that no arm follows."""
    person = hold(name)
    for moved, turned, pressed in parts:
        person.held = ("enable",) if pressed else ()
        if person.moves_pose:
            person.carry(0.8 * np.array(moved), turned, seconds=0.5)
        else:
            person.turn(np.resize(np.array([*moved, *turned]), len(person.names)), seconds=0.5)
    person.run(0.5)
    check_limits(person.bench)
    check_hold(person.bench)


def test_each_kind_of_device_is_covered_here(devices):
    assert {name: type(device) for name, device in devices.items()} == {
        "gello": LeaderArm,
        "so101": LeaderArm,
        "vr": PoseSource,
        "pose_and_pedal": PoseSource,
    }


@pytest.mark.parametrize(
    ("name", "change", "complaint"),
    [
        ("vr", {"kind": "wand"}, r"kind='wand' must be one of joystick, pose, leader"),
        ("vr", {"n_buttons": 4}, r"buttons.arm=4 must be below n_buttons=4"),
        ("vr", {"scale": 0.0}, r"scale=0.0 must be greater than 0"),
        ("vr", {"frame": "world"}, r"frame='world' must be 'base' or 'tool'"),
        ("vr", {"jump_m": float("nan")}, r"jump_m=nan must be a finite number"),
        ("vr", {"frame_id": ""}, r"frame_id='' must"),
        (
            "pose_and_pedal",
            {"n_buttons": 2},
            r"message=bool is one level without a stamp: .* n_buttons=2 must be 1",
        ),
        (
            "gello",
            {"joints": [None] * 7},
            r"joints and hand must name at least one joint, each once, got \[\]",
        ),
        ("gello", {"joints": [{"name": "a"} for _ in range(7)]}, r"each once, got \['a', 'a'"),
        (
            "so101",
            {"hand": {"name": "g", "closed": 1.0, "open": 1.0}},
            r"open=1.0 must differ from closed=1.0",
        ),
        ("so101", {"speed_scale": 1.5}, r"speed_scale=1.5 must be less than or equal to 1"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused_with_key_and_value(
    tmp_path, config_folder, name, change, complaint
):
    content = yaml.safe_load((config_folder / f"joysticks/{name}.yaml").read_text())
    path = tmp_path / "device.yaml"
    path.write_text(yaml.safe_dump(content | change))
    with pytest.raises(ConfigError, match=complaint):
        load_device(path)
