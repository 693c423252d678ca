"""One episode over time, in numbers that can be drawn: who drove, what the arm did, was told, and was not."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from drift_core.arm import POINT
from drift_core.episodes import GUARD_HOLD, Episode
from drift_core.episodes.drives import Drive, drives

MOST_POINTS = 600  # of a curve; more cannot be told apart on a screen
_DIGITS = 5
_TCP_ACTION = 10  # numbers of an action that is a pose: position, 6-D rotation, gripper
_AXES = ("x", "y", "z")


@dataclass(frozen=True)
class Curve:
    """A line of a plot."""

    name: str
    what: str  # "measured", "commanded" or "wanted": by the policy, whoever drove
    values: list[float | None]  # one for each of Timeline.time_s; None: not known


@dataclass(frozen=True)
class Plot:
    """Curves of one unit."""

    title: str
    unit: str
    curves: list[Curve]


@dataclass(frozen=True)
class Timeline:
    """An episode over time; times since its first control step [s]."""

    length_s: float
    time_s: list[float]  # of the points of all curves, at most MOST_POINTS of them
    step: list[int]  # which control step each of them is, from 0
    drives: list[Drive]
    take_overs_s: list[float]  # when the expert took over
    holds_s: list[tuple[float, float]]  # begin and end of what the guard held
    cameras: dict[str, list[float]]  # when each frame was taken, by camera
    plots: list[Plot]
    chunks_s: list[float] | None  # of what the policy saw when it made each of its chunks; None: not recorded


def timeline_of(episode: Episode, joint_names: Sequence[str] = ()) -> Timeline:
    """Return what is to be drawn of an episode; `joint_names`: of its arm, where they are known."""
    steps = episode.steps
    begin_s = float(steps.stamp_s[0]) if len(steps) else episode.meta.started_s
    time_s = steps.stamp_s - begin_s
    count = len(steps)
    rows = np.unique(np.linspace(0, max(count - 1, 0), min(count, MOST_POINTS)).round().astype(int))
    found = drives(steps)
    take_overs: dict[int, float] = {}
    for drive in found:
        if drive.intervention_id is not None:
            take_overs.setdefault(drive.intervention_id, drive.begin_s)
    return Timeline(
        length_s=_rounded(float(time_s.max(initial=0.0))),
        time_s=[_rounded(value) for value in time_s[rows].tolist()],
        step=rows.tolist(),
        drives=found,
        take_overs_s=sorted(_rounded(value) for value in take_overs.values()),
        holds_s=_stretches(time_s, steps.guard_flags & GUARD_HOLD != 0),
        cameras={
            name: [_rounded(value) for value in (frames.stamp_s - begin_s).tolist()]
            for name, frames in episode.frames.items()
        },
        plots=_plots(episode, rows, joint_names),
        chunks_s=None
        if episode.chunks is None
        else [_rounded(value) for value in (episode.chunks.stamp_s - begin_s).tolist()],
    )


def frame_of_step(episode: Episode, camera: str, step: int) -> int:
    """Return which frame of a camera was the newest at a control step, the first one before there was any.

    KeyError for a camera, IndexError for a step that there is not, or a camera without frames.
    """
    frames = episode.frames[camera]
    if not 0 <= step < len(episode.steps):
        raise IndexError(f"step={step} must lie in [0, {len(episode.steps) - 1}]")
    if not len(frames):
        raise IndexError(f"camera {camera} has no frame")
    at = np.searchsorted(frames.stamp_s, episode.steps.stamp_s[step], side="right") - 1
    return max(int(at), 0)


def _plots(episode: Episode, rows: np.ndarray, joint_names: Sequence[str]) -> list[Plot]:
    steps = episode.steps
    measured, commanded = steps.measured[rows], steps.commanded[rows]
    action, wanted = steps.action[rows], steps.proposed[rows]
    if episode.meta.robot == POINT:
        curves = _curves(_AXES, "commanded", action) + _curves(_AXES, "wanted", wanted)
        return [Plot("point", "", curves)] if curves else []
    names = joint_names if len(joint_names) == commanded.shape[1] - 1 else _numbered(commanded.shape[1] - 1)
    plots = []
    pose = action.shape[1] == _TCP_ACTION
    if pose:
        curves = _curves(_AXES, "commanded", action[:, :3]) + _curves(_AXES, "wanted", wanted[:, :3])
        plots.append(Plot("TCP", "m", curves))
    joints = _curves(names, "measured", measured[:, :-1]) + _curves(names, "commanded", commanded[:, :-1])
    if not pose:
        joints += _curves(names, "wanted", wanted[:, :-1])
    plots.append(Plot("joints", "rad", joints))
    gripper = [
        curve
        for what, values in (("measured", measured), ("commanded", commanded), ("wanted", wanted))
        for curve in _curves(["gripper"], what, values[:, -1:])
    ]
    plots.append(Plot("gripper", "m", gripper))
    return [plot for plot in plots if plot.curves]


def _numbered(count: int) -> list[str]:
    return [f"joint {number + 1}" for number in range(max(count, 0))]


def _curves(names: Sequence[str], what: str, values: np.ndarray) -> list[Curve]:
    """Return a curve for each column of `values` (N, D) that is known somewhere."""
    found = []
    for name, column in zip(names, values.T, strict=False):
        if np.isfinite(column).any():
            found.append(Curve(name, what, [_known(value) for value in column.tolist()]))
    return found


def _stretches(time_s: np.ndarray, marked: np.ndarray) -> list[tuple[float, float]]:
    """Return begin and end of each run of `marked` (N,); it ends where the next step begins."""
    if not len(marked):
        return []
    edges = np.flatnonzero(np.diff(np.concatenate([[False], marked, [False]]).astype(int)))
    last = len(time_s) - 1
    return [
        (_rounded(float(time_s[begin])), _rounded(float(time_s[min(end, last)])))
        for begin, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
    ]


def _known(value: float) -> float | None:
    return _rounded(value) if math.isfinite(value) else None


def _rounded(value: float) -> float:
    return round(value, _DIGITS)
