#!/usr/bin/env bash
# OpenCV 5.0.0.93 for Python has lost calibrateHandEye and calibrateRobotWorldHandEye, while their constants (CALIB_HAND_EYE_TSAI,
# CALIB_ROBOT_WORLD_HAND_EYE_SHAH) are still there, so a look for the constant says that the function exists.
# Hurt: camera calibration of arms; `pip install opencv-python` now brings 5, and the script fails only after all poses were taken.
# Instead: pin opencv-python<5 for this step, and look for the function before the robot moves.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet opencv-python-headless==5.0.0.93
env -i PATH="$PATH" HOME="$dir" venv/bin/python - <<'PY'
import sys

import cv2

constants = [hasattr(cv2, n) for n in ("CALIB_HAND_EYE_TSAI", "CALIB_ROBOT_WORLD_HAND_EYE_SHAH")]
functions = [hasattr(cv2, n) for n in ("calibrateHandEye", "calibrateRobotWorldHandEye")]
print("opencv", cv2.__version__)
print("expected: the functions beside their constants")
print(f"seen: constants {constants}, functions {functions}; calibrateCamera {hasattr(cv2, 'calibrateCamera')}")
sys.exit(0 if constants == [True, True] and functions == [False, False] else "the behaviour has changed")
PY
