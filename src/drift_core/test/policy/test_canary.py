"""A checkpoint is tried out before it drives."""

import dataclasses

import numpy as np
import pytest
import torch
from drift_core.denoisers import MlpConfig
from drift_core.encoders import SmallCnnConfig
from drift_core.errors import CheckpointError
from drift_core.observation.spec import CameraSpec, Observation, ObservationSpec
from drift_core.policy.canary import (
    blank_observation,
    check_fits,
    run_canary,
)
from drift_core.policy.policy import DiffusionPolicy, PolicyConfig

SPEC = ObservationSpec((CameraSpec("front", 16, 16),), state_dim=13, observation_steps=2, dt_s=0.1)
CONFIG = PolicyConfig(
    SPEC, 10, "tcp_pose", 8, 4, SmallCnnConfig(channels=8, maps=2), MlpConfig(width=16, blocks=1, step_dim=8)
)


def stored_observation():
    rng = np.random.default_rng(0)
    images = {"front": rng.integers(0, 256, (2, 16, 16, 3), dtype=np.uint8)}
    return Observation(12.5, images, rng.normal(size=(2, 13)).astype(np.float32), 12.4)


def test_a_sound_policy_acts():
    chunk = run_canary(DiffusionPolicy(CONFIG).eval(), stored_observation(), "ddim-2")
    assert chunk.shape == (8, 10) and np.isfinite(chunk).all()


def test_a_policy_that_yields_nonsense_is_refused_with_the_reason():
    policy = DiffusionPolicy(CONFIG).eval()
    torch.nn.init.constant_(policy.denoiser.leave.bias, float("nan"))
    with pytest.raises(
        CheckpointError, match="fails on a stored observation: the network's output must be finite"
    ):
        run_canary(policy, stored_observation(), "ddim-2")


def test_a_policy_for_another_observation_is_refused_with_the_reason():
    other = dataclasses.replace(stored_observation(), images={})
    with pytest.raises(CheckpointError, match="fails on a stored observation: images of camera 'front'"):
        run_canary(DiffusionPolicy(CONFIG).eval(), other, "ddim-2")


def test_what_does_not_fit_is_named():
    check_fits(CONFIG, SPEC, "tcp_pose")
    wrist = (CameraSpec("front", 16, 16), CameraSpec("wrist", 64, 48))
    spec = dataclasses.replace(SPEC, cameras=wrist, state_dim=16)
    expected = (
        r"cameras must be \[front 16x16, wrist 64x48\], got \[front 16x16\]; state_dim must be 16, got 13"
    )
    with pytest.raises(CheckpointError, match=expected):
        check_fits(CONFIG, spec, "tcp_pose")
    with pytest.raises(CheckpointError, match="action_space must be 'joint_position', got 'tcp_pose'"):
        check_fits(CONFIG, SPEC, "joint_position")


def test_a_blank_observation_fits_any_specification():
    chunk = run_canary(DiffusionPolicy(CONFIG).eval(), blank_observation(SPEC), "ddim-1")
    assert chunk.shape == (8, 10)
