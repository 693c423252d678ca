"""A recorded episode driven again in simulation, and how far that is from the record."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from drift_control.tick import Tick
from drift_core.episodes import Episode
from drift_core.errors import DataError
from drift_sim.environments.arm_cell import ArmCell
from drift_sim.recorded_loop import RecordedLoop
from drift_sim.shell import START_S, Shell
from drift_sim.world import FILM

FRAME_MS = 100
_BORDER = 4


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
    """Pictures of what the first camera sees now, beside what it saw then."""

    def __init__(self, episode: Episode, shell: Shell[ArmCell]) -> None:
        self._shell, self._camera = shell, shell.task.cameras[0].name
        self._frames = episode.frames.get(self._camera)
        self._first_s = float(episode.steps.stamp_s[0])
        self._every = max(1, round(FRAME_MS / 1000.0 / shell.environment.gate.dt_s))
        self._ticks = 0
        self.pictures: list[np.ndarray] = []  # (H, W, 3) uint8 RGB

    def __call__(self, tick: Tick) -> None:
        """Look, every few ticks."""
        if self._ticks % self._every == 0:
            sides = [self._shell.environment.world.render(self._camera, FILM)]
            if self._frames is not None and len(self._frames):
                since_s = self._ticks * self._shell.environment.gate.dt_s
                at = int(np.searchsorted(self._frames.stamp_s, self._first_s + since_s, side="right")) - 1
                sides.insert(0, _as_high(self._frames.image(max(at, 0)), FILM[0]))
            framed = [cv2.copyMakeBorder(side, *(_BORDER,) * 4, cv2.BORDER_CONSTANT) for side in sides]
            self.pictures.append(np.hstack(framed))
        self._ticks += 1


def _as_high(image: np.ndarray, height: int) -> np.ndarray:
    width = round(image.shape[1] * height / image.shape[0])
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_NEAREST)
