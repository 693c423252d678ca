#!/usr/bin/env bash
# rclpy 9.1.2 (Kilted) does not look at the type of a field unless ROS_PYTHON_CHECK_FIELDS=1: a NumPy True is sent as False,
# without an error.
# Hurt: whoever computes an enable or a stop flag with NumPy (`Bool(data=np.any(...))`).
# Instead: wrap it in bool(...), and run the tests with ROS_PYTHON_CHECK_FIELDS=1.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet ros-kilted-rclpy==9.1.2 ros-rmw-fastrtps-cpp==9.3.3 ros-std-msgs==5.5.1 numpy==2.4.6
env -i PATH="$PATH" HOME="$dir" AMENT_PREFIX_PATH="$dir/venv" ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST ROS_DOMAIN_ID=$((RANDOM % 90 + 10)) venv/bin/python - <<'PY'
import sys

import numpy as np
from rclpy.serialization import deserialize_message, serialize_message
from std_msgs.msg import Bool


def received(message):
    return deserialize_message(serialize_message(message), type(message)).data


stop = received(Bool(data=np.any(np.array([0.0, 3.0]) > 1.0)))
print("rclpy 9.1.2, numpy", np.__version__)
print("expected: Bool of a NumPy True arrives as True (or an error)")
print("seen:", stop)
sys.exit(0 if stop is False else "the behaviour has changed")
PY
