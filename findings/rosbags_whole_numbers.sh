#!/usr/bin/env bash
# rosbags 0.11.9 writes an array of whole numbers into a float64[] field bit by bit: positions [1, 2] are stored as
# [5e-324, 1e-323], without an error. (float32 arrays and lists are refused, which looks as if types were checked.)
# Hurt: recordings made or converted with np.array([1, 2]) or counters: all zeros to the eye in every plot, and the data is gone.
# Instead: np.asarray(values, dtype=np.float64) for each array field before serialize_cdr.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet rosbags==0.11.9 numpy==2.4.6
env -i PATH="$PATH" HOME="$dir" venv/bin/python - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from rosbags.typesys import Stores, get_typestore

store = get_typestore(Stores.ROS2_KILTED)
name = "sensor_msgs/msg/JointState"
JointState, Header, Time = (store.types[n] for n in (name, "std_msgs/msg/Header", "builtin_interfaces/msg/Time"))
empty = np.array([], np.float64)
message = JointState(Header(Time(0, 0), ""), ["a", "b"], np.array([1, 2]), empty, empty)
position = store.deserialize_cdr(store.serialize_cdr(message, name), name).position
print("rosbags", version("rosbags"))
print(f"expected: position [1. 2.] or an error\nseen: {position}")
sys.exit(0 if (position == np.array([1, 2]).view(np.float64)).all() and position[0] < 1e-300 else "the behaviour has changed")
PY
