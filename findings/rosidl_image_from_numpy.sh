#!/usr/bin/env bash
# sensor_msgs 5.5.1 from Python (rosidl_generator_py 0.24.2, Kilted): `image.data = ...` takes a NumPy array of uint8, checks it number by
# number and is over a hundred times slower than with the same bytes in a bytearray or array.array. Nothing is said.
# Hurt: a camera driver in Python: one 640x480 colour picture costs 20 to 50 ms, so that two cameras at 30 Hz need more than two cores;
# memoryview(array), which looks like the way around a copy, takes half of that.
# Instead: image.data = bytearray(pixels), or array.array("B", pixels.tobytes()).
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet ros-kilted-rclpy==9.1.2 ros-rmw-fastrtps-cpp==9.3.3 ros-sensor-msgs==5.5.1 numpy==2.4.6
env -i PATH="$PATH" HOME="$dir" AMENT_PREFIX_PATH="$dir/venv" venv/bin/python - <<'PY'
import array
import sys
import time
from importlib.metadata import version

import numpy as np
from sensor_msgs.msg import Image

pixels = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
flat = pixels.reshape(-1)
given = {
    "bytearray": bytearray(flat),
    "array.array": array.array("B", flat.tobytes()),
    "bytes": flat.tobytes(),
    "memoryview": memoryview(flat),
    "ndarray": flat,
}
milliseconds = {}
for name, data in given.items():
    best = float("inf")
    for _ in range(5):
        image = Image()
        start = time.perf_counter()
        image.data = data
        best = min(best, time.perf_counter() - start)
    assert image.data.tobytes() == pixels.tobytes()
    milliseconds[name] = 1e3 * best
print("sensor_msgs", version("ros-sensor-msgs"), "one picture of 640x480, the same bytes each time")
print("expected: about the time of a copy, whatever holds the bytes")
print("seen: " + ", ".join(f"{name} {value:.3f} ms" for name, value in milliseconds.items()))
quick = max(milliseconds["bytearray"], milliseconds["array.array"])
same = milliseconds["ndarray"] > 100 * quick and milliseconds["memoryview"] > 100 * quick
sys.exit(0 if same else "the behaviour has changed")
PY
