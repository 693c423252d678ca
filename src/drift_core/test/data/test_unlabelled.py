"""Episodes without actions: windows without a label are drawn for what lies ahead of them, when asked for."""

from pathlib import Path

import numpy as np
import pytest
import torch
from drift_core.arm import POINT
from drift_core.data.cutter import WindowCutter
from drift_core.data.dataset import WindowDataset, batches
from drift_core.data.training_data import TrainingData
from drift_core.denoisers import JointConfig
from drift_core.denoisers.joint import StateConfig
from drift_core.drafts import AnchorsConfig
from drift_core.episodes import EpisodeMeta, EpisodeStore, EpisodeWriter, StepRecord, StepSource
from drift_core.errors import DataError
from drift_core.policy.normalizer import Normalizer
from drift_core.policy.policy import DiffusionPolicy, PolicyConfig
from drift_core.task import load_task

TASK = load_task(Path(__file__).resolve().parents[4] / "config" / "tasks" / "fork.yaml")
STEPS = 12
AHEAD = (2, 4)


def record(root, name, driven, steps=STEPS):
    """Record a point that moves by 0.01 m per step; driven by the expert, or watched only."""
    meta = EpisodeMeta(name, POINT, TASK.name, 0, "demonstration", (), TASK.dt_s, 0.0)
    with EpisodeWriter(root, meta) as writer:
        for step in range(steps):
            now_s, due_s = step * TASK.dt_s, (step + 1) * TASK.dt_s
            here, there = np.array([0.01 * step, 0.0]), np.array([0.01 * (step + 1), 0.0])
            writer.add_joints(here, 0.0, now_s, now_s)
            if driven:
                order = (StepSource.EXPERT, 1, 1, 0, 0, -1.0, there, here, there, 0)
                writer.add_step(StepRecord(due_s, step, *order))
        writer.close("success")


def data_of(root, unlabelled, names=("demonstration_000001", "video")):
    for name in names:
        record(root, name, driven=name != "video")
    store = EpisodeStore(root)
    data = TrainingData(store, WindowCutter(store, None, TASK, AHEAD), unlabelled=unlabelled)
    list(data.update())
    assert data.left_out == {} and not data.held_out.episode_ids
    return data.offline


def test_a_video_gives_windows_only_when_they_are_asked_for(tmp_path):
    with_labels = data_of(tmp_path / "a", unlabelled=False)
    everything = data_of(tmp_path / "b", unlabelled=True)
    assert with_labels.episode_ids == ["demonstration_000001"]
    assert everything.episode_ids == ["demonstration_000001", "video"]
    # of as many observations those that have one two steps later
    observed = STEPS - TASK.observation_steps + 1
    watched = everything.rows(["video"])
    assert len(watched) == observed - 2
    assert everything.labels == with_labels.labels == len(everything) - len(watched)
    batch = everything.batch(watched)
    assert not batch.mask.any() and batch.actions.shape == (len(watched), TASK.horizon, 2)
    assert batch.future.mask.sum(0).tolist() == [observed - 2, observed - 4]
    moved = batch.future.state[:, 0, 0] - batch.state[:, -1, 0]
    torch.testing.assert_close(moved, torch.full_like(moved, 0.02))


def test_nothing_ahead_is_nothing_to_learn_from(tmp_path):
    record(tmp_path, "video", driven=False)
    windows = WindowCutter(EpisodeStore(tmp_path), None, TASK)("video")
    assert WindowDataset(unlabelled=True).add(windows) == 0


def test_a_policy_trains_on_demonstrations_and_videos_together(tmp_path):
    data = data_of(tmp_path, unlabelled=True)
    denoiser = JointConfig(
        modalities=(StateConfig(),), future_steps=AHEAD, width=16, heads=2, blocks=1, step_dim=8
    )
    spec = TASK.observation_spec(0)
    sizes = (spec, TASK.action_dim(0), TASK.action_space, TASK.horizon, TASK.action_steps)
    policy = DiffusionPolicy(PolicyConfig(*sizes, None, denoiser, drafts=(AnchorsConfig(modes=2),)))
    fitted = Normalizer.fit(data.state, data.actions, data.mask, TASK.action_space)
    policy.normalizer.load_state_dict(fitted.state_dict())
    random = torch.Generator().manual_seed(0)
    batch = next(batches(data, random, 32))
    assert 0 < batch.mask[:, 0].sum() < 32
    terms = policy.loss_terms(batch, random)
    assert terms.keys() == {"denoising", "future_state", "modes", "anchored"}
    assert all(term.isfinite() for term in terms.values())
    videos = data.batch(data.rows(["video"]))
    found = policy.loss_terms(videos, random)
    assert [float(found[name].detach()) for name in ("denoising", "modes", "anchored")] == [0.0] * 3
    assert found["future_state"] > 0.0


def test_videos_alone_are_refused(tmp_path):
    data = data_of(tmp_path, unlabelled=True, names=("video",))
    assert data.labels == 0
    with pytest.raises(DataError, match="at least one valid label"):
        Normalizer.fit(data.state, data.actions, data.mask, TASK.action_space)
