#!/usr/bin/env bash
# OpenCV 5.0.0.93: a ChArUco board with an even number of rows, drawn before OpenCV 4.6 (or by a generator that follows it), has its first
# square in the other colour. The detector finds all its markers and none of its corners, and says nothing; with an odd number
# of rows the two patterns are the same.
# Hurt: labs with a printed board: detection worked for years, and after an update it looks like bad light or bad focus.
# Instead: board.setLegacyPattern(True), or a board with an odd number of rows; take "markers but no corners" as this sign.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet opencv-python-headless==5.0.0.93
env -i PATH="$PATH" HOME="$dir" venv/bin/python - <<'PY'
import sys

import cv2

dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50)


def found(rows: int, legacy_detector: bool) -> tuple[int, int]:
    printed, detector = (cv2.aruco.CharucoBoard((5, rows), 0.04, 0.03, dictionary) for _ in range(2))
    printed.setLegacyPattern(True)
    detector.setLegacyPattern(legacy_detector)
    _, corners, _, markers = cv2.aruco.CharucoDetector(detector).detectBoard(printed.generateImage((500, 100 * rows)))
    return (0 if markers is None else len(markers), 0 if corners is None else len(corners))


seen = {"8 rows": found(8, False), "8 rows, setLegacyPattern": found(8, True), "7 rows": found(7, False)}
print("opencv", cv2.__version__)
print("old board, 5 x 8 squares: expected 20 markers and 28 corners; seen (markers, corners)", seen)
known = {"8 rows": (20, 0), "8 rows, setLegacyPattern": (20, 28), "7 rows": (17, 24)}
sys.exit(0 if seen == known else "the behaviour has changed")
PY
