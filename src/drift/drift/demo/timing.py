"""Timing of control loop and policy, read from the steps that the trainer recorded."""

from collections.abc import Iterable

import numpy as np
from drift_core.episodes import Steps, StepSource


def control_timing(
    stamps_s: Iterable[np.ndarray], period_s: float, swap_stamps_s: Iterable[float], window_s: float = 0.5
) -> tuple[dict[str, float], np.ndarray]:
    """Return named figures and all control periods (N,) [s].

    `stamps_s` holds the step stamps of each episode (ROS time). A tick is late when its period is more
    than one nominal period too long; a late tick belongs to a swap when it lies within `window_s` of one.
    """
    swaps = np.fromiter(swap_stamps_s, float)
    periods, late_at_swaps, late = [np.empty(0)], 0, 0
    for stamps in stamps_s:
        period = np.diff(stamps)
        is_late = period > 2.0 * period_s
        late_stamps = stamps[1:][is_late]
        late += int(is_late.sum())
        late_at_swaps += int((np.abs(late_stamps[:, None] - swaps[None, :]) <= window_s).any(axis=1).sum())
        periods.append(period)
    every = np.concatenate(periods)
    if not len(every):
        return {}, every
    figures = {
        "control_period_p50_ms": 1e3 * float(np.quantile(every, 0.5)),
        "control_period_p99_ms": 1e3 * float(np.quantile(every, 0.99)),
        "control_period_max_ms": 1e3 * float(every.max()),
        "control_ticks": float(len(every)),
        "late_control_ticks": float(late),
        "late_control_ticks_ratio": late / len(every),
        "late_ticks_at_swaps": float(late_at_swaps),
    }
    return figures, every


def policy_timing(episodes: Iterable[Steps]) -> dict[str, float]:
    """Return how often the policy's chunks change while it drives, and how old a chunk is when it takes over.

    The age counts from the observation: camera delay, inference, transport and the gate's own tick are in it.
    """
    periods, ages = [np.empty(0)], [np.empty(0)]
    for steps in episodes:
        driven = steps.source == StepSource.POLICY
        fresh = driven[1:] & driven[:-1] & (steps.chunk_id[1:] != steps.chunk_id[:-1])  # (N - 1,)
        stamps = steps.stamp_s[1:][fresh]
        consecutive = np.diff(steps.intervention_id[1:][fresh]) == 0  # no take-over in between
        periods.append(np.diff(stamps)[consecutive])
        ages.append(steps.chunk_age_s[1:][fresh])
    period, age = np.concatenate(periods), np.concatenate(ages)
    if not len(period):
        return {}
    return {
        "policy_period_p50_ms": 1e3 * float(np.quantile(period, 0.5)),
        "policy_period_p95_ms": 1e3 * float(np.quantile(period, 0.95)),
        "chunk_age_at_start_p50_ms": 1e3 * float(np.quantile(age, 0.5)),
        "chunk_age_at_start_p95_ms": 1e3 * float(np.quantile(age, 0.95)),
    }
