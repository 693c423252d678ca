"""Film strips of a run, for the report."""

import base64
import html
from pathlib import Path

import cv2
import numpy as np
from drift_core.episodes import EpisodeStore

from drift.demo.record import DemoRecord
from drift.filmstrip import strip


def film_strips(episodes: Path, record: DemoRecord) -> str:
    """Return strips of up to four recorded episodes as HTML: the first and last take-over of the run.

    `episodes` is the episode folder. Without such episodes the text says so.
    """
    taken_over = [row for row in record.episodes if row.interventions > 0]
    unaided = [row for row in record.episodes if row.interventions == 0 and row.success]
    chosen = {row.episode_id: row for row in taken_over[:1] + taken_over[-1:] + unaided[:1] + unaided[-1:]}
    store = EpisodeStore(episodes)
    known = set(store.ids())
    strips = []
    for episode_id, row in chosen.items():
        if episode_id in known:
            outcome = "success" if row.success else "failure"
            driven = f"policy version {row.policy_version}, {row.interventions} take-overs"
            caption = f"seed {row.seed}, {driven}: {outcome}"
            strips.append(f"<p>{html.escape(caption)}</p>{_picture(strip(store.read(episode_id)))}")
    return "".join(strips) or "<p>No episode was recorded.</p>"


def _picture(image: np.ndarray) -> str:
    png = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1].tobytes()
    return f"<img alt='film strip' src='data:image/png;base64,{base64.b64encode(png).decode()}'>"
