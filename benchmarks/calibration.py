"""How exactly `drift calibrate` finds what the simulation was told.

latency   an arm is waved about by the joystick for 40 s, through gate and guard; the stamps of its pictures
          are shifted by 0, 40, 120 and -20 ms. error: found less true; half_interval: of the 95 % interval.
hand_eye  15 rendered pictures of the A4 board (640 x 480, 45 degrees), hand tilted by up to 20 degrees; with
          exact poses, and with poses that are wrong by 0.3 mm and 0.03 degrees (standard deviation by axis).
          stated_std_mm: what the result says of itself, by leaving out each picture in turn.
"""

import tempfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from benchmarks.support.report import Row, arguments, report
from drift.configuration import config_file
from drift.simulation import make_shell
from drift_config.loader import load_yaml
from drift_core.calibration.board import Board, BoardFinder
from drift_core.calibration.hand_eye import Mount, View, calibrate_hand_eye
from drift_core.calibration.image_motion import ImageMotion
from drift_core.calibration.latency import Footage, estimate_latency
from drift_core.episodes import read_episode
from drift_sim.board_scene import BoardScene
from drift_sim.environments.arm_cell import ArmCell
from drift_sim.expert.waving import Waver
from drift_sim.shell import Shell

LATE_S = (0.0, 0.04, 0.12, -0.02)
ROBOTS = ("ur5e", "panda")
WAVED_S = 40.0
VIEWS = 15
DOWN = np.diag([1.0, -1.0, -1.0, 1.0])


def latency_rows(robot: str, seed: int) -> list[Row]:
    """Return a row for each camera and shift."""
    usual = make_shell(robot, "place")
    cell = usual.environment
    task = replace(cell.task, max_duration_s=WAVED_S)
    shell = Shell(ArmCell(cell.robot, task, cell.gate, cell.joystick))
    usual.close()
    with tempfile.TemporaryDirectory() as folder:
        writer = shell.writer(Path(folder), "waved", seed, "demonstration")
        expert = Waver(cell.robot, cell.joystick)
        episode = read_episode(shell.run_episode(seed, expert=expert, writer=writer).path or "")
    shell.close()
    rows: list[Row] = []
    for camera, frames in episode.frames.items():
        motion, joints = ImageMotion(), episode.joints
        for i in range(len(frames)):
            motion.add(float(frames.stamp_s[i]), frames.image(i))
        for late_s in LATE_S:
            footage = Footage.of(
                motion.stamps_s + late_s, motion.pixels, joints.stamp_s, joints.positions_rad
            )
            found = estimate_latency([footage], np.random.default_rng(0))
            rows.append(
                {
                    "robot": robot,
                    "seed": seed,
                    "camera": camera,
                    "true_ms": 1000.0 * late_s,
                    "error_ms": 1000.0 * (found.latency_s - late_s),
                    "half_interval_ms": 500.0 * (found.high_s - found.low_s),
                    "explained": found.explained,
                }
            )
    return rows


def hand_eye_row(scene: BoardScene, board: Board, mount: Mount, seed: int, noisy: bool) -> Row:
    """Return how far the result is from where the camera was."""
    rng = np.random.default_rng(seed)
    camera, place = truth(mount)
    views, finder = [], BoardFinder(board)
    for _ in range(VIEWS):
        hand = DOWN @ frame(np.radians(rng.uniform(-20.0, 20.0, 3)), (0.0, 0.0, 0.0))
        hand[:3, 3] = np.array([0.47, 0.0, 0.45 if mount == "hand" else 0.3]) + rng.uniform(-0.06, 0.06, 3)
        between = np.linalg.inv(hand) if mount == "hand" else hand
        picture = scene.render(np.linalg.inv(camera) @ between @ place)
        sighting = finder.find(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY))
        if not sighting.problem:
            wrong = frame(np.radians(rng.normal(size=3) * 0.03), rng.normal(size=3) * 0.0003)
            views.append(View(hand @ wrong if noisy else hand, sighting.ids, sighting.corners_px))
    found = calibrate_hand_eye(views, board, scene.intrinsics, mount)
    error = np.linalg.inv(camera) @ found.camera
    return {
        "mount": mount,
        "poses": "0.3 mm, 0.03 deg" if noisy else "exact",
        "seed": seed,
        "samples": len(views),
        "error_mm": 1000.0 * float(np.linalg.norm(error[:3, 3])),
        "error_deg": float(np.degrees(np.linalg.norm(cv2.Rodrigues(error[:3, :3])[0]))),
        "stated_std_mm": 1000.0 * float(np.linalg.norm(found.std_m)),
        "reprojection_px": found.rms_px,
        "scale": found.scale,
    }


def truth(mount: Mount) -> tuple[np.ndarray, np.ndarray]:
    """Return the camera in what carries it, and the board in the other."""
    if mount == "hand":
        place = DOWN @ frame((0.05, 0.02, 0.3), (0.0, 0.0, 0.0))
        place[:3, 3] = (0.35, 0.12, 0.0)
        return frame((0.1, -0.2, 1.5), (0.05, 0.03, -0.08)), place
    camera = frame((0.0, 0.0, np.pi / 2), (1.1, 0.1, 0.7)) @ frame((-2.2, 0.1, 0.0), (0.0, 0.0, 0.0))
    middle = DOWN.copy()
    middle[:3, 3] = (0.47, 0.0, 0.3)
    return camera, np.linalg.inv(middle) @ camera @ frame((0.1, 0.1, 0.1), (-0.14, -0.1, 0.75))


def frame(turn: object, shift: object) -> np.ndarray:
    """Return the frame (4, 4) of axis times angle (3,) [rad] and a shift (3,) [m]."""
    result = np.eye(4)
    result[:3, :3], result[:3, 3] = cv2.Rodrigues(np.array(turn, dtype=float))[0], shift
    return result


def main() -> None:
    """Measure and report."""
    parser = arguments(__doc__ or "")
    options = parser.parse_args()
    seeds = range(1 if options.quick else 3)
    robots = ROBOTS[:1] if options.quick else ROBOTS
    latencies = [row for robot in robots for seed in seeds for row in latency_rows(robot, seed)]
    report("camera latency", latencies, None)
    board = load_yaml(config_file("board", "a4"), Board)
    scene = BoardScene(board)
    mounts: tuple[Mount, ...] = ("hand", "base")
    places = [
        hand_eye_row(scene, board, mount, seed, noisy)
        for mount in mounts
        for noisy in (False, True)
        for seed in seeds
    ]
    scene.close()
    report("hand-eye", places, None)
    if options.json is not None:
        report("calibration", [*latencies, *places], options.json)


if __name__ == "__main__":
    main()
