"""From a checkpoint file to a policy that may drive, or the reason why it may not."""

from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import numpy as np
import torch
from drift_core.checkpoint import load_checkpoint
from drift_core.errors import CheckpointError, DriftError
from drift_core.observation import Observation, ObservationSpec
from drift_core.policy import DiffusionPolicy, NonFiniteError
from drift_core.samplers import Sampler
from drift_core.task import TaskConfig


class Fault(IntEnum):
    """What is wrong with a candidate; the values of LoadCheckpoint.srv."""

    NOT_FOUND = 1
    HASH_MISMATCH = 2
    INVALID = 3
    INCOMPATIBLE = 4
    CANARY_FAILED = 5


@dataclass(frozen=True, eq=False)
class Running:
    """A verified policy with a sampler of its own."""

    policy: DiffusionPolicy
    sampler: Sampler
    version: int
    sha256: str
    path: Path


class RefusedError(DriftError):
    """A candidate that may not drive; `fault` says why in a number, the message in words."""

    def __init__(self, fault: Fault, message: str) -> None:
        super().__init__(message)
        self.fault = fault


@dataclass(frozen=True)
class Fitting:
    """What a policy must have been trained for to run here."""

    robot: str
    task: TaskConfig
    n_joints: int
    home_state: np.ndarray  # (S,) of the arm at home, for the canary when nothing has been observed yet

    @property
    def spec(self) -> ObservationSpec:
        """The observation this node can assemble."""
        return self.task.observation_spec(self.n_joints)

    def difference(self, policy: DiffusionPolicy, robot: str, task: str) -> str:
        """Say in words how a policy's training differs from this robot and task; "" if it fits."""
        ours, theirs = self.spec, policy.config.observation
        pairs = {
            "robot": (robot, self.robot),
            "task": (task, self.task.name),
            "cameras": (_cameras(theirs), _cameras(ours)),
            "state_dim": (theirs.state_dim, ours.state_dim),
            "observation_steps": (theirs.observation_steps, ours.observation_steps),
            "dt_s": (theirs.dt_s, ours.dt_s),
            "action_space": (policy.config.action_space, self.task.action_space),
            "action_dim": (policy.config.action_dim, self.task.action_dim(self.n_joints)),
        }
        return "; ".join(f"{name}={got} must be {want}" for name, (got, want) in pairs.items() if got != want)

    def blank_observation(self) -> Observation:
        """Return the arm at home before grey cameras."""
        spec = self.spec
        images = {
            camera.name: np.full((spec.observation_steps, camera.height, camera.width, 3), 127, np.uint8)
            for camera in spec.cameras
        }
        state = np.tile(np.asarray(self.home_state, np.float32), (spec.observation_steps, 1))
        return Observation(0.0, images, state, 0.0)


def load_candidate(
    path: Path, sha256: str, fitting: Fitting, sampler: str, stored: Observation | None
) -> Running:
    """Load, verify and try a checkpoint, off the inference path; RefusedError if it may not drive.

    `sha256` is the announced hash, "" for none; `stored` an observation for the forward pass.
    """
    if not path.is_file():
        raise RefusedError(Fault.NOT_FOUND, f"{path}: no such file")
    try:
        loaded = load_checkpoint(path, sha256 or None)
    except CheckpointError as error:
        fault = Fault.HASH_MISMATCH if "sha256=" in str(error) else Fault.INVALID
        raise RefusedError(fault, str(error)) from error
    if difference := fitting.difference(loaded.policy, loaded.info.robot, loaded.info.task):
        raise RefusedError(Fault.INCOMPATIBLE, f"{path}: {difference}")
    _fly_canary(path, loaded.policy, sampler, stored or fitting.blank_observation())
    # a fresh sampler: the canary left its trace in the other
    fresh = loaded.policy.make_sampler(sampler)
    return Running(loaded.policy, fresh, loaded.info.version, loaded.sha256, path)


def _fly_canary(path: Path, policy: DiffusionPolicy, sampler: str, observation: Observation) -> None:
    config = policy.config
    try:
        chunk = policy.act(observation, policy.make_sampler(sampler), torch.Generator().manual_seed(0))
    except (NonFiniteError, DriftError, RuntimeError) as error:
        raise RefusedError(Fault.CANARY_FAILED, f"{path}: forward pass failed: {error}") from error
    if chunk.shape != (config.horizon, config.action_dim):
        raise RefusedError(
            Fault.CANARY_FAILED, f"{path}: chunk {chunk.shape} must be {(config.horizon, config.action_dim)}"
        )


def _cameras(spec: ObservationSpec) -> list[str]:
    return [f"{camera.name} {camera.width}x{camera.height}" for camera in spec.cameras]
