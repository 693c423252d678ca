"""Small recorded episodes, with numbers that can be worked out by hand."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from drift_core.episodes import EpisodeKind, EpisodeMeta, EpisodeWriter, StepRecord
from drift_core.observation.spec import CameraSpec

HOLD, POLICY, EXPERT = 0, 1, 2
FRONT = CameraSpec("front", 8, 12)


def record(
    folder: Path,
    name: str,
    sources: Sequence[int | None],
    *,
    kind: EpisodeKind = "intervention",
    outcome: str = "failure",
    robot: str = "panda",
    task: str = "place",
    started_s: float = 1000.0,
    frames_s: Sequence[float] = (),
    flags: Sequence[int] = (),
    score: float | None = None,
    arrivals_s: float = 0.0,
    seed: int = 7,
    version: int = 3,
    wanted: bool = False,
    brighter: float = 0.0,
) -> Path:
    """One control step of 20 ms for each source, one joint sample of 10 ms; frames arrive 30 ms late.

    Where the source is None the step is missing. `arrivals_s`: by how much the clock of arrivals is ahead.
    `brighter`: grey levels a second, from 100 on.
    `wanted`: what the policy wanted is recorded, too: everywhere 0.1 m above what was done.
    """
    cameras = (FRONT,) if frames_s else ()
    meta = EpisodeMeta(name, robot, task, seed, kind, cameras, 0.1, started_s)
    with EpisodeWriter(folder, meta) as writer:
        for tick, source in enumerate(sources):
            if source is None:
                continue
            now_s = started_s + tick / 50
            q = np.full(8, 0.001 * tick)
            action = np.array([0.4, 0.0, 0.01 * tick, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.08])
            flag = flags[tick] if flags else 0
            known = (now_s, tick, source, 1, 1, 0, version, -1.0, q, q, action, flag)
            proposed = action + 0.1 * (np.arange(10) == 2)
            writer.add_step(StepRecord(*known, 5, proposed) if wanted else StepRecord(*known))
            for half in (0.0, 0.01):
                writer.add_joints(q[:-1], 0.08, now_s + half, now_s + half + arrivals_s)
        for frame_s in frames_s:
            image = np.full((8, 12, 3), 100 + round(brighter * frame_s), np.uint8)
            stamp_s = started_s + frame_s
            writer.add_frame("front", image, stamp_s, stamp_s + 0.03 + arrivals_s)
        return writer.close(outcome, score)  # type: ignore[arg-type]
