"""Guided by hand: nothing is sent, what is measured is recorded, and the arm is taken back without a jump."""

import re
from dataclasses import replace

import numpy as np
import pytest
from drift_config.errors import ConfigError
from drift_control.gate.state import CommandSource, GuardFlag, Reason, State
from drift_control.robot.pose import pose_to_action
from drift_control.robot.robot import Robot
from drift_control.teleop.devices import check_fits, load_device
from drift_control.testing.hand_guiding import GuidedBench
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SLOWLY = np.array([0.05, 0.0, 0.0, 0.0, 0.0, 0.0])  # [rad/s] of the base: 23 mm/s at home


@pytest.fixture(scope="session")
def pedal(config_folder):
    return load_device(config_folder / "joysticks" / "hand_guiding.yaml")


@pytest.fixture
def new_guided(new_bench, ur5e, pedal):
    """A function that makes an armed UR5e with a pedal for hand guiding, and with other devices beside."""
    robot = Robot(replace(ur5e.config, hand_guiding="ur"))

    def make(**others):
        guided = GuidedBench(new_bench(robot, {"joy": pedal, **others}))
        guided.arm()
        return guided

    return make


@pytest.fixture
def arm(new_guided):
    return new_guided()


def states(ticks):
    return list(dict.fromkeys((tick.state, tick.source) for tick in ticks))


def test_the_pedal_lets_go_of_the_arm_and_what_is_measured_is_the_action_of_the_expert(arm):
    arm.guide(SLOWLY)
    arm.run(2.0)
    tick, robot = arm.bench.ticks[-1], arm.bench.robot
    assert states(arm.bench.ticks) == [
        (State.HOLD, CommandSource.HOLD),  # not armed yet
        (State.EXPERT, CommandSource.EXPERT),
        (State.GUIDED, CommandSource.HOLD),  # while controllers are switched
        (State.GUIDED, CommandSource.EXPERT),
    ]
    assert tick.measured[0] - robot.home[0] == pytest.approx(0.1, abs=0.002)
    assert np.array_equal(tick.commanded[:-1], tick.measured[:-1])
    assert np.array_equal(tick.action, pose_to_action(robot.forward(tick.measured[:-1]), tick.gripper_m))
    guided = [tick for tick in arm.bench.ticks if tick.guided]
    assert {tick.guard_flags for tick in guided} == {GuardFlag.NONE}  # no hold: each step may be a label
    assert {tick.intervention_id for tick in guided} == {1}


def test_from_the_first_question_to_the_last_answer_nothing_is_sent(arm):
    arm.guide(SLOWLY)
    arm.run(1.0)
    arm.held = False
    arm.run(0.5)
    off = [tick for tick in arm.bench.ticks if tick.switch is not None or tick.guided]
    assert len(off) > 50 and not any(tick.sent for tick in off)


def test_the_arm_is_taken_back_at_rest_from_where_it_is_and_the_policy_needs_a_chunk_made_after_that(arm):
    arm.guide(SLOWLY)
    arm.run(1.0)
    arm.held, arm.hand_rad_s = False, 0.0 * SLOWLY
    old = arm.bench.chunk()
    tick = arm.tick(chunk=old)
    assert (tick.state, tick.reason) == (State.HOLD, Reason.WAITING_FOR_CHUNK)
    assert tick.text == "handed back; waiting for a chunk; the controllers are being switched back"
    between = arm.bench.chunk()  # the epoch after the release, before the arm is back
    while not tick.sent:
        tick = arm.tick(chunk=between)
        assert tick.state is State.HOLD
    assert np.abs(tick.command - tick.measured[:-1]).max() <= 0.001
    assert arm.run(0.5, chunk=between).source is CommandSource.HOLD
    assert arm.run(0.5, chunk=arm.bench.chunk()).source is CommandSource.POLICY


def test_a_moving_policy_is_brought_to_rest_before_the_arm_is_let_go(arm):
    arm.run(1.0, chunk=arm.bench.line((0.0, 0.1, 0.0)))
    assert np.abs(arm.bench.ticks[-1].velocity).max() > 0.05
    arm.guide()
    first = next(tick for tick in arm.bench.ticks if tick.state is State.GUIDED)
    still = [tick for tick in arm.bench.ticks[: first.seq - 1] if not tick.velocity.any()][-1]
    assert still.seq == first.seq - 1  # the last command is at rest
    rest = [tick.command for tick in arm.bench.ticks[first.seq - 11 : first.seq - 1]]
    assert np.ptp(rest, axis=0).max() <= 0.001  # for 0.2 s


@pytest.mark.parametrize(
    ("hand_rad_s", "reason", "words"),
    [
        ((0.3, 0.0, 0.0, 0.0, 0.0, 0.0), Reason.OUT_OF_WORKSPACE, "the TCP would leave the workspace"),
        ((0.8, 0.0, 0.0, 0.0, 0.0, 0.0), Reason.TOO_FAST, "m/s, allowed: 0.25"),  # 0.8 x 0.45 = 0.36 m/s
        ((0.0, 0.0, 0.0, 0.0, 0.0, 1.6), Reason.TOO_FAST, "joint 5 was guided at 1.60 rad/s, allowed: 1.57"),
    ],
)
def test_too_far_or_too_fast_ends_in_a_hold_with_the_reason_until_the_pedal_is_pressed_anew(
    arm, hand_rad_s, reason, words
):
    arm.guide(np.array(hand_rad_s))
    tick = arm.tick()
    for _ in range(200):
        tick = arm.tick() if tick.state is State.GUIDED else tick
    assert (tick.state, tick.reason) == (State.HOLD, reason) and words in tick.text
    assert outside_m(arm) < 0.01
    arm.hand_rad_s = np.zeros(6)
    assert arm.run(1.0, chunk=arm.bench.chunk()).state is State.HOLD  # the pedal is still down
    arm.held = False
    arm.tick()
    assert arm.guide().tick().state is State.GUIDED


def outside_m(arm):
    """Return how far the TCP is beyond the workspace [m]."""
    workspace, tcp = arm.bench.robot.config.workspace, arm.bench.robot.forward(arm.bench.q).position
    return np.maximum(workspace.tcp_low_m - tcp, tcp - workspace.tcp_high_m).max()


def test_an_arm_that_was_led_out_may_be_led_back_but_no_further(arm):
    turn = np.array([0.3, 0.0, 0.0, 0.0, 0.0, 0.0])
    arm.guide(turn)
    arm.run(4.0)
    assert arm.bench.ticks[-1].reason is Reason.OUT_OF_WORKSPACE
    arm.held = False
    arm.run(0.5)
    arm.guide(-turn)
    assert arm.run(0.5).state is State.GUIDED
    arm.hand_rad_s = turn
    assert arm.run(1.0).reason is Reason.OUT_OF_WORKSPACE


def test_a_lost_pedal_takes_the_arm_back_and_holds_for_the_person(arm):
    arm.guide(SLOWLY)
    arm.run(0.5)
    arm.hand_rad_s = np.zeros(6)
    for _ in range(50):
        arm.tick(joy=None, chunk=arm.bench.chunk())
    tick = arm.bench.ticks[-1]
    assert (tick.state, tick.reason, tick.sent) == (State.HOLD, Reason.JOY_LOST, True)
    assert arm.driven
    assert arm.run(0.5, chunk=arm.bench.chunk()).state is State.HOLD  # the pedal speaks, and is held
    arm.held = False
    assert arm.run(0.5, chunk=arm.bench.chunk()).state is State.HOLD  # released, but not pressed anew
    arm.guide()
    arm.held = False
    arm.run(0.5)
    assert arm.run(0.5, chunk=arm.bench.chunk()).state is State.POLICY


def test_a_stop_takes_the_arm_back_and_stays(arm):
    arm.guide(SLOWLY)
    arm.run(0.5)
    tick = arm.tick(stop=True)
    assert (tick.state, tick.reason, tick.armed) == (State.HOLD, Reason.STOP_REQUESTED, False)
    arm.hand_rad_s = np.zeros(6)
    tick = arm.run(1.0, chunk=arm.bench.chunk())
    assert arm.driven and tick.state is State.HOLD and not any(t.sent for t in arm.bench.ticks[-50:])


def test_an_emergency_stop_of_the_arm_is_a_fault_and_the_arm_is_taken_back(arm):
    arm.guide(SLOWLY)
    arm.run(0.5)
    arm.bench.ready(protective_stop=True)
    tick = arm.tick()
    assert (tick.state, tick.reason) == (State.FAULT, Reason.PROTECTIVE_STOP)
    arm.run(1.0)
    assert arm.driven and not arm.bench.ticks[-1].armed


@pytest.mark.parametrize(("refusal", "silent"), [("hardware arm is not active", False), ("", True)])
def test_a_switch_that_is_refused_or_not_answered_holds_with_its_reason_and_nothing_is_driven(
    arm, refusal, silent
):
    arm.refusal, arm.silent = refusal, silent
    arm.guide()
    before = arm.bench.ticks[-1].seq
    arm.refusal = ""
    arm.run(3.2)  # the limit is 3 s
    arm.silent = False
    ticks = arm.bench.ticks
    assert any(tick.reason is Reason.SWITCH_FAILED and tick.state is State.HOLD for tick in ticks)
    assert (refusal or "has not answered within 3.0 s") in next(
        tick.text for tick in ticks if tick.reason is Reason.SWITCH_FAILED
    )
    arm.run(1.0, chunk=arm.bench.chunk())
    assert not any(tick.source is CommandSource.POLICY for tick in ticks[before:])
    q = np.array([tick.command for tick in ticks[before:]])
    assert np.ptp(q, axis=0).max() == 0.0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"silent": True}, "has not answered within 3.0 s"),
        ({"refusal": "no controller x is loaded"}, "no controller x is loaded"),
    ],
)
def test_an_arm_that_is_not_given_back_is_a_fault_and_nothing_is_sent(arm, change, words):
    arm.guide()
    vars(arm).update(change)
    arm.held = False
    first = arm.bench.ticks[-1].seq
    tick = arm.run(3.2)
    assert (tick.state, tick.reason) == (State.FAULT, Reason.SWITCH_FAILED) and words in tick.text
    assert "the arm may be free to move, activate its controller" in tick.text
    assert not any(tick.sent for tick in arm.bench.ticks[first:])


def test_an_arm_whose_way_back_is_refused_is_asked_for_again_twice_a_second_until_the_limit(arm):
    arm.guide()
    arm.refusal, arm.held = "the hardware is busy", False
    first = arm.bench.ticks[-1].seq
    arm.run(1.6)
    asked = {tick.switch.id for tick in arm.bench.ticks[first:] if tick.switch is not None}
    assert len(asked) == 4  # at 0, 0.5, 1.0 and 1.5 s
    arm.refusal = ""
    tick = arm.run(1.0)
    assert arm.driven and tick.state is State.HOLD and tick.sent and tick.armed


@pytest.mark.parametrize("active", [(False, False), (True, True), (True, False)])
def test_controllers_that_somebody_else_switches_are_a_fault(arm, active):
    arm.guide()
    arm.driven, arm.guided = active
    tick = arm.tick()
    assert (tick.state, tick.reason) == (State.FAULT, Reason.PROTECTIVE_STOP)
    assert "somebody else has switched" in tick.text


def test_a_controller_that_leaves_while_the_gate_drives_stays_a_fault(arm):
    arm.driven = False
    assert arm.tick().state is State.FAULT


def test_an_arm_that_goes_on_moving_is_not_taken_back(arm):
    arm.guide(SLOWLY)
    arm.held = False
    arm.tick()

    def drift():
        arm.bench.q = arm.bench.q + 0.0005  # 25 mrad/s, whatever is commanded
        return arm.tick()

    ticks = [drift() for _ in range(170)]
    assert ticks[-1].state is State.FAULT and not any(tick.sent for tick in ticks)


def test_a_manager_that_cannot_be_asked_is_said_and_the_arm_stands(arm):
    arm.objection = "no controller freedrive_mode_controller is loaded"
    arm.held = True
    tick = arm.tick()
    assert (tick.state, tick.reason) == (State.HOLD, Reason.SWITCH_FAILED)
    assert tick.text == f"not guided by hand: {arm.objection}"


def test_an_arm_that_could_not_be_guided_any_more_is_taken_back_while_it_can_be(arm):
    arm.guide(SLOWLY)
    arm.objection = "the process that takes the arm back if the gate dies is not ready"
    tick = arm.tick()
    assert (tick.state, tick.reason) == (State.HOLD, Reason.SWITCH_FAILED)
    assert tick.text.startswith(f"guided by hand no more: {arm.objection}")
    arm.hand_rad_s = 0.0 * SLOWLY
    tick = arm.run(0.5)
    assert arm.driven and tick.sent and tick.state is State.HOLD
    arm.objection = ""
    assert arm.run(0.5).state is State.HOLD  # the pedal is still down


def test_while_the_arm_is_taken_back_nobody_drives_it_nor_sends_it_home(new_guided, keyboard):
    arm = new_guided(pad=keyboard)
    arm.guide()
    arm.held, arm.silent = False, True
    arm.tick()
    stick = lambda enabled: {"pad": arm.bench.stick(enabled=enabled, on="pad")}  # noqa: E731
    arm.tick(others=stick(False))
    for _ in range(20):
        assert arm.tick(others=stick(True), home=True, arm=True).state is State.HOLD
    arm.silent = False
    ticks = [arm.tick(others=stick(True)) for _ in range(10)]
    assert [tick.text for tick in ticks if tick.state is State.EXPERT] == [
        "pad drives"
    ] * 7  # answered in the third


def test_a_device_that_guides_is_refused_where_the_robots_file_does_not_say_how(pedal, ur5e):
    with pytest.raises(ConfigError, match="hand_guiding of robot ur5e is none"):
        check_fits(pedal, ur5e.config)


def test_hand_guiding_is_off_in_every_file_and_needs_an_arm_that_says_when_it_has_stopped(robots, panda):
    assert {robot.config.hand_guiding for robot in robots.values()} == {"none"}
    with pytest.raises(ValueError, match="hand_guiding='ur' must be none, or arm_state='message'"):
        replace(panda.config, hand_guiding="ur")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"hand_guiding_controller": "mine"}, "empty where hand_guiding is none, got 'none'"),
        (
            {"hand_guiding": "ur", "hand_guiding_controller": "scaled_joint_trajectory_controller"},
            "must be another one than controller='scaled_joint_trajectory_controller'",
        ),
        ({"hand_guiding": "ur", "hand_guiding_controller": "/left/freedrive"}, "should match pattern"),
        ({"hand_guiding": "franka"}, "hand_guiding='franka' must be none, or arm_state='ur'"),
    ],
)
def test_a_controller_of_hand_guiding_that_cannot_be_is_refused(ur5e, changes, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        replace(ur5e.config, **changes)


part = st.fixed_dictionaries(
    {
        "ticks": st.integers(1, 60),
        "held": st.booleans(),
        "lost": st.integers(0, 9).map(lambda n: n == 0),
        "stop": st.integers(0, 9).map(lambda n: n == 0),
        "arm": st.booleans(),
        "home": st.integers(0, 9).map(lambda n: n == 0),
        "refusal": st.sampled_from([""] * 6 + ["no"]),
        "silent": st.integers(0, 6).map(lambda n: n == 0),
        "others": st.sampled_from([None] * 8 + [(False, False), (True, True), (False, True)]),
        "protective_stop": st.integers(0, 9).map(lambda n: n == 0),
        "hand": st.sampled_from([0.0, 0.0, 0.05, -0.3, 2.0]),
    }
)


@given(parts=st.lists(part, min_size=1, max_size=8))
@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_whatever_happens_only_an_arm_that_is_the_gates_is_commanded_and_from_where_it_is(new_guided, parts):
    """Also: the policy drives after hand guiding only once the pedal was seen up."""
    arm = new_guided()
    sent, up = True, True  # in the last tick; since the arm was last guided
    for spec in parts:
        arm.held, arm.refusal, arm.silent = spec["held"], spec["refusal"], spec["silent"]
        arm.driven, arm.guided = spec["others"] or (arm.driven, arm.guided)
        arm.hand_rad_s = np.full(6, spec["hand"])
        arm.bench.ready(protective_stop=spec["protective_stop"])
        for i in range(spec["ticks"]):
            once = {name: spec[name] and i == 0 for name in ("stop", "arm", "home")}
            lost = {"joy": None} if spec["lost"] else {}
            tick = arm.tick(chunk=arm.bench.chunk(), **once, **lost)
            up = not tick.guided and (up or not (arm.held or spec["lost"]))
            assert not (tick.sent and (tick.guided or tick.switch is not None))
            assert tick.switch is None or not tick.switch.guided or tick.state is State.GUIDED
            assert tick.source is not CommandSource.POLICY or up
            assert not tick.guided or np.array_equal(tick.command, tick.measured[:-1])
            if tick.sent and not arm.bench.controller_trouble and not sent:
                assert np.abs(tick.command - tick.measured[:-1]).max() <= 0.035
            sent = tick.sent
