"""The last look at a checkpoint before it drives: does it fit, and does it act on a real observation?"""

from dataclasses import fields

import numpy as np
import torch
from drift_config.errors import DriftError

from drift_core.errors import CheckpointError
from drift_core.observation.spec import Observation, ObservationSpec
from drift_core.policy.policy import DiffusionPolicy, PolicyConfig


def check_fits(config: PolicyConfig, spec: ObservationSpec, action_space: str) -> None:
    """Refuse a policy trained for other cameras, joints or times than `spec`, naming what differs."""
    faults = [
        f"{field.name} must be {_shown(getattr(spec, field.name))}, "
        f"got {_shown(getattr(config.observation, field.name))}"
        for field in fields(ObservationSpec)
        if getattr(config.observation, field.name) != getattr(spec, field.name)
    ]
    if config.action_space != action_space:
        faults.append(f"action_space must be {action_space!r}, got {config.action_space!r}")
    if faults:
        raise CheckpointError(f"the checkpoint does not fit: {'; '.join(faults)}")


def run_canary(policy: DiffusionPolicy, observation: Observation, sampler_name: str) -> np.ndarray:
    """Let `policy` act on `observation` with a fresh sampler; return the chunk (T, A) in raw units.

    CheckpointError says what went wrong.
    """
    try:
        return policy.act(observation, policy.make_sampler(sampler_name), torch.Generator().manual_seed(0))
    except DriftError as error:
        raise CheckpointError(f"the checkpoint fails on a stored observation: {error}") from error


def blank_observation(spec: ObservationSpec) -> Observation:
    """Return grey images and a zero state, for a robot that has not stored an observation yet."""
    steps = spec.observation_steps
    images = {c.name: np.full((steps, c.height, c.width, 3), 128, dtype=np.uint8) for c in spec.cameras}
    return Observation(0.0, images, np.zeros((steps, spec.state_dim), dtype=np.float32), 0.0)


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(f"{c.name} {c.height}x{c.width}" for c in value) + "]"
    return str(value)
