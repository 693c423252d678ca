"""A tiny task with one camera, recorded by hand: a point moves to a white dot that the camera sees."""

from pathlib import Path

import numpy as np
import pytest
import torch
from drift_core.episodes import EpisodeMeta, EpisodeStore, EpisodeWriter, StepRecord
from drift_core.observation.spec import CameraSpec

torch.set_num_threads(1)
SIZE = 16  # pixels
STEPS_HZ, FRAMES_HZ = 50, 10

TASK = """
name: dot
cameras: [{name: top, topic: camera/top/image_raw, height: 16, width: 16, latency_s: 0.0}]
dt_s: 0.1
horizon: 8
observation_steps: 1
action_steps: 4
action_space: point
max_duration_s: 5.0
scene: {}
"""

TRAIN = """
policy:
  encoder: {kind: small_cnn, channels: 8, maps: 4}
  denoiser: {kind: mlp, width: 32, blocks: 2, step_dim: 16}
  prediction: sample
  sampler: ddim-4
rank:
  modulation: {}
  offline: {kind: cosine, start: 1.0, end: 0.25, steps: 60}
  online: {kind: constant, fraction: 0.25}
offline: &round
  {steps: 60, batch_size: 16, noise_draws: 2, lr: 2e-3, warmup_steps: 5, weight_decay: 1e-6, clip_norm: 1.0,
   ema_decay: 0.9, threads: 1}
online:
  {steps: 40, batch_size: 16, noise_draws: 2, lr: 1e-3, warmup_steps: 5, weight_decay: 1e-6, clip_norm: 1.0,
   ema_decay: 0.9, threads: 1, freeze_encoder: true, online_share: 0.5}
"""


@pytest.fixture
def files(tmp_path) -> dict[str, str]:
    """The files and folders of a run of the tiny task."""
    (tmp_path / "task.yaml").write_text(TASK)
    (tmp_path / "train.yaml").write_text(TRAIN.replace("&round", ""))
    return {
        "task_file": str(tmp_path / "task.yaml"),
        "train_file": str(tmp_path / "train.yaml"),
        "robot_file": "",
        "episode_folder": str(tmp_path / "episodes"),
        "checkpoint_folder": str(tmp_path / "checkpoints"),
    }


@pytest.fixture
def record(files):
    """Write one episode of 2 s: `record(number, kind, held_out, first_expert_step=0)`; returns its labels."""
    return lambda *args, **kwargs: record_episode(Path(files["episode_folder"]), *args, **kwargs)


@pytest.fixture
def demonstrations(record):
    """Four demonstrations to train on, and one that is held out."""
    for number in range(4):
        record(number)
    record(4, held_out=True)


def record_episode(
    folder: Path,
    number: int,
    kind: str = "demonstration",
    held_out: bool = False,
    first_expert_step: int = 0,
    pause_s: float = 0.0,
) -> str:
    """The point moves to the dot in 2 s, after a pause; the expert drives from one of 100 steps on."""
    goal = np.random.default_rng(number).uniform(0.2, 0.8, 2)
    episode_id = _named(kind, number, held_out)
    meta = EpisodeMeta(
        id=episode_id, robot="point", task="dot", seed=number, kind=kind,
        cameras=(CameraSpec("top", SIZE, SIZE),), dt_s=0.1, started_s=1000.0,
    )  # fmt: skip
    image = np.zeros((SIZE, SIZE, 3), np.uint8)
    row, column = (goal * SIZE).astype(int)
    image[row - 1 : row + 2, column - 1 : column + 2] = 255
    writer = EpisodeWriter(folder, meta)
    for tick in range(2 * STEPS_HZ):
        stamp_s = 1000.0 + tick / STEPS_HZ
        point = goal * max(tick / STEPS_HZ - pause_s, 0.0) / (2.0 - pause_s)
        expert = tick >= first_expert_step
        writer.add_joints(point, 0.0, stamp_s, stamp_s)
        if tick % (STEPS_HZ // FRAMES_HZ) == 0:
            image[0, 0] = tick  # no two frames of an episode are the same
            writer.add_frame("top", image, stamp_s, stamp_s + 0.001)
        writer.add_step(
            StepRecord(
                stamp_s=stamp_s,
                seq=tick,
                source=2 if expert else 1,
                epoch=1,
                intervention_id=int(expert),
                chunk_id=0,
                policy_version=0,
                chunk_age_s=-1.0,
                commanded=np.append(point, 0.0),
                measured=np.append(point, 0.0),
                action=point,
                guard_flags=0,
            )
        )
    writer.close("success")
    return episode_id


def _named(kind: str, number: int, held_out: bool) -> str:
    """Return an id that is held out, or not, as wanted."""
    tries = (f"{kind}-{number}-{attempt}" for attempt in range(10_000))
    return next(name for name in tries if EpisodeStore("").held_out(name) is held_out)
