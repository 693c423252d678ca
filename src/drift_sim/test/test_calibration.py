"""Calibration on rendered pictures: what is found is what the simulation was told."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from board_poses import angle_deg, hands, truth
from drift_core.calibration.board import Board, BoardFinder
from drift_core.calibration.hand_eye import View, calibrate_hand_eye
from drift_core.calibration.image_motion import ImageMotion
from drift_core.calibration.latency import Footage, estimate_latency
from drift_core.episodes import read_episode
from drift_sim.board_scene import BoardScene
from drift_sim.environments.arm_cell import ArmCell
from drift_sim.expert.waving import Waver
from drift_sim.shell import Shell

BOARD = Board(7, 5, 0.04, 0.03, "DICT_5X5_100")


@pytest.fixture(scope="module")
def waved(robots, tasks, gate_config, joystick, tmp_path_factory):
    """An arm that a joystick waved about through gate and guard: 25 s, ten pictures a second."""
    task = replace(tasks["place"], max_duration_s=25.0)
    shell = Shell(ArmCell(robots["ur5e"], task, gate_config, joystick))
    writer = shell.writer(tmp_path_factory.mktemp("episodes"), "waved", 1, "demonstration")
    result = shell.run_episode(1, expert=Waver(shell.environment.robot, joystick), writer=writer)
    shell.close()
    assert result.expert_steps > 0.95 * result.steps
    return read_episode(result.path)


@pytest.mark.parametrize("camera", ["front", "wrist"])
def test_stamps_that_are_late_or_early_are_measured_to_five_milliseconds(camera, waved):
    frames, motion = waved.frames[camera], ImageMotion()
    for i in range(len(frames)):
        motion.add(frames.stamp_s[i], frames.image(i))
    for late_s in (0.0, 0.04, 0.12, -0.02):
        joints = waved.joints
        footage = Footage.of(motion.stamps_s + late_s, motion.pixels, joints.stamp_s, joints.positions_rad)
        found = estimate_latency([footage], np.random.default_rng(0))
        assert abs(found.latency_s - late_s) <= 0.005
        assert found.low_s <= late_s <= found.high_s


@pytest.fixture(scope="module")
def scene():
    scene = BoardScene(BOARD)
    yield scene
    scene.close()


@pytest.mark.parametrize("mount", ["hand", "base"])
def test_a_camera_is_found_to_two_millimetres_and_a_fifth_of_a_degree(mount, scene):
    camera, board = truth(mount)
    views = []
    for hand in hands(mount, 14, np.random.default_rng(3)):
        between = np.linalg.inv(hand) if mount == "hand" else hand
        picture = scene.render(np.linalg.inv(camera) @ between @ board)
        sighting = BoardFinder(BOARD).find(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY))
        if not sighting.problem:
            views.append(View(hand, sighting.ids, sighting.corners_px))
    found = calibrate_hand_eye(views, BOARD, scene.intrinsics, mount)
    assert 1000.0 * np.linalg.norm(found.camera[:3, 3] - camera[:3, 3]) < 2.0
    assert angle_deg(found.camera, camera) < 0.2
    assert found.rms_px < 0.3 and found.scale == pytest.approx(1.0, abs=0.002)
