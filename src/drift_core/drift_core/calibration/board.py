"""A ChArUco board: a chessboard with a marker in every white square, so that a part of it is enough.

Its frame is OpenCV's: origin in the corner at the upper left, x to the right, y down, z into the paper.
"""

from dataclasses import dataclass as plain_dataclass
from typing import Annotated

import cv2
import numpy as np
from drift_config.strict import STRICT
from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

DICTIONARIES = {
    name: getattr(cv2.aruco, name)
    for name in ("DICT_4X4_50", "DICT_4X4_100", "DICT_5X5_50", "DICT_5X5_100", "DICT_6X6_50", "DICT_6X6_100")
}
CORNERS_MIN = 8  # fewer in a picture tell too little


@dataclass(frozen=True, config=STRICT)
class Board:
    """One file of config/boards."""

    columns: Annotated[int, Field(ge=3, le=30)]  # squares along x
    rows: Annotated[int, Field(ge=3, le=30)]
    square_m: Annotated[float, Field(gt=0.0, le=1.0)]  # side of a square, as measured on the print
    marker_m: Annotated[float, Field(gt=0.0, le=1.0)]  # side of a marker
    dictionary: str

    @model_validator(mode="after")
    def _fits_together(self) -> "Board":
        if not 0.4 * self.square_m < self.marker_m < 0.9 * self.square_m:
            raise ValueError(f"marker_m={self.marker_m} must lie in (0.4, 0.9) * square_m={self.square_m}")
        if self.dictionary not in DICTIONARIES:
            raise ValueError(f"dictionary={self.dictionary!r} must be one of {', '.join(DICTIONARIES)}")
        room = int(self.dictionary.rpartition("_")[2])
        if (markers := self.columns * self.rows // 2) > room:
            raise ValueError(
                f"{self.columns} x {self.rows} squares have {markers} markers, {self.dictionary} has {room}"
            )
        return self

    @property
    def size_m(self) -> tuple[float, float]:
        """Width and height [m]."""
        return self.columns * self.square_m, self.rows * self.square_m

    @property
    def n_corners(self) -> int:
        """Corners between the squares."""
        return (self.columns - 1) * (self.rows - 1)

    def corners_m(self, ids: np.ndarray) -> np.ndarray:
        """Return the corners with these ids (N, 3) in the board's frame [m]."""
        return np.asarray(self.charuco().getChessboardCorners(), dtype=float)[ids]

    def image(self, square_px: int) -> np.ndarray:
        """Return the board (rows · square_px, columns · square_px) uint8, without margin."""
        return np.asarray(self.charuco().generateImage((self.columns * square_px, self.rows * square_px)))

    def charuco(self, legacy: bool = False) -> cv2.aruco.CharucoBoard:
        """Return OpenCV's own; `legacy`: as before 4.6, where an even number of rows begins the other way."""
        dictionary = cv2.aruco.getPredefinedDictionary(DICTIONARIES[self.dictionary])
        board = cv2.aruco.CharucoBoard((self.columns, self.rows), self.square_m, self.marker_m, dictionary)
        board.setLegacyPattern(legacy)
        return board


@plain_dataclass(frozen=True, eq=False)
class Sighting:
    """The corners of the board in a picture, or why they cannot be used."""

    ids: np.ndarray  # (N,)
    corners_px: np.ndarray  # (N, 2) x right, y down; the middle of the first pixel is (0, 0)
    problem: str = ""  # empty: good


class BoardFinder:
    """Looks for one board."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._detectors = [cv2.aruco.CharucoDetector(board.charuco(legacy)) for legacy in (False, True)]

    def find(self, grey: np.ndarray) -> Sighting:
        """Look at a picture (H, W) uint8."""
        markers = 0
        for detector in self._detectors:  # markers, but no corners: the other pattern may have been printed
            corners, ids, _, marker_ids = detector.detectBoard(grey)
            markers = 0 if marker_ids is None else len(marker_ids)
            if ids is not None and len(ids) >= CORNERS_MIN:
                return Sighting(ids.ravel(), _refined(grey, corners.reshape(-1, 2), self._board))
            if not markers:
                break
        nothing = np.empty(0, dtype=int), np.empty((0, 2))
        if markers:
            n = 0 if ids is None else len(ids)
            return Sighting(*nothing, f"{markers} markers, but {n} corners seen, {CORNERS_MIN} are needed")
        return Sighting(*nothing, f"no marker of {self._board.dictionary} seen")

    def explain(self, grey: np.ndarray) -> str:
        """Return why nothing is seen in a picture (H, W) of which a person says that the board is there."""
        for flipped in (cv2.flip(grey, 1), cv2.flip(grey, 0)):
            if len(self.find(flipped).ids):
                return "the board is seen mirrored: the driver flips its pictures, or the print is mirrored"
        for name, number in DICTIONARIES.items():
            detector = cv2.aruco.ArucoDetector(cv2.aruco.getPredefinedDictionary(number))
            ids = detector.detectMarkers(grey)[1]
            if _family(name) != _family(self._board.dictionary) and ids is not None and len(ids) >= 4:
                return f"markers of {name} are seen, the board's file says {self._board.dictionary}"
        problem = self.find(grey).problem or "the board is seen"
        return f"{problem}: more light, nearer, sharper, without reflections"


def _refined(grey: np.ndarray, corners_px: np.ndarray, board: Board) -> np.ndarray:
    """Return corners (N, 2), each by its own edges alone: the detector's are up to half a pixel off.

    The window ends before the markers, whose edges would draw the corner to themselves.
    """
    apart = np.linalg.norm(corners_px[:, None] - corners_px[None], axis=2)
    nearest = float(np.median(np.where(apart > 0.0, apart, np.inf).min(axis=1)))
    free = 0.5 * (1.0 - board.marker_m / board.square_m) * nearest  # up to a marker [pixel]
    half = int(np.clip(0.7 * free, 2, 9))  # of the window
    start = np.ascontiguousarray(corners_px.reshape(-1, 1, 2), dtype=np.float32)
    until = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 100, 1e-3)
    return np.asarray(cv2.cornerSubPix(grey, start, (half, half), (-1, -1), until), dtype=float).reshape(
        -1, 2
    )


def _family(dictionary: str) -> str:
    """Return a dictionary's name without its size: smaller ones are the beginning of larger ones."""
    return dictionary.rpartition("_")[0]
