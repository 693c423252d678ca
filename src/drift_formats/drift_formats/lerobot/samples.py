"""Rows of a fixed rate as the samples and control steps that training windows are cut from.

Windows interpolate between joint samples and between control steps, as long as these are no further apart
than a policy step. Rows of real stamps often are, by a jitter: between such rows a sample on the straight
line is put, which changes no interpolated value. Rows more than 1.5 policy steps apart have a hole between
them, which no label crosses.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, get_type_hints

import numpy as np
from drift_core.episodes import StepRecord, StepSource
from drift_core.observation.timeline import SAME_TIME_S

from drift_formats.lerobot.meaning import Motion
from drift_formats.lerobot.provenance import provenance_of

_HOLE = 1.5  # policy steps
_UNKNOWN: dict[Any, Any] = {int: 0, float: float("nan"), bool: False, str: ""}  # by type; no vector: None


@dataclass(frozen=True, eq=False)
class Driven:
    """Who drove in N rows, as far as it was said."""

    by_expert: np.ndarray  # (N,) bool
    take_over: np.ndarray  # (N,) number of the take-over, from 1 on

    @classmethod
    def by_all(cls, count: int) -> "Driven":
        """Return a demonstration."""
        return cls(np.ones(count, bool), np.ones(count, int))

    @classmethod
    def of(cls, by_expert: np.ndarray) -> "Driven":
        """Return take-overs where `by_expert` (N,) begins to be true."""
        return cls(by_expert, np.cumsum(np.diff(by_expert.astype(int), prepend=0) == 1))


@dataclass(frozen=True, eq=False)
class Samples:
    """What is recorded."""

    joints: list[tuple[np.ndarray, float, float]]  # positions (J,) [rad], opening [m], stamp [s]
    steps: list[StepRecord]
    remark: str


def samples_of(
    seen_s: np.ndarray,
    due_s: np.ndarray,
    motion: Motion,
    driven: Driven,
    columns: Mapping[str, np.ndarray],
    dt_s: float,
) -> Samples:
    """Return the samples of N rows, seen at `seen_s` (N,), with actions due at `due_s` (N,).

    `columns` tells provenance, if the set is of our own export.
    """
    holes = int((np.diff(due_s) > _HOLE * dt_s).sum())
    remark = f"holes in time between its rows: {holes}" if holes else ""
    steps = _steps(due_s, motion, driven, columns, dt_s)
    return Samples(list(_joints(seen_s, motion, dt_s)), list(steps), remark)


def _joints(seen_s: np.ndarray, motion: Motion, dt_s: float) -> Iterator[tuple[np.ndarray, float, float]]:
    q, gripper_m = motion.positions_rad, motion.gripper_m
    for row, stamp_s in enumerate(seen_s):
        if row > 0 and dt_s + SAME_TIME_S < stamp_s - seen_s[row - 1] <= _HOLE * dt_s:
            midway_m = (gripper_m[row - 1] + gripper_m[row]) / 2
            yield (q[row - 1] + q[row]) / 2, float(midway_m), float(seen_s[row - 1] + stamp_s) / 2
        yield q[row], float(gripper_m[row]), float(stamp_s)


def _steps(
    due_s: np.ndarray, motion: Motion, driven: Driven, columns: Mapping[str, np.ndarray], dt_s: float
) -> Iterator[StepRecord]:
    """Yield a control step for each row at the time of its action, and between them where windows need one.

    Where the expert drove at the end of a row, but not during all of it, a step between says so, since such a
    row gives no label.
    """
    seq, before = 0, None
    for row, stamp_s in enumerate(due_s):
        step = _step(row, float(stamp_s), motion, driven, columns)
        unclear = step.source == StepSource.EXPERT and not driven.by_expert[row]
        source = StepSource.HOLD if before is None or before.source == StepSource.EXPERT else before.source
        if before is not None and stamp_s - before.stamp_s > _HOLE * dt_s:
            seq += (
                1  # missing; a step as long before this one as windows ask for, so that its own label stays
            )
            yield replace(
                step, stamp_s=step.stamp_s - dt_s, seq=seq, source=source if unclear else step.source
            )
            seq += 1
        elif before is not None and (unclear or stamp_s - before.stamp_s > dt_s + SAME_TIME_S):
            midway = replace(
                step,
                stamp_s=(before.stamp_s + step.stamp_s) / 2,
                seq=seq,
                source=source if unclear else step.source,
                action=_mean(before.action, step.action),
                commanded=_mean(before.commanded, step.commanded),
            )
            yield midway
            seq += 1
        elif unclear:
            yield replace(step, stamp_s=step.stamp_s - dt_s / 2, seq=seq, source=source)
            seq += 1
        before = replace(step, seq=seq)
        yield before
        seq += 1


def _step(
    row: int, due_s: float, motion: Motion, driven: Driven, columns: Mapping[str, np.ndarray]
) -> StepRecord:
    """Return the control step of a row, with what its columns tell."""
    by_expert = bool(driven.by_expert[row])
    measured = np.append(motion.positions_rad[row], motion.gripper_m[row])
    known: dict[str, Any] = {name: _UNKNOWN.get(hint) for name, hint in get_type_hints(StepRecord).items()}
    known |= {
        "source": int(StepSource.EXPERT if by_expert else StepSource.POLICY),
        "intervention_id": int(driven.take_over[row]),
        "chunk_age_s": -1.0,
        "measured": None if motion.commanded is None else measured,
    }
    known |= provenance_of(columns, row)
    known |= {"stamp_s": due_s, "seq": 0, "action": motion.action[row]}
    if motion.commanded is not None:
        known["commanded"] = motion.commanded[row]
    return StepRecord(**known)


def _mean(one: np.ndarray | None, other: np.ndarray | None) -> np.ndarray | None:
    return other if one is None or other is None else (one + other) / 2
