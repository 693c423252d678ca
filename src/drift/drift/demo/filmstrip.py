"""Film strips: what the cameras saw during an episode, with the driver as the colour of the frame."""

import base64
import html
from pathlib import Path

import cv2
import numpy as np
from drift_core.episodes import Episode, EpisodeStore, StepSource

from drift.demo.record import DemoRecord

# RGB; the same colours as in figures.py
_COLOUR = {
    StepSource.POLICY: (47, 111, 176),
    StepSource.EXPERT: (217, 119, 43),
    StepSource.HOLD: (138, 143, 152),
}
_FRAMES = 10  # pictures in a strip
_PIXELS = 96  # height of a picture in a strip
_BORDER = 5


def film_strip(episodes: Path, record: DemoRecord) -> str:
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


def strip(episode: Episode) -> np.ndarray:
    """Return one row of pictures per camera, evenly spaced in time: (H, W, 3) uint8 RGB."""
    rows = []
    for frames in episode.frames.values():
        chosen = np.linspace(0, len(frames) - 1, min(_FRAMES, len(frames))).astype(int)
        pictures = []
        for index in chosen:
            image = frames.image(int(index))
            width = round(_PIXELS * image.shape[1] / image.shape[0])
            resized = cv2.resize(image, (width, _PIXELS), interpolation=cv2.INTER_NEAREST)
            colour = _COLOUR.get(driver(episode, frames.stamp_s[index]), _COLOUR[StepSource.HOLD])
            pictures.append(
                cv2.copyMakeBorder(resized, *(_BORDER,) * 4, cv2.BORDER_CONSTANT, value=colour)  # type: ignore[call-overload]
            )
        if pictures:
            rows.append(np.hstack(pictures))
    width = max((row.shape[1] for row in rows), default=1)
    padded = [np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0)), constant_values=255) for row in rows]
    return np.vstack(padded) if padded else np.full((1, 1, 3), 255, np.uint8)


def driver(episode: Episode, stamp_s: float) -> StepSource:
    """Return who drove the last control step at or before `stamp_s` (ROS time)."""
    index = int(np.searchsorted(episode.steps.stamp_s, stamp_s, side="right")) - 1
    return StepSource(int(episode.steps.source[index])) if index >= 0 else StepSource.HOLD


def _picture(image: np.ndarray) -> str:
    png = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1].tobytes()
    return f"<img alt='film strip' src='data:image/png;base64,{base64.b64encode(png).decode()}'>"
