"""The stand-ins for ros2_control do what its sources say."""

import numpy as np
import pytest
from drift_sim.ros2_control.controller_manager import ControllerManager
from drift_sim.ros2_control.freedrive_controller import FreedriveController
from drift_sim.ros2_control.gravity_compensation import GravityCompensation
from drift_sim.ros2_control.gripper import GripperJoint
from drift_sim.ros2_control.lagging_arm import LaggingArm
from drift_sim.ros2_control.position_controller import ForwardPositionController
from drift_sim.ros2_control.trajectory_controller import JointTrajectoryController, Trajectory
from drift_sim.ros2_control.ur_arm import UrArm

JOINTS = ("a", "b")
REST = np.zeros(2)


def active(**options):
    controller = JointTrajectoryController(JOINTS, 0.01, **options)
    controller.activate(0.0, REST)
    return controller


def trajectory(due_s, first_joint, velocities=None, names=JOINTS, stamp_s=0.0):
    """Return points of joint a; joint b stays at 0."""
    positions = np.array([[q, 0.0] if names == JOINTS else [0.0, q] for q in first_joint])
    v = None if velocities is None else np.array([[v, 0.0] for v in velocities])
    return Trajectory(names, np.array(due_s), positions, v, stamp_s)


def test_to_a_first_point_ahead_it_leads_from_the_measured_pose_and_not_from_its_last_command():
    # 0.1 rad in 20 ms from where the arm is measured, 0.04: half of the way after one cycle of 10 ms
    controller = active()
    controller.accept(trajectory([0.1], [0.5]), 0.0)
    controller.update(0.0, REST, REST)
    controller.accept(trajectory([0.02], [0.14]), 0.01)
    assert controller.update(0.01, np.array([0.04, 0.0]), REST) == pytest.approx([0.09, 0.0])


def test_with_interpolate_from_desired_state_it_leads_from_its_last_command():
    controller = active(interpolate_from_desired_state=True)
    controller.accept(trajectory([0.1], [0.5]), 0.0)
    assert controller.update(0.0, REST, REST)[0] == pytest.approx(0.05)
    controller.accept(trajectory([0.02], [0.15]), 0.01)
    assert controller.update(0.01, np.array([0.0, 0.0]), REST)[0] == pytest.approx(0.10)


@pytest.mark.parametrize("desired", [False, True])
def test_a_first_point_due_at_once_is_where_it_starts_whatever_is_measured(desired):
    controller = active(interpolate_from_desired_state=desired)
    controller.accept(trajectory([0.0, 0.02], [0.3, 0.4]), 0.0)
    assert controller.update(0.0, np.array([0.1, 0.0]), REST)[0] == pytest.approx(0.35)


def test_between_points_it_draws_a_line_or_with_velocities_a_cubic_and_rests_at_the_last():
    controller = active()
    controller.accept(trajectory([0.0, 0.04], [0.0, 0.4]), 0.0)
    line = [controller.update(0.01 * k, REST, REST)[0] for k in range(6)]
    assert line == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.4, 0.4])
    controller.accept(trajectory([0.0, 0.04], [0.0, 0.4], [0.0, 0.0]), 1.0)
    cubic = [controller.update(1.0 + 0.01 * k, REST, REST)[0] for k in range(4)]
    assert cubic == pytest.approx([0.4 * u * u * (3 - 2 * u) for u in (0.25, 0.5, 0.75, 1.0)])


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (trajectory([0.0, 0.0], [0.1, 0.2]), "must increase strictly"),
        (trajectory([0.0, 0.02], [0.1, 0.2], [0.0, 0.5]), "must be zero"),
        (trajectory([0.02], [0.1], names=("a", "c")), "joint_names="),
        (trajectory([0.02], [0.1], names=("a", "b", "c")), "joint_names="),
        (trajectory([], []), "points must be"),
        (Trajectory(JOINTS, np.array([0.02]), np.zeros((1, 2)), np.zeros((1, 1))), "must have 2 velocities"),
        (Trajectory(JOINTS, np.array([0.02]), np.zeros((1, 2)), np.zeros((1, 3))), "must have 2 velocities"),
        (Trajectory(JOINTS, np.array([0.02]), np.zeros((1, 2)), np.zeros((0, 2))), "must have 2 velocities"),
        (trajectory([0.06], [0.1], stamp_s=9.9), "ends 0.040 s in the past"),
    ],
)
def test_what_the_original_rejects_is_rejected_and_it_goes_on_holding(message, said):
    controller = active()
    assert said in controller.accept(message, 10.0)
    assert controller.active and controller.update(10.0, REST, REST).tolist() == [0.0, 0.0]


def test_names_in_another_order_are_sorted_and_an_end_in_the_future_is_good_enough():
    controller = active()
    late = Trajectory(("b", "a"), np.array([0.06]), np.array([[0.0, 0.4]]), None, 9.98)
    assert controller.accept(late, 10.0) == ""
    assert controller.update(10.0, REST, REST) == pytest.approx([0.4 / 4, 0.0])  # 10 of 40 ms are over


def test_beyond_the_tolerance_it_holds_where_the_arm_is_until_the_next_message():
    controller = active(state_tolerance_rad=0.2)
    far = trajectory([0.0, 1.0], [0.3, 0.4])
    controller.accept(far, 0.0)
    assert controller.update(0.0, REST, REST).tolist() == [0.0, 0.0] and controller.holds
    measured = np.array([0.05, 0.0])
    assert controller.update(0.01, measured, REST).tolist() == [0.0, 0.0]  # where it was then
    controller.accept(trajectory([0.0, 1.0], [0.1, 0.1]), 0.02)
    assert controller.update(0.02, measured, REST)[0] == pytest.approx(0.1)


def test_it_does_not_look_for_values_that_are_not_finite():
    controller = active()
    assert controller.accept(trajectory([0.0, 0.02], [np.nan, np.nan]), 0.0) == ""
    assert np.isnan(controller.update(0.0, REST, REST)[0])


def test_half_speed_takes_twice_the_time():
    controller = active()
    controller.speed_scaling = 0.5
    controller.accept(trajectory([0.0, 0.08], [0.0, 0.8]), 0.0)
    # it looks one whole cycle ahead, and goes on by half a cycle
    said = [controller.update(0.01 * k, REST, REST)[0] for k in range(3)]
    assert said == pytest.approx([0.1, 0.15, 0.2])


def test_an_inactive_controller_writes_nothing_and_drops_what_arrives():
    for controller, message in (
        (JointTrajectoryController(JOINTS, 0.01), trajectory([0.02], [0.5])),
        (ForwardPositionController(JOINTS), np.array([0.5, 0.0])),
    ):
        assert controller.accept(message, 0.0) == ""
        assert controller.update(0.0, REST, REST) is None
        controller.activate(0.01, REST)
        after = controller.update(0.01, REST, REST)
        assert after is None or not after.any()


def test_a_forward_controller_writes_the_last_message_whole_and_for_ever_in_its_own_order():
    controller = ForwardPositionController(JOINTS, joints=("b", "a"))
    controller.activate(0.0, REST)
    assert controller.update(0.0, REST, REST) is None
    controller.accept(np.array([0.5, 0.2]), 0.0)
    for time_s in (0.0, 100.0):
        assert controller.update(time_s, REST, REST).tolist() == [0.2, 0.5]
    assert "must be finite" in controller.accept(np.array([np.nan, 0.0]), 0.0)
    assert controller.update(0.0, REST, REST).tolist() == [0.2, 0.5]


def test_one_message_of_the_wrong_size_deactivates_a_forward_controller():
    controller = ForwardPositionController(JOINTS)
    controller.activate(0.0, REST)
    assert controller.accept(np.array([0.04]), 0.0) == ""
    assert controller.update(0.0, REST, REST) is None and not controller.active


@pytest.mark.parametrize("rate_hz", [100.0, 500.0, 1000.0])
def test_an_arm_covers_63_percent_of_a_step_after_its_time_constant_and_its_delay(rate_hz):
    arm = LaggingArm(np.zeros(1), 1.0 / rate_hz, tau_s=0.03, delay_cycles=2)
    for _ in range(round(0.03 * rate_hz) + 2):
        arm.step(np.ones(1))
    assert arm.q[0] == pytest.approx(1.0 - np.exp(-1.0))


def test_a_switch_leaves_the_arm_where_it_stands():
    arm = LaggingArm(np.zeros(2), 0.01, tau_s=0.05)
    manager = ControllerManager(ForwardPositionController(JOINTS), arm, 100.0)
    manager.switch(True)
    manager.controller.accept(np.array([1.0, 0.0]), 0.0)
    for _ in range(3):
        manager.step()
    stood = arm.q.copy()
    assert 0.3 < stood[0] < 0.6
    for on in (False, True):
        manager.switch(on)
        for _ in range(20):
            manager.step()
        assert np.array_equal(arm.q, stood)


def test_a_ur_ignores_set_points_above_20_rad_s_from_the_last_one_and_from_the_arm():
    # 20 rad/s is 40 mrad in a cycle of 2 ms; the arm without a lag is where it was told to be
    arm = UrArm(REST, 0.002)
    arm.step(np.array([0.039, 0.0]))
    assert arm.q[0] == 0.039 and arm.ignored == 0
    arm.step(np.array([0.080, 0.0]))
    assert arm.q[0] == 0.039 and arm.ignored == 1
    arm.step(np.array([0.079, 0.0]))
    assert arm.q[0] == 0.079
    slow = UrArm(REST, 0.002, tau_s=1.0)
    slow.step(np.array([0.035, 0.0]))
    slow.step(np.array([0.070, 0.0]))  # 70 mrad from the arm, 35 from the last set-point
    assert slow.ignored == 0


def test_a_ur_whose_program_does_not_run_stands_and_its_last_set_point_is_forgotten():
    arm = UrArm(REST, 0.002, tau_s=0.03)
    arm.step(np.array([0.03, 0.0]))
    stood = arm.q.copy()
    arm.program_running = False
    arm.step(np.array([0.03, 0.0]))
    arm.program_running = True
    arm.step(None)
    assert np.array_equal(arm.q, stood)


def test_a_trajectory_controller_is_at_its_end_once_the_last_point_of_whatever_came_last_is_passed():
    controller = active()
    controller.accept(trajectory([0.0, 0.03], [0.0, 0.3]), 0.0)
    ends = []
    for cycle in range(4):
        controller.update(0.01 * cycle, REST, REST)
        ends.append(controller.at_end)
    assert ends == [False, False, True, True]  # the third cycle gives the command for 0.03 s


def test_a_gripper_goes_at_its_speed_until_a_thing_is_in_its_way_and_opens_again():
    joint = GripperJoint(0.0, 1.0, stopped_at=0.05)
    joint.target = 0.08
    seen = []
    for _ in range(7):
        joint.step(0.01)
        seen.append(round(joint.position, 9))
    assert seen == [0.01, 0.02, 0.03, 0.04, 0.05, 0.05, 0.05] and not joint.moved
    joint.target = 0.0
    joint.step(0.01)
    assert joint.position == pytest.approx(0.04) and joint.moved


def test_freedrive_is_told_to_begin_once_it_is_active_and_ends_after_a_second_without_a_word():
    arm, freedrive = LaggingArm(REST, 0.01), FreedriveController()
    manager = ControllerManager(JointTrajectoryController(JOINTS, 0.01), arm, 100.0, freedrive)
    arm.hand_rad_s = np.array([0.1, 0.0])
    freedrive.accept(True, manager.time_s)  # dropped: it is not active
    manager.switch_guiding(True)
    for _ in range(50):
        manager.step()
    assert np.array_equal(arm.q, REST)  # activation alone frees nothing
    freedrive.accept(True, manager.time_s)
    for _ in range(300):
        manager.step()
    assert arm.q == pytest.approx([0.101, 0.0], abs=0.002)  # a second at 0.1 rad/s
    assert np.array_equal(manager.output, arm.q)


def test_under_gravity_compensation_the_arm_is_free_from_its_activation_until_its_deactivation():
    arm, gravity = LaggingArm(REST, 0.01), GravityCompensation()
    manager = ControllerManager(JointTrajectoryController(JOINTS, 0.01), arm, 100.0, gravity)
    arm.hand_rad_s = np.array([0.1, 0.0])
    manager.step()
    assert np.array_equal(arm.q, REST)
    manager.switch_guiding(True)
    for _ in range(300):
        manager.step()
    assert arm.q == pytest.approx([0.3, 0.0])  # three seconds at 0.1 rad/s: nothing ends it by itself
    manager.switch_guiding(False)
    manager.step()
    assert arm.q == pytest.approx([0.3, 0.0])
