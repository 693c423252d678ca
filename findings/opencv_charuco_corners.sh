#!/usr/bin/env bash
# OpenCV 5.0.0.93's CharucoDetector hands out chessboard corners that are said to be refined, and are up to half a pixel off on an ideal,
# slightly blurred picture of the board. cornerSubPix on the same picture, started there, is exact to thousandths. A finer
# cornerRefinementMinAccuracy makes the detector's worse.
# Hurt: hand-eye and camera calibration: residuals of 0.2 px look like noise and are not.
# Instead: cornerSubPix afterwards, with a window that ends before the edges of the markers.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet opencv-python-headless==5.0.0.93 numpy==2.4.6
env -i PATH="$PATH" HOME="$dir" venv/bin/python - <<'PY'
import sys

import cv2
import numpy as np

SQUARE, MARGIN = 60, 60  # [pixel]
dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_5X5_100)
board = cv2.aruco.CharucoBoard((7, 5), 0.04, 0.03, dictionary)
sharp = np.pad(board.generateImage((7 * SQUARE, 5 * SQUARE)), MARGIN, constant_values=255)
picture = cv2.GaussianBlur(sharp, (0, 0), 1.5)
# the middle of the first pixel is (0, 0), so the board begins at 59.5
truth = np.array(board.getChessboardCorners())[:, :2] / 0.04 * SQUARE + MARGIN - 0.5


def worst(accuracy: float) -> tuple[float, np.ndarray, np.ndarray]:
    parameters = cv2.aruco.DetectorParameters()
    parameters.cornerRefinementMinAccuracy = accuracy
    corners, ids, _, _ = cv2.aruco.CharucoDetector(board, cv2.aruco.CharucoParameters(), parameters).detectBoard(picture)
    return float(np.abs(corners.reshape(-1, 2) - truth[ids.ravel()]).max()), corners, ids.ravel()


usual, corners, ids = worst(0.1)
finer, _, _ = worst(0.001)
until = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 100, 1e-3)
refined = cv2.cornerSubPix(picture, corners.copy(), (5, 5), (-1, -1), until).reshape(-1, 2)
after = float(np.abs(refined - truth[ids]).max())
print("opencv", cv2.__version__)
print(f"{len(ids)} corners; expected: within a few hundredths of a pixel of where they were drawn")
print(f"seen: {usual:.3f} px off, {finer:.3f} px with cornerRefinementMinAccuracy 0.001, {after:.3f} px after cornerSubPix")
sys.exit(0 if len(ids) == 24 and usual > 0.3 and finer > 0.3 and after < 0.02 else "the behaviour has changed")
PY
