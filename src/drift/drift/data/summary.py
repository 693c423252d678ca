"""One episode in numbers."""

from dataclasses import dataclass

import numpy as np
from drift_control.gate.state import GuardFlag
from drift_core.episodes import Episode, EpisodeMeta, StepSource
from drift_core.episodes.drives import Drive, drives

from drift.data.streams import StreamSummary, clocks_apart_s, summarize_stream


@dataclass(frozen=True)
class EpisodeSummary:
    """What `drift data show` says of an episode."""

    meta: EpisodeMeta
    held_out: bool
    bytes: int  # on disk
    drives: list[Drive]
    seconds_by_driver: dict[str, float]
    take_overs: int
    guard_flags: dict[str, int]  # control steps by flag
    steps_by_policy_version: dict[int, int]
    missing_steps: int  # by seq
    two_clocks: bool  # of stamps and arrivals: latencies are those above the quickest sample
    steps: StreamSummary
    joints: StreamSummary
    cameras: dict[str, StreamSummary]
    chunks: int | None  # that the policy made; None: not recorded
    chunks_by_expert: int  # of these, observed while the expert drove
    labels: int | None  # None: robot or task is not known here
    idle_labels: int | None
    remark: str  # what is lost, or why there are no labels


def summarize(
    episode: Episode, held_out: bool, size: int, labels: int | None, idle: int | None, remark: str
) -> EpisodeSummary:
    """Put an episode into numbers; what needs its store and its task is given."""
    steps, found = episode.steps, drives(episode.steps)
    seconds = {source.name.lower(): 0.0 for source in StepSource}
    for drive in found:
        seconds[drive.driver] += drive.end_s - drive.begin_s
    policy = steps.policy_version[steps.source == StepSource.POLICY]
    clocks_s = clocks_apart_s(episode)
    versions, counts = np.unique(policy, return_counts=True)
    return EpisodeSummary(
        meta=episode.meta,
        held_out=held_out,
        bytes=size,
        drives=found,
        seconds_by_driver={driver: span for driver, span in seconds.items() if span > 0.0},
        take_overs=len({drive.intervention_id for drive in found if drive.intervention_id is not None}),
        guard_flags=guard_flags(steps.guard_flags),
        steps_by_policy_version=dict(zip(versions.tolist(), counts.tolist(), strict=True)),
        missing_steps=int(np.maximum(np.diff(steps.seq) - 1, 0).sum()),
        two_clocks=clocks_s is not None,
        steps=summarize_stream(steps.stamp_s),
        joints=summarize_stream(episode.joints.stamp_s, episode.joints.arrival_s, clocks_s or 0.0),
        cameras={
            name: summarize_stream(frames.stamp_s, frames.arrival_s, clocks_s or 0.0)
            for name, frames in episode.frames.items()
        },
        chunks=None if episode.chunks is None else len(episode.chunks),
        chunks_by_expert=_made_while_the_expert_drove(episode),
        labels=labels,
        idle_labels=idle,
        remark=remark,
    )


def _made_while_the_expert_drove(episode: Episode) -> int:
    steps, chunks = episode.steps, episode.chunks
    if chunks is None or not len(steps):
        return 0
    at = np.searchsorted(steps.stamp_s, chunks.stamp_s).clip(max=len(steps) - 1)
    return int((steps.source[at] == StepSource.EXPERT).sum())


def guard_flags(flags: np.ndarray) -> dict[str, int]:
    """Return in how many control steps each flag of the guard was set, by its name in lower case."""
    counts = {(flag.name or "").lower(): int((flags & flag.value != 0).sum()) for flag in GuardFlag}
    return {name: count for name, count in counts.items() if count}
