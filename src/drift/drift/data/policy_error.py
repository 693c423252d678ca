"""What a policy would have done where the expert drove: its chunks against the labels of an episode."""

from dataclasses import dataclass

import numpy as np
import torch
from drift_core.data.dataset import WindowDataset
from drift_core.data.windows import WindowSet
from drift_core.policy.policy import DiffusionPolicy

_BATCH = 64


@dataclass(frozen=True)
class Errors:
    """Distances of predicted from labelled actions; each entry is one step of one chunk."""

    labels: int  # windows
    position_mm: float | None  # mean, of the TCP; None: the actions are no poses
    position_p90_mm: float | None
    rotation_deg: float | None  # mean
    gripper_mm: float | None  # mean
    action_rms: float  # over all entries of an action, in its units


@dataclass(frozen=True, eq=False)
class PolicyErrors:
    """The errors of a policy over an episode, in all and for each take-over."""

    whole: Errors
    by_take_over: dict[int, Errors]
    time_s: np.ndarray  # (N,) t_ref of the windows with a label, ROS time
    position_m: np.ndarray  # (N, T) NaN where there is no label, or no pose
    rotation_rad: np.ndarray  # (N, T)


def policy_errors(
    policy: DiffusionPolicy, windows: WindowSet, sampler_name: str, seed: int
) -> PolicyErrors | None:
    """Show the policy every recorded observation that has a label, and compare; None where none has.

    Only the first `action_steps` of a chunk count, those that are executed, as far as they have labels. Each
    observation stands for itself: nothing of an older chunk is imposed.
    """
    labelled = windows.trainable()
    if not len(labelled):
        return None
    predicted = _predict(policy, labelled, sampler_name, seed)
    steps = policy.config.action_steps
    predicted, actions, mask = predicted[:, :steps], labelled.actions[:, :steps], labelled.mask[:, :steps]
    nothing = np.full(mask.shape, np.nan)
    position_m, rotation_rad, gripper_m = nothing, nothing, nothing
    if policy.config.action_space == "tcp_pose":
        position_m = np.where(mask, np.linalg.norm(predicted[..., :3] - actions[..., :3], axis=-1), np.nan)
        rotation_rad = np.where(mask, _angle(predicted[..., 3:9], actions[..., 3:9]), np.nan)
    if policy.config.action_space != "point":
        gripper_m = np.where(mask, np.abs(predicted[..., -1] - actions[..., -1]), np.nan)
    square = np.where(mask, ((predicted - actions) ** 2).mean(axis=-1), np.nan)

    def errors(chosen: np.ndarray) -> Errors:
        return Errors(
            labels=int(chosen.sum()),
            position_mm=_mean(1000.0 * position_m[chosen]),
            position_p90_mm=_p90(1000.0 * position_m[chosen]),
            rotation_deg=_mean(np.rad2deg(rotation_rad[chosen])),
            gripper_mm=_mean(1000.0 * gripper_m[chosen]),
            action_rms=float(np.sqrt(np.nanmean(square[chosen]))),
        )

    return PolicyErrors(
        whole=errors(np.ones(len(labelled), bool)),
        by_take_over={
            int(take_over): errors(labelled.intervention == take_over)
            for take_over in np.unique(labelled.intervention)
        },
        time_s=labelled.t_ref_s,
        position_m=position_m,
        rotation_rad=rotation_rad,
    )


@torch.no_grad()
def _predict(policy: DiffusionPolicy, windows: WindowSet, sampler_name: str, seed: int) -> np.ndarray:
    """Return the chunks (N, T, A) of all windows."""
    dataset, sampler = WindowDataset([windows]), policy.make_sampler(sampler_name)
    generator = torch.Generator(policy.device).manual_seed(seed)
    chunks = []
    for indices in torch.arange(len(dataset)).split(_BATCH):
        batch = dataset.batch(indices).to(str(policy.device))
        features = policy.encode_frames(batch.images)
        condition = policy.condition(features, batch.frame_index, batch.state)
        sampler.reset()
        chunks.append(policy.sample(condition, sampler, generator).float().cpu().numpy())
    return np.concatenate(chunks)


def _angle(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the angle between 6-D rotations (..., 6) [rad]."""
    a, b = _columns(one), _columns(other)
    trace = sum((p * q).sum(axis=-1) for p, q in zip(a, b, strict=True))
    return np.arccos(np.clip((trace - 1.0) / 2.0, -1.0, 1.0))


def _columns(rotation: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x, y = rotation[..., :3], rotation[..., 3:]
    return x, y, np.cross(x, y)


def _mean(values: np.ndarray) -> float | None:
    return float(np.nanmean(values)) if np.isfinite(values).any() else None


def _p90(values: np.ndarray) -> float | None:
    return float(np.nanquantile(values, 0.9)) if np.isfinite(values).any() else None
