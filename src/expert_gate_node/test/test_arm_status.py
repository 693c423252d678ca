"""What drivers of real arms say, in one state with its reason."""

from types import SimpleNamespace

import pytest
from drift_control.inputs import ArmState
from expert_gate_node.arm_status.franka import franka_state
from expert_gate_node.arm_status.ur import PROGRAM_TOPIC, ROBOT_TOPIC, SAFETY_TOPIC, SPEED_TOPIC, UrStatus
from expert_gate_node.inbox import Inbox
from expert_gate_node.ros.optional import optional

WELL = {ROBOT_TOPIC: 7, SAFETY_TOPIC: 1, PROGRAM_TOPIC: True, SPEED_TOPIC: 100.0}


def ur(has_modes=True, **changes):
    """Return the state after one message of each topic at 5 s; None: of that one there was none."""
    status = UrStatus(has_modes)
    names = {"robot": ROBOT_TOPIC, "safety": SAFETY_TOPIC, "program": PROGRAM_TOPIC, "speed": SPEED_TOPIC}
    values = {**WELL, **{names[name]: value for name, value in changes.items()}}
    for topic, value in values.items():
        if value is not None:
            status.put(topic, value, 5.0)
    return status.arm_state(6.0)


def test_a_ur_is_as_fast_as_its_slider_and_as_old_as_its_speed_scaling():
    assert ur(speed=50.0) == ArmState(True, False, 0.5, 5.0)
    assert ur(safety=2).ready  # reduced


@pytest.mark.parametrize(
    ("changes", "stopped", "words"),
    [
        ({"safety": 3, "program": False}, True, "in PROTECTIVE STOP"),
        ({"safety": 7}, True, "in ROBOT EMERGENCY STOP"),
        ({"safety": 99}, True, "in safety mode 99"),
        ({"robot": 5}, False, "robot mode is IDLE, must be RUNNING"),
        ({"program": False}, False, "program does not run"),
        ({"program": None}, False, f"nothing heard of {PROGRAM_TOPIC}"),
        ({"speed": None}, False, f"nothing heard of {SPEED_TOPIC}"),
        ({"robot": None, "safety": None}, False, f"nothing heard of {ROBOT_TOPIC}, {SAFETY_TOPIC}"),
    ],
)
def test_what_keeps_a_ur_from_moving_is_named(changes, stopped, words):
    state = ur(**changes)
    assert (state.ready, state.protective_stop) == (False, stopped) and words in state.trouble


def test_without_the_messages_of_its_modes_a_ur_is_judged_by_its_program():
    assert ur(has_modes=False, robot=None, safety=None).ready
    assert "program does not run" in ur(False, robot=None, safety=None, program=False).trouble


@pytest.mark.parametrize(
    ("mode", "errors", "stopped", "words"),
    [
        (4, ["joint_reflex"], True, "in REFLEX (joint_reflex)"),
        (5, [], True, "in USER_STOPPED"),
        (3, [], False, "in GUIDING"),
        (1, ["power_limit_violation"], True, "reports power_limit_violation"),
        (9, [], False, "in 9"),
    ],
)
def test_what_keeps_a_franka_from_moving_is_named(mode, errors, stopped, words):
    state = franka_state(mode, errors, 5.0)
    assert (state.ready, state.protective_stop) == (False, stopped) and words in state.trouble
    assert "error_recovery" in state.trouble  # by a person; nothing here calls it


@pytest.mark.parametrize("mode", [1, 2])
def test_a_franka_that_idles_or_moves_is_ready(mode):
    assert franka_state(mode, [], 5.0) == ArmState(True, False, 1.0, 5.0)


def test_a_program_that_stopped_for_less_than_a_tick_has_stopped():
    inbox = Inbox()
    inbox.put_arm_state(ur(program=False))
    inbox.put_arm_state(ur())
    assert "program does not run" in inbox.take().arm_state.trouble
    assert inbox.take().arm_state.ready


def test_a_package_that_is_not_installed_is_said_in_one_line():
    said = []
    node = SimpleNamespace(get_logger=lambda: SimpleNamespace(info=said.append))
    assert optional(node, "maker_msgs.msg", "its stops are not seen") is None
    assert said == ["maker_msgs is not installed: its stops are not seen"]
