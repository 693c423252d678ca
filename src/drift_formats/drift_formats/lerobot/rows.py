"""An episode at a fixed rate: one row per policy step, at the very times at which training windows are cut.

A row is a training window (`drift_core.data.windows`): its pictures and its state are the newest of the
observation at `t_ref`, its action is the window's first label, the guarded command at `t_ref + dt`. So the
rates of cameras and joints do not matter, and a row never holds a picture that had not arrived by then. Rows
before the first command that the arm was given are left out; where it is given none later, it holds the last.
"""

from dataclasses import dataclass, replace

import numpy as np
from drift_core.data.windows import WindowSet, cut_windows
from drift_core.episodes import Episode, Frames, Steps, StepSource
from drift_core.errors import DataError
from drift_core.observation.timeline import SAME_TIME_S

from drift_formats.format import Cell

_GAP = 1.5  # policy steps: rows further apart than this have a hole between them


@dataclass(frozen=True, eq=False)
class Rows:
    """The N rows of an episode."""

    t_ref_s: np.ndarray  # (N,) time that the observation stands for
    due_s: np.ndarray  # (N,) time at which the action is due
    state: np.ndarray  # (N, S) float32
    action: np.ndarray  # (N, A) float32
    by_expert: np.ndarray  # (N,) bool: the expert alone drove from t_ref to the action, and the guard let it
    step: np.ndarray  # (N,) control step that was due last when the action was
    frames: dict[str, Frames]  # by camera: N, the newest of each row
    remark: str  # what is lost of the episode

    def __len__(self) -> int:
        return len(self.t_ref_s)


def episode_rows(cell: Cell, episode: Episode) -> Rows:
    """Return the rows of an episode; DataError where it gives none."""
    steps = _holding(episode.steps)
    windows = _windows(cell, replace(episode, steps=steps))
    command = steps.commanded if cell.task.action_space == "joint_position" else steps.action
    known = np.isfinite(command).all(axis=1) & (command.shape[1] > 0)
    if not known.any() or not len(windows):
        why = windows.remark or "no observation is whole" if known.any() else "no command is in it"
        raise DataError(f"episode {episode.meta.id}: has no row: {why}")
    due_s = windows.t_ref_s + cell.task.dt_s
    stays = due_s >= steps.stamp_s[known].min() - SAME_TIME_S
    if not stays.any():
        raise DataError(
            f"episode {episode.meta.id}: has no row: its first command is after all of its observations"
        )
    order = np.argsort(steps.stamp_s, kind="stable")
    last = np.searchsorted(steps.stamp_s[order], due_s + SAME_TIME_S) - 1
    seen = windows.frame_rows[windows.frame_index[:, -1]]  # (N, cameras)
    frames = {
        camera: recorded.chosen(seen[stays, column])
        for column, (camera, recorded) in enumerate(windows.frames.items())
    }
    holes = int((np.diff(windows.t_ref_s[stays]) > _GAP * cell.task.dt_s).sum())
    remarks = [windows.remark] if windows.remark else []
    if holes:
        remarks.append(f"{holes} times rows follow one another with a hole in time between them")
    return Rows(
        windows.t_ref_s[stays],
        due_s[stays],
        windows.state[stays, -1],
        windows.actions[stays, 0],
        windows.mask[stays, 0],
        order[np.maximum(last[stays], 0)],
        frames,
        "; ".join(remarks),
    )


def _windows(cell: Cell, episode: Episode) -> WindowSet:
    arm, task = cell.arm, cell.task
    return cut_windows(
        episode,
        task.observation_spec(0 if arm is None else arm.n_joints),
        (lambda positions, gripper_m: positions) if arm is None else arm.state,
        task.latency_s,
        horizon=1,
        action_space=task.action_space,
        near_home=(lambda q: q) if arm is None else arm.near_home,
    )


def _holding(steps: Steps) -> Steps:
    """Return `steps` with the last command in place of one that is unknown; such a step nobody drives."""
    columns = {}
    source = steps.source.copy()
    for name in ("commanded", "action"):
        command = getattr(steps, name)
        unknown = ~np.isfinite(command).all(axis=1)
        last = np.maximum.accumulate(np.where(unknown, -1, np.arange(len(command))))
        columns[name] = np.where((unknown & (last >= 0))[:, None], command[np.maximum(last, 0)], command)
        if command.shape[1]:
            source[unknown] = StepSource.HOLD
    return replace(steps, source=source, **columns)
