#!/usr/bin/env bash
# pupil-apriltags 1.0.4.post11 (the AprilTag library) and OpenCV 5.0.0 on one picture of one tag36h11: the same place, but the tag's frame is
# turned by 180 degrees about y between them (z into the tag, z out of it), and the lists of corners begin at different corners and run in
# opposite directions.
# Hurt: a hand-eye calibration or a grasp pose from one, used with detections of the other: the arm goes for the back of the object. Corners
# paired by index for solvePnP give a mirrored board.
# Instead: one library for calibration and use, or multiply by diag(-1, 1, -1), and order corners by where they are in the picture.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet pupil-apriltags==1.0.4.post11 opencv-python-headless==5.0.0.93 numpy==2.4.6
env -i PATH="$PATH" HOME="$dir" venv/bin/python - <<'PY'
import sys
from importlib.metadata import version

import cv2
import numpy as np
from pupil_apriltags import Detector

SIZE_M, PIXELS, FOCAL = 0.1, 200, 600.0
family = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_APRILTAG_36h11)
picture = np.full((480, 640), 255, np.uint8)
picture[140:340, 220:420] = cv2.aruco.generateImageMarker(family, 5, PIXELS)  # 0.3 m in front of the camera, upright

(tag,) = Detector(families="tag36h11").detect(
    picture, estimate_tag_pose=True, camera_params=(FOCAL, FOCAL, 320.0, 240.0), tag_size=SIZE_M
)
(corners,), ids, _ = cv2.aruco.ArucoDetector(family).detectMarkers(picture)
camera = np.array([[FOCAL, 0, 320], [0, FOCAL, 240], [0, 0, 1]])
h = SIZE_M / 2
square = np.array([[-h, h, 0], [h, h, 0], [h, -h, 0], [-h, -h, 0]])
_, turn, place = cv2.solvePnP(square, corners[0], camera, None, flags=cv2.SOLVEPNP_IPPE_SQUARE)
of_opencv, of_apriltag = cv2.Rodrigues(turn)[0], tag.pose_R


def named(points):
    return [("top" if y < 240 else "bottom") + ("-left" if x < 320 else "-right") for x, y in points]


print("pupil-apriltags", version("pupil-apriltags"), "and OpenCV", cv2.__version__, "ids", tag.tag_id, int(ids.ravel()[0]))
print("expected: one pose")
print("seen: places", np.round(tag.pose_t.ravel(), 3).tolist(), np.round(place.ravel(), 3).tolist())
print("seen: tag axes of AprilTag in those of OpenCV", np.diag(of_opencv.T @ of_apriltag).round(2).tolist(), "(1, 1, 1 would be equal)")
print("seen: corners", named(tag.corners), named(corners[0]))
same = np.allclose(of_opencv.T @ of_apriltag, np.diag([-1, 1, -1]), atol=0.02)
same = same and np.allclose(tag.pose_t, place, atol=0.003) and named(tag.corners)[0] == "top-right" and named(corners[0])[0] == "top-left"
same = same and named(tag.corners)[1] == "top-left" and named(corners[0])[1] == "top-right"
sys.exit(0 if same else "the behaviour has changed")
PY
