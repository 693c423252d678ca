"""What `benchmarks/crash_safety.py` kills: processes that record, or train, and tell what they have done."""

import hashlib
import random
import struct
import time
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import torch
from drift.configuration import config_file
from drift_control.robot.robot import load_robot
from drift_core.episodes import BackgroundWriter, EpisodeMeta, EpisodeStore, EpisodeWriter, StepRecord
from drift_core.observation.spec import CameraSpec
from drift_core.policy.checkpoint import load_latest
from drift_core.task import load_task
from drift_core.training.config import load_train_file
from drift_core.training.rounds import Hooks, Rounds, train_round
from drift_formats.bags.message_types import installed
from drift_formats.bags.metadata import METADATA_FILE, Topic
from drift_formats.bags.recorder import BagRecorder

STEPS_HZ = 50
TASK, ROBOT = "place", "panda"
TRAIN_STEPS = 60
SAVE_S = 0.3
HOME_RAD = np.array([0.0, -0.785, 0.0, -2.356, 0.0, 1.571, 0.785])


def record_until_killed(telling: Connection, root: str, number: int, seed: float) -> None:
    """Record one episode after the other in real time; tell of each second, and of each that is finished."""
    chance, cameras = random.Random(seed), (CameraSpec("front", 96, 96), CameraSpec("wrist", 96, 96))
    with EpisodeStore(root).claim():
        for episode in range(10_000):
            name = f"k{number:04d}-{episode:04d}"
            writer = BackgroundWriter(
                root, EpisodeMeta(name, ROBOT, TASK, 0, "demonstration", cameras, 0.1, 0.0)
            )
            steps = chance.randrange(STEPS_HZ // 2, 4 * STEPS_HZ)
            begin_s = time.monotonic()
            for n in range(steps):
                _add_control_step(writer, n)
                telling.send(("recorded", name, (n + 1) / STEPS_HZ))
                time.sleep(max(0.0, begin_s + (n + 1) / STEPS_HZ - time.monotonic()))
            writer.close("success")
            telling.send(("finished", name, steps / STEPS_HZ))


def _add_control_step(writer: BackgroundWriter | EpisodeWriter, n: int, size: int = 96) -> None:
    """One control step, two joint samples, and at 10 Hz a frame of both cameras."""
    now_s, joints = n / STEPS_HZ, np.append(HOME_RAD, 0.04)
    action = np.array([0.4 + n / 1000, 0.0, 0.3, 1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.04])
    rows = writer.rows
    writer.add(rows.step(StepRecord(now_s, n, 2, 1, 1, 0, 0, -1.0, joints, joints, action, 0)))
    for half in (0.0, 0.5):
        at_s = (n + half) / STEPS_HZ
        writer.add(rows.joints(HOME_RAD, 0.04, at_s, at_s))
    if n % (STEPS_HZ // 10) == 0:
        rng = np.random.default_rng(n)
        for camera in ("front", "wrist"):
            image = np.repeat(
                np.repeat(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8), size // 8, 0), size // 8, 1
            )
            writer.add(rows.frame(camera, image, now_s, now_s))


def write_bags_until_killed(telling: Connection, root: str, number: int, seed: float) -> None:
    """Record one bag after the other in real time, 50 small messages and 10 of 27 kB a second; tell as above.

    The data of a message, behind the header of CDR, is its number.
    """
    chance = random.Random(seed)
    topic = Topic("/joint_states", installed("sensor_msgs/msg/JointState"))
    recorder = BagRecorder(Path(root), lambda text: telling.send(("unreadable", text, 0.0)), 64 << 20)
    for bag in range(10_000):
        name, steps = f"b{number:04d}-{bag:04d}", chance.randrange(STEPS_HZ // 2, 4 * STEPS_HZ)
        recorder.begin(name, {"drift_episode": {"name": name}})
        begin_s = time.monotonic()
        for n in range(steps):
            size = 27_000 if n % (STEPS_HZ // 10) == 0 else 200
            recorder.put(topic, struct.pack("<4sI", b"\0\1\0\0", n) + bytes(size), n + 1, n + 1)
            telling.send(("recorded", name, (n + 1) / STEPS_HZ))
            time.sleep(max(0.0, begin_s + (n + 1) / STEPS_HZ - time.monotonic()))
        recorder.end({})
        while not (Path(root) / name / METADATA_FILE).is_file():
            time.sleep(0.001)
        telling.send(("finished", name, steps / STEPS_HZ))


def train_until_done(telling: Connection, episodes: str, checkpoints: str) -> None:
    """Train one round, or what is left of it; tell when it begins, and the digest of its weights."""
    torch.set_num_threads(1)
    task, robot = load_task(config_file("task", TASK)), load_robot(config_file("robot", ROBOT))
    store = EpisodeStore(episodes)
    if not store.ids():
        _demonstrate(store, task.camera_specs)
    train_file = load_train_file(config_file("train", "smoke"))
    rounds = Rounds(robot, task, train_file, store, Path(checkpoints), save_every_s=SAVE_S)
    Path(checkpoints).mkdir(exist_ok=True)
    begun_s = time.monotonic()
    telling.send(("begun", ""))
    if rounds.newest() is None:
        hooks = Hooks(on_warning=lambda text: telling.send(("unreadable", text)))
        train_round(rounds, "offline", hooks, TRAIN_STEPS, round_id="crash")
    digest = hashlib.sha256()
    for name, value in sorted(load_latest(Path(checkpoints)).policy.state_dict().items()):
        digest.update(name.encode() + value.numpy().tobytes())
    telling.send(("took_s", time.monotonic() - begun_s))
    telling.send(("made", digest.hexdigest()))


def _demonstrate(store: EpisodeStore, cameras: tuple[CameraSpec, ...]) -> None:
    names = [name for name in (f"d{n}" for n in range(100)) if not store.held_out(name)][:3]
    for name in names:
        meta = EpisodeMeta(name, ROBOT, TASK, 0, "demonstration", cameras, 0.1, 0.0)
        writer = EpisodeWriter(store.root, meta)
        for n in range(2 * STEPS_HZ):
            _add_control_step(writer, n, cameras[0].height)
        writer.close("success")
