"""The ways of the TCP in a picture of the cell: what the policy has in mind, and what was done."""

import numpy as np
from drift_core.episodes import StepSource

from drift.driver_colours import rgb
from drift.picture.lines import draw_line, draw_plan
from drift.picture.path import PlannedPath, Trail
from drift.picture.view import View


def draw_ways(
    picture: np.ndarray, view: View, trail: Trail, plan: PlannedPath | None, now_s: float
) -> np.ndarray:
    """Draw what was done, in the colours of who did it, and the policy's plan; return the picture."""
    for source, points in trail.parts():
        draw_line(picture, view, points, rgb(source))
    if plan is not None:
        draw_plan(picture, view, plan, rgb(StepSource.POLICY), now_s)
    return picture
