"""Labels of training windows: what the expert made the arm do after an observation.

Label i of a window at t_ref is the guarded command at t_ref + (i + 1) dt, interpolated between the control
steps around that time. It is valid only if the expert alone drove from t_ref to there: every control step in
between (and the one that closes the interpolation) is driven by the expert within one take-over, none is
missing from the sequence, and none was a hold. After the first label that is not valid, no later one is.
A window is idle when all its labels are valid and none differs from the command at t_ref: the expert paused.
"""

from dataclasses import dataclass, fields

import numpy as np

from drift_core.episodes.record import GUARD_HOLD, Steps, StepSource
from drift_core.errors import DataError
from drift_core.observation.stamps import JUMP_S
from drift_core.observation.timeline import SAME_TIME_S

STILL = 1e-3  # by less than this no entry of a command moves in an idle window [m, rad, of a rotation matrix]


@dataclass(frozen=True, eq=False)
class Labels:
    """Labels of N windows. Where `mask` is false, `actions` holds what was executed, as far as known."""

    actions: np.ndarray  # (N, T, A) float32
    mask: np.ndarray  # (N, T) bool
    driver: np.ndarray  # (N,) Source of the first control step after t_ref; HOLD if there is none
    expert_in_s: (
        np.ndarray
    )  # (N,) time from t_ref to the next control step of the expert; inf if there is none
    idle: np.ndarray  # (N,) bool
    intervention: np.ndarray  # (N,) of the first control step after t_ref; 0 if there is none


def cut_labels(steps: Steps, t_ref_s: np.ndarray, dt_s: float, horizon: int, action_space: str) -> Labels:
    """Cut the labels for observations at `t_ref_s` (N,)."""
    order = _in_order(steps)
    stamp_s = steps.stamp_s[order]  # (M,)
    command = (steps.commanded if action_space == "joint_position" else steps.action)[order]  # (M, A)
    count = len(t_ref_s)
    if len(stamp_s) == 0:
        return Labels(
            np.zeros((count, horizon, command.shape[1]), np.float32),
            np.zeros((count, horizon), bool),
            np.full(count, StepSource.HOLD),
            np.full(count, np.inf),
            np.zeros(count, bool),
            np.zeros(count, int),
        )
    source, take_over = steps.source[order], steps.intervention_id[order]
    driven = (source == StepSource.EXPERT) & (steps.guard_flags[order] & GUARD_HOLD == 0)
    driven &= np.isfinite(command).all(axis=1) & (command.shape[1] > 0)  # (M,) the step may be trained on
    linked = np.diff(steps.seq[order], prepend=steps.seq[order][0] - 1) == 1  # (M,) follows the step before
    linked &= np.diff(stamp_s, prepend=stamp_s[0]) <= dt_s + SAME_TIME_S
    same = np.diff(take_over, prepend=take_over[0]) == 0  # (M,) same take-over as the step before

    due_s = t_ref_s[:, None] + np.arange(horizon + 1) * dt_s  # (N, T + 1), the first is t_ref
    end = np.searchsorted(stamp_s, due_s + SAME_TIME_S)  # first step after each due time
    first, end, begin = end[:, :1], end[:, 1:], end[:, :-1]
    last = end - 1
    after = np.minimum(end, len(stamp_s) - 1)
    exact = np.abs(stamp_s[np.maximum(last, 0)] - due_s[:, 1:]) <= SAME_TIME_S
    closing = exact | ((end < len(stamp_s)) & driven[after] & linked[after] & same[after])
    valid = end > begin  # (N, T) there is a step in the interval
    valid &= _none(~driven, first, end) & _none(~linked, first, end) & _none(~same, first + 1, end)
    mask = np.logical_and.accumulate(valid & closing, axis=1)

    next_step = np.minimum(first[:, 0], len(stamp_s) - 1)
    driver = np.where(first[:, 0] < len(stamp_s), source[next_step], StepSource.HOLD)
    intervention = np.where(first[:, 0] < len(stamp_s), take_over[next_step], 0)
    expert_s = np.append(stamp_s[source == StepSource.EXPERT], np.inf)
    expert_in_s = expert_s[np.searchsorted(expert_s[:-1], t_ref_s + SAME_TIME_S)] - t_ref_s
    actions = _interpolate(stamp_s, command, due_s[:, 1:])
    if action_space == "tcp_pose":
        actions[..., 3:9] = _orthonormal(actions[..., 3:9])
    if not np.isfinite(actions[mask]).all():
        raise DataError("labels must be finite")
    path = np.concatenate([_interpolate(stamp_s, command, t_ref_s[:, None]), actions], axis=1)
    idle = mask.all(axis=1) & (np.ptp(path, axis=1) < STILL).all(axis=1)
    actions = np.nan_to_num(actions).astype(np.float32)
    return Labels(actions, mask, driver, expert_in_s, idle, intervention)


def between_set_backs(steps: Steps) -> list[Steps]:
    """Return the parts of `steps` between two moments at which the clock of their stamps was set back."""
    _, once = np.unique(steps.seq, return_index=True)
    cuts = np.flatnonzero(np.diff(steps.stamp_s[once]) < -JUMP_S) + 1
    columns = {field.name: getattr(steps, field.name) for field in fields(steps)}
    return [
        Steps(**{name: column[part] for name, column in columns.items()}) for part in np.split(once, cuts)
    ]


def out_of_order(steps: Steps) -> int:
    """Return how many control steps are not stamped later than all those before them."""
    _, once = np.unique(steps.seq, return_index=True)
    stamp_s = steps.stamp_s[once]
    return int((stamp_s[1:] <= np.maximum.accumulate(stamp_s)[:-1]).sum()) if len(stamp_s) else 0


def _in_order(steps: Steps) -> np.ndarray:
    """Return the indices of the steps, each `seq` once, sorted by stamp."""
    _, once = np.unique(steps.seq, return_index=True)
    return once[np.argsort(steps.stamp_s[once], kind="stable")]


def _none(bad: np.ndarray, begin: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Whether no element of `bad` (M,) is true in [begin, end); an empty range has none."""
    total = np.concatenate([[0], np.cumsum(bad)])
    return total[np.maximum(end, np.minimum(begin, len(bad)))] == total[np.minimum(begin, len(bad))]


def _interpolate(stamp_s: np.ndarray, command: np.ndarray, due_s: np.ndarray) -> np.ndarray:
    """Return the commands (..., A) at `due_s` (...), constant beyond both ends."""
    after = np.clip(np.searchsorted(stamp_s, due_s - SAME_TIME_S), 0, len(stamp_s) - 1)
    before = np.where(stamp_s[after] <= due_s + SAME_TIME_S, after, np.maximum(after - 1, 0))
    span_s = stamp_s[after] - stamp_s[before]
    weight = np.divide(due_s - stamp_s[before], span_s, out=np.zeros_like(due_s), where=span_s > 0)[..., None]
    return command[before] + weight * (command[after] - command[before])


def _orthonormal(rotation: np.ndarray) -> np.ndarray:
    """Gram-Schmidt on 6-D rotations (..., 6)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        x, y = rotation[..., :3], rotation[..., 3:]
        x = x / np.linalg.norm(x, axis=-1, keepdims=True)
        y = y - (x * y).sum(axis=-1, keepdims=True) * x
        return np.concatenate([x, y / np.linalg.norm(y, axis=-1, keepdims=True)], axis=-1)
