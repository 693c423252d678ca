"""Networks, samplers and the observation whose inference is timed."""

import numpy as np
import torch
from benchmarks.support.distinct_weights import perturb
from drift_core.denoisers import MlpConfig, UNetConfig
from drift_core.encoders import ResNetConfig
from drift_core.observation.spec import CameraSpec, Observation, ObservationSpec
from drift_core.policy.policy import DiffusionPolicy, PolicyConfig

HORIZON, ACTION_DIM = 16, 10
SPEC = ObservationSpec((CameraSpec("front", 96, 96),), state_dim=10, observation_steps=2, dt_s=0.1)
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


def make_policy(network: str) -> DiffusionPolicy:
    """Return a policy with random weights as training leaves them."""
    torch.manual_seed(0)
    config = PolicyConfig(
        SPEC, ACTION_DIM, "tcp_pose", HORIZON, 8, ResNetConfig(), NETWORKS[network], prediction="epsilon"
    )
    policy = DiffusionPolicy(config).eval()
    perturb(policy, seed=1)
    return policy


def example_observation() -> Observation:
    """Return two pictures of noise and a random state."""
    rng = np.random.default_rng(0)
    images = {"front": rng.integers(0, 256, (2, 96, 96, 3), dtype=np.uint8)}
    return Observation(0.0, images, rng.normal(size=(2, 10)).astype(np.float32), 0.0)
