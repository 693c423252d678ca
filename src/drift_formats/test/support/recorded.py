"""Episodes as a recorder writes them: a Panda with one camera, or a point."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from drift_control.robot.pose import pose_to_action
from drift_control.robot.robot import load_robot
from drift_core.episodes import (
    ChunkRecord,
    Episode,
    EpisodeMeta,
    EpisodeWriter,
    StepRecord,
    StepSource,
    read_episode,
)
from drift_core.observation.spec import CameraSpec
from drift_core.task import CameraConfig, TaskConfig
from drift_formats.format import Cell

CONFIG = Path(__file__).resolve().parents[4] / "config"
PANDA = load_robot(CONFIG / "robots" / "panda.yaml")
CAMERA = CameraConfig("front", "camera/front/image_raw", 16, 24, 0.01)
PLACE = Cell(PANDA, TaskConfig("place", (CAMERA,), 0.1, 8, 1, 4, "tcp_pose", 20.0, {}))
JOINTS = replace(PLACE, task=replace(PLACE.task, action_space="joint_position"))
WALK = Cell(None, TaskConfig("walk", (), 0.1, 8, 1, 4, "point", 6.0, {}))
START_S = 1_800_000_000.0


def picture(number: int, height: int = 16, width: int = 24) -> np.ndarray:
    """Return noise that is another for each number."""
    return np.random.default_rng(number).integers(0, 256, (height, width, 3), dtype=np.uint8)


def record(
    folder: Path,
    cell: Cell = PLACE,
    name: str = "m0",
    seconds: float = 1.0,
    driver: np.ndarray | None = None,
    frame_s: np.ndarray | None = None,
    seed: int = 0,
    wanted: bool = True,
    **meta: object,
) -> Episode:
    """Record control steps at 50 Hz, joints at 100 Hz, and a frame at each of `frame_s` (every 0.1 s).

    `driver`: source of each control step; the expert without one. The frame of `t` arrives at t + 0.02.
    `wanted`: the policy wanted half of every number, by chunk 8, and an arm's made three chunks.
    """
    random = np.random.default_rng(seed)
    times = START_S + np.arange(round(seconds * 50) + 1) / 50
    driver = np.full(len(times), StepSource.EXPERT) if driver is None else driver
    amplitude, phase = random.uniform(0.05, 0.2, 7), random.uniform(0, 6, 7)
    arm = cell.arm
    home = np.zeros(2) if arm is None else arm.home

    def joints(time_s: float) -> np.ndarray:
        return home + (amplitude * np.sin(3 * (time_s - START_S) + phase))[: len(home)]

    specs = tuple(CameraSpec(camera.name, camera.height, camera.width) for camera in cell.task.cameras)
    robot = "point" if arm is None else arm.name
    about: dict = {"seed": seed, "kind": "demonstration", **meta}
    outcome, score = about.pop("outcome", "success"), about.pop("score", None)
    described = EpisodeMeta(
        name, robot, cell.task.name, cameras=specs, dt_s=cell.task.dt_s, started_s=START_S, **about
    )
    with EpisodeWriter(folder, described) as writer:
        for time_s in START_S + np.arange(round(seconds * 100) + 1) / 100:
            writer.add_joints(joints(time_s), 0.04, time_s, time_s)
        if frame_s is None:
            frame_s = START_S + np.arange(round(seconds * 10) + 1) / 10
        for number, stamp_s in enumerate(frame_s):
            for camera in cell.task.cameras:
                image = picture(number, camera.height, camera.width)
                writer.add_frame(camera.name, image, stamp_s, stamp_s + 0.02)
        for number in range(3 if wanted and arm is not None else 0):
            stamp_s = START_S + number / 4
            writer.add_chunk(
                ChunkRecord(
                    number + 6, 3, stamp_s, stamp_s + 0.125, cell.task.dt_s, cell.task.action_space, 2,
                    stamp_s, 62.5, "ddim-8", 5, random.normal(size=(4, 8)),
                    random.normal(size=(8, 8)).astype(np.float32) if number else np.empty((0, 0)),
                )
            )  # fmt: skip
        take_over = 0
        for tick, (time_s, source) in enumerate(zip(times, driver, strict=True)):
            if source == StepSource.EXPERT and (tick == 0 or driver[tick - 1] != source):
                take_over += 1
            q = joints(time_s + 0.02)
            commanded = None if arm is None else np.append(q, 0.05)
            action = q if arm is None else pose_to_action(arm.forward(q), 0.05)
            measured = None if arm is None else np.append(joints(time_s), 0.04)
            said = (8, action / 2) if wanted else (0, None)
            step = StepRecord(
                time_s, tick, int(source), 3, take_over, 7, 2, 0.25, commanded, measured, action, 0, *said
            )
            writer.add_step(step)
        return read_episode(writer.close(outcome, score))
