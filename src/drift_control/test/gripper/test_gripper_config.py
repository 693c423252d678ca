from pathlib import Path

import numpy as np
import pytest
from drift_config.errors import ConfigError
from drift_config.loader import parse, to_plain
from drift_control.gripper.config import Gripper
from drift_control.robot.collision import CapsuleModel
from drift_control.robot.robot import load_gripper, load_robot

FOLDER = Path(__file__).resolve().parents[4] / "config/grippers"
GRIPPERS = {path.stem: load_gripper(FOLDER, path.stem) for path in sorted(FOLDER.glob("*.yaml"))}
MOVING = [name for name, gripper in GRIPPERS.items() if gripper.joints]


@pytest.fixture
def grippers():
    return GRIPPERS


def test_every_gripper_is_found_by_its_own_name():
    assert {"none", "parallel_hand"} <= set(GRIPPERS)
    assert all(gripper.name == name for name, gripper in GRIPPERS.items())


def test_a_knuckle_that_closes_as_it_rises(grippers):
    # 0 rad: 85 mm; 0.7929 rad: closed; half way, 0.39645 rad: 42.5 mm.
    hand = grippers["robotiq_2f85"]
    assert hand.opening_m({"robotiq_85_left_knuckle_joint": 0.0}) == pytest.approx(0.085)
    assert hand.opening_m({"robotiq_85_left_knuckle_joint": 0.39645}) == pytest.approx(0.0425, abs=2e-5)
    assert hand.positions(0.0) == pytest.approx([0.7929], abs=2e-4)
    assert grippers["robotiq_2f140"].positions(0.0) == pytest.approx([0.695], abs=2e-4)


def test_two_slides_share_an_opening(grippers):
    assert grippers["franka_hand"].positions(0.06) == pytest.approx([0.03, 0.03])
    assert grippers["franka_hand"].opening_m({"fr3_finger_joint1": 0.03, "fr3_finger_joint2": 0.01}) == 0.04


@pytest.mark.parametrize("name", MOVING)
def test_what_is_commanded_is_what_is_measured_then(grippers, name):
    hand = grippers[name]
    for opening_m in np.linspace(0.0, hand.opening_max_m, 11):
        measured = dict(zip(hand.joints, hand.positions(opening_m), strict=True))
        assert hand.opening_m(measured) == pytest.approx(opening_m, abs=1e-12)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("parallel_hand", {"joints": {}}, "joints={} must be given with interface forward_position"),
        ("parallel_hand", {"speed_m_s": 0.0}, "speed_m_s=0.0 must be given with interface forward_position"),
        ("parallel_hand", {"joints": {"f": {"m_per_unit": 0.0}}}, "m_per_unit=0.0 must not be 0"),
        ("parallel_hand", {"interface": "gripper_command"}, r"joints=\['finger_joint1', .* must be one"),
        ("parallel_hand", {"interface": "modbus"}, "interface='modbus' must .*none"),
        ("parallel_hand", {"hull": {}}, r"hull=\[\] must name hand_palm and hand_body"),
        ("none", {"opening_max_m": 0.1}, "opening_max_m=0.1 must be left out with interface none"),
        ("none", {"force_n": 20.0}, "force_n=20.0 must be left out with interface none"),
    ],
)
def test_a_gripper_that_does_not_fit_together_is_refused(grippers, name, change, message):
    with pytest.raises(ConfigError, match=message):
        parse({**to_plain(grippers[name]), **change}, Gripper, "hand.yaml")


def test_another_hand_makes_another_robot_with_its_tcp_and_its_hull(config_folder):
    # The 2F-85's nominal TCP is 163 mm from the flange, the common hand's 103.4 mm.
    robots = config_folder / "robots"
    usual, other = load_robot(robots / "ur10e.yaml"), load_robot(robots / "ur10e+robotiq_2f85.yaml")
    assert (usual.name, other.name) == ("ur10e", "ur10e+robotiq_2f85")
    gap = other.forward(usual.home).position - usual.forward(usual.home).position
    assert np.allclose(gap, [0.0, 0.0, -(0.163 - 0.1034)], atol=1e-5)
    assert load_robot(robots / "ur10e+parallel_hand.yaml").name == "ur10e"
    q = usual.home[None]
    heights = [
        CapsuleModel(r).height_m(CapsuleModel(r).place(r.joint_frames(q))).min() for r in (usual, other)
    ]
    # The palm's lowest point: 30 + 35 mm below the flange; the 2F-85's 75 + 45 mm.
    assert heights[0] - heights[1] == pytest.approx(0.055, abs=1e-4)


def test_an_arm_without_a_hand_has_the_flange_as_tcp_and_is_known_by_its_arm_alone(config_folder):
    robot = load_robot(config_folder / "robots" / "panda+none.yaml")
    flange = robot.joint_frames(robot.home)[-1] @ robot.arm.flange
    assert np.allclose(robot.forward(robot.home).position, flange[:3, 3])
    assert not any("hand" in capsule.name for capsule in robot.capsules)
    CapsuleModel(robot).self_clearance_m(CapsuleModel(robot).place(robot.joint_frames(robot.home[None])))


def test_a_hand_that_does_not_exist_is_refused_with_those_that_do(config_folder):
    with pytest.raises(
        ConfigError, match="gripper='claw' must be a file of .*: .*franka_hand, .*none, .*parallel_"
    ):
        load_robot(config_folder / "robots" / "panda+claw.yaml")
    with pytest.raises(ConfigError, match="gripper='../robots/panda' must be a file of"):
        load_gripper(config_folder / "grippers", "../robots/panda")
