"""Inbox, pulse, heartbeat, homing watch and emergency brake without ROS."""

import socket
from pathlib import Path

import numpy as np
import pytest
from drift_control.gate.state import Reason, State
from drift_control.inputs import ArmState, JoyReading, Requests
from drift_control.publishers import Publisher
from drift_control.robot.robot import load_robot
from expert_gate_node.activity import inactive, other_order
from expert_gate_node.emergency import EmergencyBrake
from expert_gate_node.heartbeat import Heartbeat
from expert_gate_node.homing import Homed, HomingWatch
from expert_gate_node.inbox import Inbox
from expert_gate_node.pulse import Pulse
from expert_gate_node.surprise import help_request

CONFIG = Path(__file__).resolve().parents[3] / "config"


def test_requests_add_up_until_the_tick_and_everything_else_stays():
    inbox = Inbox()
    inbox.put_joy("joy", JoyReading((), (), 1.0, 2.0))
    inbox.put_joy("console/joy", JoyReading((), (), 1.0, 1.5))
    inbox.request(Requests(stop=True))
    inbox.request(Requests(home=True))
    first, second = inbox.take(), inbox.take()
    assert first.requests == Requests(stop=True, home=True) and second.requests == Requests()
    assert first.joys["joy"] is second.joys["joy"] and second.joys["joy"].arrival_s == 2.0
    inbox.forget_joy("joy")
    assert list(inbox.take().joys) == ["console/joy"]


def test_of_joystick_messages_between_two_ticks_the_newest_stays_and_every_publisher():
    inbox = Inbox()
    a, b = Publisher(b"\x01", "/a"), Publisher(b"\x02", "/b")
    for publisher in (a, b, a):
        inbox.put_joy("joy", JoyReading((), (), 0.0, 0.0, publisher))
    first = inbox.take().joys["joy"]
    inbox.put_joy("joy", JoyReading((), (), 0.02, 0.02, a))
    second = inbox.take().joys["joy"]
    assert (first.publisher, first.beside) == (a, (b,))
    assert (second.publisher, second.beside) == (a, ())


def test_a_protective_stop_between_two_ticks_is_not_missed():
    inbox = Inbox()
    inbox.put_arm_state(ArmState(ready=False, protective_stop=True, speed_scale=1.0, arrival_s=1.0))
    inbox.put_arm_state(ArmState(ready=True, protective_stop=False, speed_scale=1.0, arrival_s=1.1))
    assert inbox.take().arm_state.protective_stop and not inbox.take().arm_state.protective_stop


def test_help_is_asked_for_when_the_policy_that_drives_sees_something_else_than_it_foresaw():
    text = "what is seen lies further than 1.5 from what the policy foresaw; help wanted"
    assert help_request(1.6, 1.5, State.POLICY) == text
    for error, most, state in (
        (1.5, 1.5, State.POLICY),
        (float("nan"), 1.5, State.POLICY),
        (9.0, 0.0, State.POLICY),
        (9.0, 1.5, State.HOLD),
        (9.0, 1.5, State.EXPERT),
    ):
        assert help_request(error, most, state) == ""


def test_a_tick_is_late_when_it_comes_more_than_one_period_after_it_was_due():
    pulse = Pulse(period_s=0.02)
    for now_s in (0.0, 0.02, 0.055, 0.1, 0.12):  # periods of 20, 35, 45 and 20 ms
        pulse.beat(now_s)
    assert (pulse.ticks, pulse.late) == (5, 1)
    assert pulse.summary().max == pytest.approx(0.045)
    assert pulse.figures()["late_ratio"] == pytest.approx(0.2)


def test_a_heartbeat_goes_out_every_fifth_of_a_second_and_never_waits(tmp_path, monkeypatch):
    address = str(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.bind(address)
        supervisor.setblocking(False)
        heartbeat = Heartbeat()
        for tick in range(21):  # 0.4 s
            heartbeat.beat(5.0 + 0.02 * tick)
        heard = [supervisor.recv(100) for _ in range(3)]
        assert heard == [b"WATCHDOG=1"] * 3
        with pytest.raises(BlockingIOError):
            supervisor.recv(100)
        for tick in range(1000):  # more than the socket holds, and nobody reads
            heartbeat.beat(10.0 + tick)
    heartbeat.beat(2000.0)  # nobody is there any more
    monkeypatch.delenv("NOTIFY_SOCKET")
    Heartbeat().beat(0.0)


@pytest.mark.parametrize(
    ("ticks", "homed"),
    [
        ([(State.HOMING, 0.5), (State.HOMING, 0.1), (State.HOLD, 0.001)], Homed.DONE),
        ([(State.HOLD, 0.5)], Homed.REFUSED),
        ([(State.HOLD, 0.0)], Homed.REFUSED),  # at home, but refused
        ([(State.HOLD, -1.0)], Homed.REFUSED),  # no joint state yet
        ([(State.HOMING, 0.5), (State.EXPERT, 0.4)], Homed.INTERRUPTED),
        ([(State.HOMING, 0.5)] * 60 + [(State.HOLD, 0.4)], Homed.TIMEOUT),
        ([(State.HOMING, -1.0), (State.HOLD, -1.0, Reason.NO_WAY)], Homed.NO_WAY),
        ([(State.HOLD, -1.0, Reason.NO_WAY)], Homed.REFUSED),  # that of the request before
    ],
)
def test_how_a_home_request_ends(ticks, homed):
    watch = HomingWatch(limit_s=1.0, started_s=0.0)
    outcomes = []
    for k, (state, distance_rad, *reason) in enumerate(ticks):
        outcomes.append(watch.update(state, *(reason or [Reason.NONE]), distance_rad, k * 0.02))
    assert outcomes[-1] == homed and set(outcomes[:-1]) <= {None}


def test_the_emergency_brake_stops_within_the_acceleration_limit():
    robot = load_robot(CONFIG / "robots" / "panda.yaml")
    brake, q = EmergencyBrake(robot, 0.02), robot.home.copy()
    assert brake.command() is None and brake.still
    for _ in range(3):
        q = q + np.array([0.02, 0, 0, 0, 0, 0, 0])  # 1 rad/s
        brake.note(q, 0.04)
    path = [q]
    for _ in range(40):
        path.append(brake.command())
    assert brake.still and np.array_equal(path[-1], path[-2])
    # 1 rad/s at 5 rad/s^2 and, braking, 250 rad/s^3: v^2 / 2a + v a / 2j = 0.1 + 0.01 rad
    assert path[-1][0] - q[0] == pytest.approx(0.11, abs=0.005)
    assert np.abs(np.diff(path, n=2, axis=0)).max() / 0.02**2 <= 5.0 + 1e-6
    assert brake.gripper_m == 0.04


def test_the_emergency_brake_does_not_leap_back_into_the_limits():
    robot = load_robot(CONFIG / "robots" / "panda.yaml")
    brake, q = EmergencyBrake(robot, 0.02), robot.home.copy()
    q[0] = robot.high[0] + 0.08  # where an arm may still be armed
    brake.note(q, 0.04)
    assert np.array_equal(brake.command(), q)


JOINTS = ["a", "b"]


@pytest.mark.parametrize(
    ("controllers", "hardware", "said"),
    [
        ({"arm": "active", "other": "inactive"}, {"ur5e": "active"}, ""),
        (
            {"arm": "inactive", "other": "active", "broadcaster": "active", "third": "inactive"},
            {"ur5e": "active"},
            "controller arm is inactive: ros2 control switch_controllers --activate arm (and --deactivate "
            "whatever else holds the joints, or leaves the arm free to move; active: broadcaster, other)",
        ),
        ({"other": "active"}, {"ur5e": "active"}, "no controller arm is loaded; active: other"),
        ({}, {}, "no controller arm is loaded; active: none"),
        ({"arm": "active"}, {"ur5e": "unconfigured"}, "hardware ur5e is unconfigured"),
    ],
)
def test_what_a_controller_manager_says_about_the_controller(controllers, hardware, said):
    told = inactive("arm", controllers, hardware)
    assert told.startswith(said) and bool(told) == bool(said)


def test_an_order_of_joints_is_wrong_only_where_the_controller_does_not_sort_by_name():
    assert other_order("arm", ["b", "a"], JOINTS, by_name=True) == ""
    assert other_order("arm", [], JOINTS, by_name=False) == ""  # it does not say
    said = "the joints of controller arm are ['b', 'a'], must be ['a', 'b']"
    assert other_order("arm", ["b", "a"], JOINTS, by_name=False) == said
    assert "must be ['a', 'b']" in other_order("arm", ["a", "c"], JOINTS, by_name=True)
