"""A recorded episode, moment by moment: who drove, what the policy wanted, what was done, what was seen."""

import numpy as np
from drift_control.robot.robot import Robot
from drift_core.episodes import Episode, StepSource

from drift.driver_colours import TITLES, rgb
from drift.picture.cell import draw_ways
from drift.picture.path import PlannedPath, Trail, planned_path, tcp
from drift.picture.sheet import MAIN, Moment, sheet
from drift.picture.view import View

FRAME_MS = 100  # from picture to picture
_BLANK = np.full((*MAIN, 3), 225, np.uint8)


class RecordedEpisode:
    """Pictures of an episode, asked for in the order of time."""

    def __init__(self, episode: Episode, robot: Robot | None) -> None:
        """`robot`: the arm that was recorded; None: it is not known, and no ways are drawn."""
        self._episode, self._robot = episode, robot
        self._trail = Trail()
        self._next = 0  # the first step that is not in the trail

    @property
    def length_s(self) -> float:
        """From the first control step to the last [s]."""
        stamps = self._episode.steps.stamp_s
        return float(stamps[-1] - stamps[0]) if len(stamps) else 0.0

    def sheet(self, since_s: float, cell: np.ndarray | None = None, view: View | None = None) -> np.ndarray:
        """Return the picture `since_s` after the first step, uint8 RGB.

        `cell` (480, 640, 3): the whole cell then, to be drawn on, as seen by `view`; None: the first camera.
        """
        steps = self._episode.steps
        now_s = float(steps.stamp_s[0]) + since_s
        at = max(0, int(np.searchsorted(steps.stamp_s, now_s, side="right")) - 1)
        self._follow(at)
        cameras = self._seen(now_s)
        if cell is None:
            name = next(iter(cameras), "")
            cell = cameras.pop(name, _BLANK)
        if view is not None:
            draw_ways(cell, view, self._trail, self._plan(at), now_s)
        source = StepSource(int(steps.source[at]))
        return sheet(
            Moment(
                cell, rgb(source), TITLES[source], self._episode.meta.id, cameras, self._notes(at, since_s)
            )
        )

    def _follow(self, at: int) -> None:
        """Add the steps up to `at` to what was done."""
        steps = self._episode.steps
        for step in range(self._next, at + 1):
            measured = steps.measured[step]
            if self._robot is not None and np.isfinite(measured).all():
                point = tcp(self._robot, measured)
                self._trail.add(float(steps.stamp_s[step]), point, StepSource(int(steps.source[step])))
        self._next = max(self._next, at + 1)

    def _plan(self, at: int) -> PlannedPath | None:
        """Return the chunk that says what the policy wanted at a step; None where it wanted nothing."""
        steps, chunks = self._episode.steps, self._episode.chunks
        wanted = int(steps.proposed_chunk_id[at]) or int(steps.chunk_id[at])
        if not wanted or chunks is None or self._robot is None:
            return None
        rows = np.flatnonzero(chunks.id == wanted)
        if not len(rows):
            return None
        row = int(rows[-1])  # the policy may have been started anew, and counts from 1 again
        data, space = np.asarray(chunks.data[row]), str(chunks.action_space[row])
        return planned_path(self._robot, data, space, float(chunks.stamp_s[row]), float(chunks.dt_s[row]))

    def _seen(self, now_s: float) -> dict[str, np.ndarray]:
        """Return the newest picture of each camera by then."""
        seen = {}
        for name, frames in self._episode.frames.items():
            if len(frames):
                at = int(np.searchsorted(frames.stamp_s, now_s, side="right")) - 1
                seen[name] = frames.image(max(at, 0))
        return seen

    def _notes(self, at: int, since_s: float) -> list[str]:
        steps, meta = self._episode.steps, self._episode.meta
        driven = steps.source[: at + 1] == StepSource.EXPERT
        takeovers = len(np.unique(steps.intervention_id[: at + 1][driven]))
        version = int(steps.policy_version[at])
        notes = [f"{since_s:.1f} s of {self.length_s:.1f} s", f"take-overs: {takeovers}"]
        notes += [f"policy: version {version}"] if version else []
        return [*notes, meta.outcome] if since_s > self.length_s - FRAME_MS / 1000 else notes
