#!/usr/bin/env bash
# rosbags-image 0.10.4: message_to_cvimage does not read an Image's `step`, so padded rows shift the picture by their padding, row by row;
# and a CompressedImage is decoded to 8 bits, so of a 16-bit PNG with depths in millimetres each 256 mm become 1. No error in both.
# Hurt: conversion of recorded bags: sheared pictures of cameras whose drivers pad their rows, and depth pictures in which 1 m is a 3.
# Instead: np.frombuffer(message.data, np.uint8).reshape(height, step)[:, : width * channels], and cv2.imdecode with IMREAD_UNCHANGED.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet rosbags-image==0.10.4 rosbags==0.11.9 opencv-python-headless==5.0.0.93 numpy==2.4.6
env -i PATH="$PATH" HOME="$dir" venv/bin/python - <<'PY'
import sys
from importlib.metadata import version

import cv2
import numpy as np
from rosbags.image import message_to_cvimage
from rosbags.typesys import Stores, get_typestore

types = get_typestore(Stores.ROS2_JAZZY).types
Image, CompressedImage = types["sensor_msgs/msg/Image"], types["sensor_msgs/msg/CompressedImage"]
header = types["std_msgs/msg/Header"](types["builtin_interfaces/msg/Time"](sec=0, nanosec=0), frame_id="camera")

picture = np.zeros((4, 6), np.uint8)
picture[:, 2] = 255  # an upright line
rows = np.pad(picture, ((0, 0), (0, 2)))  # rows of 6 pixels, each padded to 8 bytes
padded = message_to_cvimage(Image(header, 4, 6, "mono8", 0, 8, rows.ravel()))

depth_mm = np.full((4, 6), 1000, np.uint16)
png = cv2.imencode(".png", depth_mm)[1].ravel()
compressed = message_to_cvimage(CompressedImage(header, "16UC1; png compressed ", png))
unchanged = cv2.imdecode(png, cv2.IMREAD_UNCHANGED)

columns = [np.flatnonzero(row).tolist() for row in padded]
print("rosbags-image", version("rosbags-image"))
print("expected: an upright line in column 2, and a depth of 1000 mm in uint16")
print(f"seen: bright columns of the four rows {columns}; depth {compressed[0, 0]} in {compressed.dtype}")
print(f"by imdecode with IMREAD_UNCHANGED: {unchanged[0, 0]} in {unchanged.dtype}")
same = columns == [[2], [4], [], [0]] and compressed.dtype == np.uint8 and (compressed == 3).all() and unchanged[0, 0] == 1000
sys.exit(0 if same else "the behaviour has changed")
PY
