import math
import shutil
from dataclasses import fields, replace

import numpy as np
import pytest
from drift_config.errors import ConfigError
from drift_config.loader import parse
from drift_control.arms import ARMS
from drift_control.gripper.config import HULL
from drift_control.robot import ik
from drift_control.robot.config import Box, RobotConfig
from drift_control.robot.pose import Pose, rotation_from_vector, rotation_vector
from drift_control.robot.robot import Robot, load_robot
from pydantic import TypeAdapter

DOWN = np.diag([1.0, -1.0, -1.0])


def flange(robot, q):
    """Return the flange frame (4, 4)."""
    return robot.joint_frames(np.array(q, dtype=float))[-1] @ robot.arm.flange


def test_panda_at_zero_reaches_as_far_as_its_links_add_up(panda):
    # x: 0.088 (the two 0.0825 cancel); z: 0.333 + 0.316 + 0.384 - 0.107; the flange looks down.
    frame = flange(panda, np.zeros(7))
    assert np.allclose(frame[:3, 3], [0.088, 0.0, 0.926])
    assert np.allclose(frame[:3, :3], DOWN)


def test_panda_with_a_right_angle_at_the_elbow(panda):
    # From the elbow at z = 0.649: 0.0825 forward along x to joint 4's axis, there all turns by -90 degrees
    # about -y, so that the forearm (0.384 after -0.0825) points forward and the hand (0.088, -0.107) follows.
    frame = flange(panda, [0, 0, 0, -math.pi / 2, 0, math.pi / 2, 0])
    assert np.allclose(frame[:3, 3], [0.0825 + 0.384 + 0.088, 0.0, 0.649 + 0.0825 - 0.107])
    assert np.allclose(frame[:3, :3], DOWN)


def test_ur5e_at_zero_lies_stretched_out(ur5e):
    # base_link is turned by half a turn against the DH base: forward is +x, the wrist offset is +y.
    frame = flange(ur5e, np.zeros(6))
    assert np.allclose(frame[:3, 3], [0.425 + 0.3922, 0.1333 + 0.0996, 0.1625 - 0.0997])


def test_ur5e_upright_stands_on_its_links(ur5e):
    # Lift and wrist at -90 degrees: both links point up; wrist 1 lies 0.1333 aside, wrist 2 0.0997 up.
    frame = flange(ur5e, [0, -math.pi / 2, 0, -math.pi / 2, 0, 0])
    assert np.allclose(frame[:3, 3], [0.0, 0.1333 + 0.0996, 0.1625 + 0.425 + 0.3922 + 0.0997])


def test_the_hand_sits_a_hand_length_beyond_the_flange(robots):
    for robot in robots.values():
        frame = flange(robot, robot.home)
        tcp = robot.forward(robot.home).position
        assert np.linalg.norm(tcp - frame[:3, 3]) == pytest.approx(robot.config.gripper.tcp_offset_m)
    assert robots["panda"].config.gripper.tcp_offset_m == 0.1034


def test_all_arms_are_at_home_in_the_workspace_looking_down(robots):
    for robot in robots.values():
        pose, workspace = robot.forward(robot.home), robot.config.workspace
        assert np.all(pose.position > workspace.low_m) and np.all(pose.position < workspace.high_m)
        assert np.allclose(pose.rotation[:, 2], [0.0, 0.0, -1.0], atol=1e-4)


@pytest.mark.parametrize("name", ARMS)
def test_jacobian_is_the_slope_of_forward_kinematics(robots, name):
    robot, rng, step = robots[name], np.random.default_rng(0), 1e-6
    for _ in range(20):
        q = rng.uniform(robot.low, robot.high)
        jacobian, here = robot.jacobian(q), robot.forward(q)
        for j in range(robot.n_joints):
            there = robot.forward(q + step * np.eye(robot.n_joints)[j])
            assert np.allclose((there.position - here.position) / step, jacobian[:3, j], atol=1e-5)
            turn = rotation_vector(there.rotation @ here.rotation.T) / step
            assert np.allclose(turn, jacobian[3:, j], atol=1e-4)


@pytest.mark.parametrize("name", ARMS)
def test_inverse_finds_nearby_poses_without_changing_the_branch(robots, name):
    robot, rng = robots[name], np.random.default_rng(1)
    for _ in range(100):
        offset = rng.uniform(-0.05, 0.05, 3)
        home = robot.forward(robot.home)
        target = Pose(home.position + offset, rotation_from_vector(rng.uniform(-0.2, 0.2, 3)) @ home.rotation)
        result = ik.solve(robot, target, robot.home)
        assert result.converged
        assert np.allclose(robot.forward(result.q).position, target.position, atol=2e-5)
        assert np.abs(result.q - robot.home).max() < 0.8


@pytest.mark.parametrize("name", ARMS)
def test_inverse_follows_a_path_continuously(robots, name):
    robot = robots[name]
    home, q = robot.forward(robot.home), robot.home
    radius = 0.04  # [m] nearer to their bases the small arms stop
    for i in range(1, 200):  # 0.2 m/s at 50 Hz, around a circle
        angle = i * 0.004 / radius
        offset = radius * np.array([math.cos(angle) - 1.0, math.sin(angle), 0.0])
        result = ik.solve(robot, Pose(home.position + offset, home.rotation), q)
        assert result.converged
        assert np.abs(result.q - q).max() < 0.03
        q = result.q


@pytest.mark.parametrize("name", ARMS)
def test_the_tcp_alone_is_where_forward_kinematics_has_it(robots, name):
    robot, rng = robots[name], np.random.default_rng(3)
    for q in rng.uniform(robot.low, robot.high, (20, robot.n_joints)):
        np.testing.assert_allclose(robot.tcp_position(q), robot.forward(q).position, atol=1e-12)


@pytest.mark.parametrize("outside_rad", [0.0, 0.1])
def test_inverse_that_is_told_what_is_known_at_its_seed_finds_the_same(panda, outside_rad):
    seed = panda.home + 0.1
    seed[5] = panda.high[5] + outside_rad  # beyond the limits it begins elsewhere, and what is known is void
    known, jacobian = panda.forward(seed), panda.jacobian(seed)
    target = Pose(known.position + np.array([0.01, -0.02, 0.01]), known.rotation)
    told = ik.solve(panda, target, seed, at_seed=(known, jacobian))
    untold = ik.solve(panda, target, seed)
    assert np.array_equal(told.q, untold.q) and told.position_error_m == untold.position_error_m


def test_an_unreachable_pose_is_reported_with_what_is_left(panda):
    target = Pose(np.array([1.5, 0.0, 0.3]), DOWN)
    result = ik.solve(panda, target, panda.home)
    assert not result.converged
    assert result.position_error_m > 0.4
    assert ((result.q >= panda.low) & (result.q <= panda.high)).all()


def test_state_is_tcp_opening_joints(panda):
    state = panda.state(panda.home, 0.08)
    assert state.shape == (17,)
    assert np.allclose(state[:3], [0.45, 0.0, 0.25], atol=2e-4)
    assert state[9] == 0.08
    assert np.array_equal(state[10:], panda.home)


def test_every_arm_names_capsules_that_exist():
    for arm in ARMS.values():
        names = {*(capsule.name for capsule in arm.capsules), *HULL}
        assert {name for pair in arm.collision_pairs for name in pair} <= names
        assert set(arm.above_table) <= names
        assert all(0 <= capsule.frame <= arm.n_joints + 1 for capsule in arm.capsules)


def test_every_arm_is_found_by_its_own_name_and_has_a_number_for_each_joint():
    for name, arm in ARMS.items():
        assert arm.name == name
        assert len(arm.joint_names) == arm.n_joints
        for part in filter(None, (arm.hardware, arm.dynamics)):
            values = {field.name: getattr(part, field.name) for field in fields(part)}
            lengths = {key: len(value) for key, value in values.items() if isinstance(value, tuple)}
            assert set(lengths.values()) == {arm.n_joints}, (name, lengths)


def plain(robot):
    """Return the configuration as plain data."""
    return TypeAdapter(RobotConfig).dump_python(robot.config)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"arm": "kuka"}, r"arm='kuka' must be one of \[.*'fr3', .*'panda', "),
        ({"joint_names": ("a", "b")}, "joint_names has 2 values, must have 7"),
        ({"tcp_speed_max_m_s": 0.3}, "tcp_speed_max_m_s=0.3 must .*0.25"),
        ({"command_interface": "torque"}, "command_interface='torque'"),
        ({"home_rad": (0.0, 0.0, 0.0, 0.5, 0.0, 1.0, 0.0)}, r"panda_joint4: home_rad=0.5 must lie in"),
        ({"colour": "white"}, "colour"),
    ],
)
def test_config_names_what_is_wrong_and_what_is_allowed(panda, change, message):
    with pytest.raises(ConfigError, match=message):
        parse({**plain(panda), **change}, RobotConfig, "panda.yaml")


@pytest.mark.parametrize(
    ("part", "change", "message"),
    [
        (
            "limits",
            {"position_high_rad": (9.0,) * 7},
            "panda_joint1: position_high_rad=9.0 .* hardware's 2.8973",
        ),
        (
            "limits",
            {"position_low_rad": (-2.8973,) * 7},
            "panda_joint1: position_low_rad=-2.8973 must be tighter",
        ),
        (
            "limits",
            {"velocity_rad_s": (2.0,) * 4 + (2.61, 2.0, 2.0)},
            "panda_joint5: velocity_rad_s=2.61 must be",
        ),
        (
            "limits",
            {"acceleration_rad_s2": (8.0,) * 7},
            "panda_joint2: acceleration_rad_s2=8.0 .* hardware's 7.5",
        ),
        (
            "limits",
            {"braking_jerk_rad_s3": (4000.0,) * 7},
            "panda_joint2: braking_jerk_rad_s3=4000.0 .* 3750",
        ),
        (
            "workspace",
            {"low_m": (-100.0, -0.4, 0.0)},
            r"workspace.low_m\[0\]=-100.0 must .*greater than or equal to -2",
        ),
        ("workspace", {"table_m": -50.0}, "workspace.table_m=-50.0 must .*greater than or equal to -2"),
        ("gripper", {"speed_m_s": 1e6}, "gripper.speed_m_s=1000000.0 must .*less than or equal to 0.5"),
        ("gripper", {"tcp_offset_m": 5.0}, "gripper.tcp_offset_m=5.0 must .*less than or equal to 0.5"),
        (
            None,
            {"tracking_error_max_rad": 1e9},
            "tracking_error_max_rad=1000000000.0 must .*less than or equal to 0.5",
        ),
        (None, {"start_tolerance_rad": 100.0}, "start_tolerance_rad=100.0 must .*less than or equal to 0.2"),
    ],
)
def test_what_the_hardware_cannot_or_no_cell_needs_is_refused(panda, part, change, message):
    content = plain(panda)
    changed = {**content, **change} if part is None else {**content, part: {**content[part], **change}}
    with pytest.raises(ConfigError, match=message):
        parse(changed, RobotConfig, "panda.yaml")


def test_an_fr3_may_nowhere_go_faster_than_the_hardware_lets_it_near_the_ends(robots):
    # libfranka, joint 1 at 2.64 rad: sqrt(12 * (2.7501 - 2.64)) - 0.30 = 0.849 rad/s.
    fr3 = robots["fr3"]
    taper = fr3.arm.hardware.taper[0]
    assert taper.fastest_rad_s(-2.64, 2.64) == pytest.approx(0.849, abs=1e-3)
    assert taper.fastest_rad_s(-2.0, 2.64) == pytest.approx(0.849, abs=1e-3)
    assert taper.fastest_rad_s(-2.7501, 0.0) == 0.0
    wide = {**plain(fr3)["limits"], "position_high_rad": (2.64, *fr3.config.limits.position_high_rad[1:])}
    with pytest.raises(ConfigError, match=r"fr3_joint1: velocity_rad_s=1.0 must be at most 0.849, .*2.64\]"):
        parse({**plain(fr3), "limits": wide}, RobotConfig, "fr3.yaml")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"position_low_rad": (0.0825, 5)}, "fr3_joint6: position_low_rad=0.0825 must be tighter .* 0.5445"),
        ({"acceleration_rad_s2": (12.0, 0)}, "fr3_joint1: acceleration_rad_s2=12.0 must be .* 10.0"),
        ({"jerk_rad_s3": (6000.0, 3)}, "fr3_joint4: .*jerk_rad_s3"),
    ],
)
def test_limits_of_a_panda_are_refused_for_an_fr3(robots, change, message):
    limits = plain(robots["fr3"])["limits"]
    for name, (value, joint) in change.items():
        limits = {**limits, name: tuple(value if j == joint else v for j, v in enumerate(limits[name]))}
    with pytest.raises(ConfigError, match=message):
        parse({**plain(robots["fr3"]), "limits": limits}, RobotConfig, "fr3.yaml")


def test_no_franka_of_today_is_driven_by_bare_positions(robots):
    config = robots["fr3"].config
    assert (config.command_interface, config.controller) == ("joint_trajectory", "fr3_arm_controller")


def renamed(robot, names):
    return parse({**plain(robot), "joint_names": tuple(names)}, RobotConfig, "robot.yaml")


def test_joint_names_may_have_one_prefix_for_an_arm_among_others(ur5e):
    left = [f"left_{name}" for name in ur5e.config.joint_names]
    assert renamed(ur5e, left).joint_names[0] == "left_shoulder_pan_joint"


def test_joints_that_the_arm_does_not_have_are_refused_by_name(ur5e):
    own = ur5e.config.joint_names
    with pytest.raises(
        ConfigError, match="joint_names: 'elbow' must be 'elbow_joint', perhaps with a prefix"
    ):
        renamed(ur5e, [*own[:2], "elbow", *own[3:]])
    with pytest.raises(ConfigError, match="'shoulder_lift_joint' must be 'shoulder_pan_joint'"):
        renamed(ur5e, [own[1], own[0], *own[2:]])  # in another order
    with pytest.raises(ConfigError, match=r"must share one prefix, got \['left_', 'right_'\]"):
        renamed(ur5e, ["right_shoulder_pan_joint", *(f"left_{name}" for name in own[1:])])


def test_inverted_boxes_are_refused(panda):
    workspace = {**plain(panda)["workspace"], "low_m": (0.8, -0.4, 0.0)}
    with pytest.raises(ConfigError, match="low_m.x=0.8 must be below high_m.x=0.7"):
        parse({**plain(panda), "workspace": workspace}, RobotConfig, "panda.yaml")


def test_braking_must_not_be_gentler_than_motion(panda):
    limits = {**plain(panda)["limits"], "braking_jerk_rad_s3": (99.0,) + (250.0,) * 6}
    with pytest.raises(ConfigError, match="panda_joint1: braking_jerk_rad_s3=99.0 must be at least .*100.0"):
        parse({**plain(panda), "limits": limits}, RobotConfig, "panda.yaml")


def test_home_outside_the_workspace_is_refused(panda):
    workspace = replace(panda.config.workspace, high_m=(0.4, 0.4, 0.6))
    with pytest.raises(ConfigError, match="home_rad=.* must put the TCP into the workspace"):
        Robot(replace(panda.config, workspace=workspace))


def test_a_keep_out_box_around_the_home_pose_is_refused_by_name(panda):
    # The TCP stands at (0.45, 0.00, 0.25) m at home.
    boxes = (Box("wall", (0.3, 0.2, 0.0), (0.6, 0.4, 0.5)), Box("crate", (0.3, -0.1, 0.2), (0.6, 0.1, 0.3)))
    with pytest.raises(ConfigError, match="workspace.keep_out crate=.* must not hold the TCP at home"):
        Robot(replace(panda.config, workspace=replace(panda.config.workspace, keep_out=boxes)))


def test_a_home_pose_outside_the_workspace_is_an_error_that_names_the_file(tmp_path, config_folder):
    shutil.copytree(config_folder / "grippers", tmp_path.parent / "grippers", dirs_exist_ok=True)
    text = (config_folder / "robots" / "panda.yaml").read_text()
    (tmp_path / "low.yaml").write_text(text.replace("high_m: [0.70", "high_m: [0.40"))
    with pytest.raises(ConfigError, match="low.yaml: home_rad=.* must put the TCP into the workspace"):
        load_robot(tmp_path / "low.yaml")


def test_a_missing_file_is_an_error_that_names_it(tmp_path):
    with pytest.raises(ConfigError, match="nowhere.yaml: cannot be read: No such file"):
        load_robot(tmp_path / "nowhere.yaml")


def test_broken_yaml_is_an_error_that_names_the_file(tmp_path):
    (tmp_path / "broken.yaml").write_text("name: [")
    with pytest.raises(ConfigError, match="broken.yaml:1: must be valid YAML"):
        load_robot(tmp_path / "broken.yaml")
