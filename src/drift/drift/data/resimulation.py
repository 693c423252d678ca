"""A recorded episode driven again in simulation, and how far that is from the record."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from drift_control.tick import Tick
from drift_core.episodes import Episode
from drift_core.errors import DataError
from drift_sim.environments.arm_cell import ArmCell
from drift_sim.overview import Overview
from drift_sim.recorded_loop import RecordedLoop
from drift_sim.shell import START_S, Shell

from drift.picture.recorded import FRAME_MS, RecordedEpisode
from drift.picture.view import View


@dataclass(frozen=True)
class Resimulation:
    """Differences between the measured state then and now, at the recorded control steps."""

    steps: int  # that were compared
    joints_max_rad: list[float]  # by joint
    joints_rms_rad: float
    tcp_max_m: float
    gripper_max_m: float
    apart_s: float | None  # when a joint was first further away than the limit; None: never
    outcome_then: str
    outcome_now: str
    same_outcome: bool | None  # None: nobody said how it ended


def resimulate(
    episode: Episode,
    shell: Shell[ArmCell],
    limit_rad: float,
    on_tick: Callable[[Tick], None] = lambda tick: None,
) -> Resimulation:
    """Reset to the episode's seed, tell the arm what it was told, and compare.

    DataError where the episode cannot be driven again.
    """
    steps, period_s, robot = episode.steps, shell.environment.gate.dt_s, shell.environment.robot
    begin_s = START_S + period_s  # when what the first tick says is due
    ticks: list[tuple[float, np.ndarray | None]] = []
    width = steps.commanded.shape[1] - 1
    try:
        if len(steps) and width != robot.n_joints:
            raise DataError(f"{width} joints were recorded, the {robot.name} has {robot.n_joints}")
        loop = RecordedLoop(steps, begin_s, period_s)
    except DataError as fault:
        raise DataError(f"episode {episode.meta.id}: {fault}") from None

    def record(tick: Tick) -> None:
        ticks.append((tick.stamp_s - begin_s, tick.measured))
        on_tick(tick)

    length_s = float(steps.stamp_s[-1] - steps.stamp_s[0])
    result = shell.run_episode(episode.meta.seed, loop=loop, duration_s=length_s + period_s, on_tick=record)
    time_s = np.array([at_s for at_s, _ in ticks])
    now = np.array([measured for _, measured in ticks])  # (N, J + 1)
    known = np.isfinite(steps.measured).all(axis=1)
    then_s, then = (steps.stamp_s - steps.stamp_s[0])[known], steps.measured[known]
    again = np.stack([np.interp(then_s, time_s, column) for column in now.T], axis=1)
    error = np.abs(again - then)
    far = np.flatnonzero((error[:, :-1] > limit_rad).any(axis=1))
    tcp = [
        float(np.linalg.norm(robot.forward(a).position - robot.forward(b).position))
        for a, b in zip(again[:, :-1], then[:, :-1], strict=True)
    ]
    outcome = episode.meta.outcome
    return Resimulation(
        steps=len(then),
        joints_max_rad=error[:, :-1].max(axis=0, initial=0.0).tolist(),
        joints_rms_rad=float(np.sqrt((error[:, :-1] ** 2).mean())) if len(error) else 0.0,
        tcp_max_m=max(tcp, default=0.0),
        gripper_max_m=float(error[:, -1].max(initial=0.0)),
        apart_s=float(then_s[far[0]]) if len(far) else None,
        outcome_then=outcome,
        outcome_now=result.outcome,
        same_outcome=None if outcome == "unknown" else outcome == result.outcome,
    )


class Footage:
    """Shows an episode while it is driven again: the whole cell now, and what was recorded then."""

    def __init__(
        self, episode: Episode, shell: Shell[ArmCell], show: Callable[[np.ndarray, float], object]
    ) -> None:
        """`show` is told each picture (H, W, 3) uint8 RGB, and its time since the first step [s]."""
        cell = shell.environment
        self._world, self._show = cell.world, show
        self._overview = Overview(cell.robot, shell.task)
        self._view = View(self._overview.intrinsics, self._overview.optical)
        self._recorded = RecordedEpisode(episode, cell.robot)
        self._period_s, self._every = cell.gate.dt_s, max(1, round(FRAME_MS / 1000.0 / cell.gate.dt_s))
        self._ticks = 0

    def __call__(self, tick: Tick) -> None:
        """Look, every few ticks."""
        since_s = self._ticks * self._period_s
        if self._ticks % self._every == 0:
            self._overview.show_world(self._world)
            self._show(self._recorded.sheet(since_s, self._overview.look(), self._view), since_s)
        self._ticks += 1

    def close(self) -> None:
        """Free the renderer."""
        self._overview.close()
