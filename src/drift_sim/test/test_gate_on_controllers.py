"""The gate's commands through the controllers of ros2_control to an arm that lags behind.

Limits are those of the arm's interface: an output step above 20 rad/s is ignored by a UR.
"""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from drift_control.arms import ARMS
from drift_control.gate.state import Reason, State
from drift_control.inputs import ArmState
from drift_control.robot.robot import Robot
from drift_control.testing.bench import Bench
from drift_sim.ros2_control.closed_loop import ClosedLoop
from drift_sim.ros2_control.controller_manager import ControllerManager
from drift_sim.ros2_control.lagging_arm import LaggingArm
from drift_sim.ros2_control.position_controller import ForwardPositionController
from drift_sim.ros2_control.trajectory_controller import JointTrajectoryController

LAGS = [(0.03, 2), (0.06, 4)]  # time constant [s], delay [cycles]


def closed_loop(
    robot,
    joystick,
    interface="joint_trajectory",
    *,
    tau_s=0.03,
    cycles=2,
    rate_hz=500.0,
    joints=None,
    activity=False,
    **jtc,
):
    """Return the gate beside an active controller, armed and with the arm at home."""
    robot = Robot(replace(robot.config, command_interface=interface))
    names, period_s = robot.config.joint_names, 1.0 / rate_hz
    if interface == "joint_trajectory":
        controller = JointTrajectoryController(names, period_s, state_tolerance_rad=0.2, **jtc)
    else:
        controller = ForwardPositionController(names, joints)
    manager = ControllerManager(controller, LaggingArm(robot.home, period_s, tau_s, cycles), rate_hz)
    manager.switch(True)
    loop = ClosedLoop(Bench(robot, {"joy": joystick}), manager, activity=activity)
    loop.tick(arm=True)
    return loop


def swing(loop):
    """Return what the stick does: to and fro, half a second each, turning the wrist: up to 0.8 rad/s."""
    to = 1.0 if len(loop.bench.ticks) // 25 % 2 else -1.0
    return loop.bench.stick((0.0, 0.2 * to, 0.0), (0.0, 0.0, 1.2 * to))


def step_max_rad(loop):
    """Return the largest step that the output may make in a cycle at any event."""
    return 6.0 * loop.manager.period_s + 0.002


@pytest.mark.parametrize("desired", [False, True])
@pytest.mark.parametrize(("tau_s", "cycles"), LAGS)
@pytest.mark.parametrize("rate_hz", [100.0, 500.0, 1000.0])
def test_a_trajectory_controller_leads_a_lagging_arm_smoothly(
    robots, joystick, desired, tau_s, cycles, rate_hz
):
    loop = closed_loop(
        robots["ur5e"], joystick, tau_s=tau_s, cycles=cycles, rate_hz=rate_hz,
        interpolate_from_desired_state=desired,
    )  # fmt: skip
    rng = np.random.default_rng(1)
    tick = loop.run(3.0, joy=lambda: swing(loop), late_s=lambda: 0.002 * rng.random())
    course = loop.course()
    fastest = np.abs(np.diff(loop.bench.commands, axis=0)).max() / loop.bench.config.dt_s
    assert fastest > 0.5 and tick.state is State.EXPERT and loop.refused == ""
    assert np.abs(course.output_speed).max() < 1.3 * fastest + (2.0 if rate_hz == 1000.0 else 0.5)
    assert np.sqrt((course.acceleration**2).mean(axis=0)).max() < 5.0


@pytest.mark.parametrize("event", [{"lost": True}, {"late_s": 0.005}])
def test_one_message_lost_or_late_is_no_leap(robots, joystick, event):
    loop = closed_loop(robots["ur5e"], joystick)
    loop.run(0.3, joy=lambda: loop.bench.stick((0.0, 0.2, 0.0)))
    loop.tick(joy=loop.bench.stick((0.0, 0.2, 0.0)), **event)
    loop.run(0.2, joy=lambda: loop.bench.stick((0.0, 0.2, 0.0)))
    assert np.abs(np.diff(loop.course().output, axis=0)).max() < step_max_rad(loop)


@pytest.mark.parametrize("name", ARMS)
def test_either_interface_moves_the_arm_alike(robots, joystick, name):
    # The trajectory reaches a command one period after a position stream does; else they are the same.
    courses = {}
    for interface in ("forward_position", "joint_trajectory"):
        loop = closed_loop(robots[name], joystick, interface)
        loop.run(2.0, joy=lambda loop=loop: swing(loop))
        loop.run(0.5, joy=lambda loop=loop: loop.bench.stick())
        courses[interface] = loop.course()
    stream, trajectory = courses["forward_position"].q, courses["joint_trajectory"].q
    later = round(0.5 * 0.02 * 500)  # a staircase is half a period ahead of the line through its steps
    moved = np.ptp(stream, axis=0).max()
    assert moved > 0.15
    assert np.abs(stream[:-later] - trajectory[later:]).max() < 0.012
    assert np.abs(stream[-1] - trajectory[-1]).max() < 1e-3


def test_after_a_silence_the_trajectory_begins_where_the_arm_is_though_it_was_turned_meanwhile(
    robots, joystick
):
    loop = closed_loop(robots["ur5e"], joystick)
    loop.run(0.3, joy=lambda: loop.bench.stick((0.0, 0.1, 0.0)))
    loop.tick(stop=True)
    assert not loop.run(1.5).sent
    manager = loop.manager
    manager.arm.q[0] += 0.8  # by hand, or from the pendant
    manager.switch(True)
    since_s = manager.time_s
    loop.run(0.1)
    loop.tick(arm=True)
    loop.tick(lost=True)
    assert loop.run(0.3).armed
    output = loop.course(since_s).output
    assert np.abs(output - output[0]).max() < 1e-9


@pytest.mark.parametrize("interface", ["forward_position", "joint_trajectory"])
@pytest.mark.parametrize("moved_s", [0.1, 0.2, 0.4])
def test_a_controller_that_stops_in_motion_and_comes_back_finds_nothing_to_execute(
    robots, joystick, interface, moved_s
):
    loop = closed_loop(robots["ur5e"], joystick, interface)
    loop.run(0.5, joy=lambda: loop.bench.stick((0.0, 0.2, 0.0)))
    loop.manager.switch(False)
    loop.run(moved_s, joy=lambda: loop.bench.stick((0.0, 0.2, 0.0)))
    tick = loop.run(1.5, joy=lambda: loop.bench.stick(enabled=False))
    ahead_rad = np.abs(loop.bench.ticks[-70].command - loop.manager.arm.q).max()
    assert tick.state is State.FAULT and tick.reason is Reason.TRACKING_ERROR, ahead_rad
    since_s = loop.manager.time_s
    loop.manager.switch(True)
    loop.run(1.0)
    assert np.abs(loop.course(since_s).q - loop.course(since_s).q[0]).max() < 1e-9
    assert loop.tick(arm=True).armed
    loop.run(0.5)
    assert np.abs(loop.course(since_s).output - loop.manager.arm.q).max() < 1e-3


@pytest.mark.parametrize("interface", ["forward_position", "joint_trajectory"])
def test_a_controller_that_comes_back_at_the_very_fault_executes_nothing(robots, joystick, interface):
    loop = closed_loop(robots["ur5e"], joystick, interface)
    loop.run(0.5, joy=lambda: loop.bench.stick((0.0, 0.2, 0.0)))
    loop.manager.switch(False)
    while loop.bench.ticks[-1].state is not State.FAULT:
        assert len(loop.bench.ticks) < 200
        loop.tick(joy=loop.bench.stick((0.0, 0.2, 0.0)))
    since_s = loop.manager.time_s
    loop.manager.switch(True)
    loop.run(1.0)
    assert np.abs(loop.course(since_s).q - loop.manager.arm.q).max() < 1e-9


@pytest.mark.parametrize("interface", ["forward_position", "joint_trajectory"])
@pytest.mark.parametrize("away_ticks", [1, 3, 10, 50])
def test_where_the_gate_is_told_of_an_inactive_controller_nothing_jumps_whenever_it_comes_back(
    robots, joystick, interface, away_ticks
):
    loop = closed_loop(robots["ur5e"], joystick, interface, activity=True)
    loop.run(0.5, joy=lambda: loop.bench.stick((0.0, 0.2, 0.0)))
    loop.manager.switch(False)
    for _ in range(away_ticks):
        tick = loop.tick(joy=loop.bench.stick((0.0, 0.2, 0.0)))
    assert tick.state is State.FAULT and tick.text == "the controller is inactive"
    refused = loop.tick(arm=True)
    assert not refused.armed and "the controller is inactive" in refused.text
    stood = loop.manager.arm.q.copy()
    loop.manager.switch(True)
    loop.run(1.0, joy=lambda: loop.bench.stick((0.0, 0.2, 0.0)))
    assert np.array_equal(loop.manager.arm.q, stood)
    assert loop.tick(arm=True).armed
    loop.run(0.2)
    assert np.abs(loop.manager.arm.q - stood).max() < 1e-3


@pytest.mark.parametrize("interface", ["forward_position", "joint_trajectory"])
@pytest.mark.parametrize(("tau_s", "cycles"), LAGS)
@pytest.mark.parametrize("away_s", [0.08, 0.2, 0.5, 1.5])
def test_where_nobody_tells_an_arm_that_stands_though_told_to_move_is_a_fault_before_its_controller_is_back(
    robots, joystick, interface, tau_s, cycles, away_s
):
    loop = closed_loop(robots["ur5e"], joystick, interface, tau_s=tau_s, cycles=cycles)
    loop.run(0.5, joy=lambda: loop.bench.stick((0.0, 0.2, 0.0)))
    loop.manager.switch(False)
    tick = loop.run(away_s, joy=lambda: loop.bench.stick((0.0, 0.2, 0.0)))
    assert tick.state is State.FAULT and "though it was told to move" in tick.text
    since_s = loop.manager.time_s
    loop.manager.switch(True)
    loop.run(0.5)
    loop.run(0.3, arm=True)
    assert np.abs(np.diff(loop.course(since_s).output, axis=0)).max() < 1e-3


@pytest.mark.parametrize("rate_hz", [100.0, 500.0])
def test_an_arm_that_is_a_tenth_of_a_second_behind_is_no_fault_whatever_it_is_told(robots, joystick, rate_hz):
    loop = closed_loop(robots["ur5e"], joystick, "forward_position", tau_s=0.1, cycles=2, rate_hz=rate_hz)
    rng = np.random.default_rng(2)
    for _ in range(20):
        speed, turn = rng.uniform(-0.1, 0.1, 3), rng.uniform(-0.6, 0.6, 3)
        stick = partial(loop.bench.stick, speed, turn)
        assert loop.run(float(rng.uniform(0.05, 0.6)), joy=stick).state is State.EXPERT


def test_with_the_joints_in_another_order_no_wrong_joint_is_eased_on(robots, joystick):
    names = robots["ur5e"].config.joint_names
    loop = closed_loop(robots["ur5e"], joystick, "forward_position", joints=names[::-1], tau_s=0.0, cycles=0)
    assert loop.run(1.0).state is State.FAULT
    loop.run(0.1, arm=True)
    since_s = loop.manager.time_s
    assert not loop.run(2.0).sent
    assert np.abs(np.diff(loop.course(since_s).q, axis=0)).max() < 1e-9


@pytest.mark.parametrize(("scale", "share"), [(1.0, 1.0), (0.5, 0.5), (0.0, 0.0)])
def test_the_speed_slider_is_obeyed_by_the_gate(robots, joystick, scale, share):
    # A trajectory controller's own scaling does not slow a stream: each message starts the time anew.
    moved = {}
    for asked in (1.0, scale):
        loop = closed_loop(robots["ur5e"], joystick)
        loop.manager.controller.speed_scaling = asked
        loop.bench.arm_state = ArmState(True, False, asked, 0.0)
        start = loop.manager.arm.q.copy()
        # 0.5 rad/s of the wrist, whole at full scale
        loop.run(1.0, joy=lambda loop=loop: loop.bench.stick((0.0, 0.2, 0.0)))
        moved[asked] = np.abs(loop.manager.arm.q - start).max()
    assert moved[1.0] > 0.1
    assert moved[scale] == pytest.approx(share * moved[1.0], rel=0.25, abs=1e-6)
