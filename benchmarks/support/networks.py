"""Networks, samplers and the observation whose inference is timed."""

from dataclasses import replace

import numpy as np
import torch
from benchmarks.support.distinct_weights import perturb
from drift_core.denoisers import MlpConfig, UNetConfig
from drift_core.drafts import DraftConfig
from drift_core.encoders import ResNetConfig
from drift_core.observation.spec import CameraSpec, Observation, ObservationSpec
from drift_core.policy.policy import DiffusionPolicy, PolicyConfig
from drift_core.samplers import RtiSampler, Sampler

HORIZON, ACTION_DIM = 16, 10
CAMERAS = (CameraSpec("front", 96, 96), CameraSpec("wrist", 96, 96))
NETWORKS = {
    "S": UNetConfig(down_dims=(128, 256, 512)),
    "L": UNetConfig(down_dims=(256, 512, 1024)),
    "mlp": MlpConfig(),
}
SAMPLERS = {
    "ddpm100": "ddpm-100",
    "ddim10": "ddim-10",
    "dpm10": "dpm-10",
    "rti2": "rti-2",
    "rti3": "rti-3",
    "rti3_full": "rti-3",
}


def make_policy(network: str, cameras: int = 1, drafts: tuple[DraftConfig, ...] = ()) -> DiffusionPolicy:
    """Return a policy with random weights as training leaves them."""
    torch.manual_seed(0)
    spec = ObservationSpec(CAMERAS[:cameras], state_dim=10, observation_steps=2, dt_s=0.1)
    config = PolicyConfig(
        spec, ACTION_DIM, "tcp_pose", HORIZON, 8, ResNetConfig(), NETWORKS[network], drafts=drafts
    )
    policy = DiffusionPolicy(config).eval()
    perturb(policy, seed=1)
    return policy


def always_warm(sampler: Sampler) -> Sampler:
    """Switch off what would start a random network afresh: it has no reason to repeat itself."""
    if isinstance(sampler, RtiSampler):
        sampler.draft.warm = replace(sampler.draft.warm, observation_jump=None, chunk_jump=None)
    return sampler


def example_observation() -> Observation:
    """Return two pictures of noise and a random state."""
    rng = np.random.default_rng(0)
    images = {"front": rng.integers(0, 256, (2, 96, 96, 3), dtype=np.uint8)}
    return Observation(0.0, images, rng.normal(size=(2, 10)).astype(np.float32), 0.0)
