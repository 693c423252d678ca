"""One picture of a moment: the cell, what the cameras saw, and in words and colour who drives and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from drift_core.observation.fit import fit

from drift.picture.lines import Colour

MAIN = (480, 640)  # (H, W) of the picture of the cell
_COLUMN = 160  # width of what stands beside it
_HEAD = 40  # height of the words above it
_FRAME = 6  # of the driver's colour
HEIGHT, WIDTH = MAIN[0] + _HEAD + _FRAME, MAIN[1] + _COLUMN + 2 * _FRAME
_PAPER, _INK, _PALE = (246, 247, 249), (34, 38, 43), (255, 255, 255)
_FONT = cv2.FONT_HERSHEY_SIMPLEX


@dataclass(frozen=True, eq=False)
class Moment:
    """What is to be seen."""

    main: np.ndarray  # (H, W, 3) uint8 RGB, of any size
    colour: Colour  # of who drives
    title: str  # who drives
    reason: str = ""  # why, in a line
    insets: Mapping[str, np.ndarray] = field(default_factory=dict)  # by name of the camera
    notes: Sequence[str] = ()  # short lines


def sheet(moment: Moment) -> np.ndarray:
    """Return the picture of a moment, (HEIGHT, WIDTH, 3) uint8 RGB."""
    page = np.full((HEIGHT, WIDTH, 3), moment.colour, np.uint8)
    page[_HEAD:-_FRAME, _FRAME:-_FRAME] = _PAPER
    page[_HEAD:-_FRAME, _FRAME : _FRAME + MAIN[1]] = fit(moment.main, *MAIN)
    end = _write(page, moment.title, (_FRAME + 8, 27), 0.7, _PALE, 2)
    left = WIDTH - _FRAME - 16 - end
    _write(page, _cut(moment.reason, left, 0.45), (end + 16, 26), 0.45, _PALE, 1)
    _column(page, moment)
    return page


def _column(page: np.ndarray, moment: Moment) -> None:
    """The cameras' pictures and the notes, from top to bottom, as far as there is room."""
    x, y, bottom = _FRAME + MAIN[1], _HEAD, HEIGHT - _FRAME
    for name, image in moment.insets.items():
        height = round(_COLUMN * image.shape[0] / image.shape[1])
        if y + height > bottom:
            break
        finer = cv2.INTER_NEAREST if image.shape[1] < _COLUMN else cv2.INTER_AREA
        page[y : y + height, x : x + _COLUMN] = cv2.resize(image, (_COLUMN, height), interpolation=finer)
        cv2.rectangle(page, (x, y), (x + 10 + _width(name, 0.4), y + 17), _INK, cv2.FILLED)
        _write(page, name, (x + 5, y + 13), 0.4, _PALE, 1)
        y += height
    for line in moment.notes:
        y += 22
        if y + 6 > bottom:
            break
        _write(page, _cut(line, _COLUMN - 14, 0.42), (x + 8, y), 0.42, _INK, 1)


def _write(page: np.ndarray, text: str, at: tuple[int, int], size: float, colour: Colour, width: int) -> int:
    """Write a line from its lower left corner on; return where it ends [pixel]."""
    text = _plain(text)
    cv2.putText(page, text, at, _FONT, size, colour, width, cv2.LINE_AA)
    return at[0] + cv2.getTextSize(text, _FONT, size, width)[0][0]


def _cut(text: str, width: int, size: float) -> str:
    """Return as much of a line as fits."""
    text = _plain(text)
    if _width(text, size) <= width:
        return text
    while text and _width(f"{text}...", size) > width:
        text = text[:-1]
    return f"{text.rstrip()}..." if text else ""


def _width(text: str, size: float) -> int:
    return int(cv2.getTextSize(text, _FONT, size, 1)[0][0])


def _plain(text: str) -> str:
    """Return a text in the letters that OpenCV's fonts have."""
    return text.encode("ascii", "replace").decode().replace("\n", " ")
