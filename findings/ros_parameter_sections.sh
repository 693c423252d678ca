#!/usr/bin/env bash
# ROS 2 parameter files (rclpy 9.1.2, Kilted): of two sections that fit a node, the one whose NAME stood later
# wins, over all files and arguments together; an exact name does not beat the wildcard. `-p speed:=9` is filed under
# `/**`, so it too loses to a file that has `/**` first and the node's own section after it.
# Hurt: whoever lowers a speed limit on the command line and drives with the one of the file; no message says so.
# Instead: write `-p gate:speed:=9` after the file (the node's name in front), or use one kind of section only.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet ros-kilted-rclpy==9.1.2 ros-rmw-fastrtps-cpp==9.3.3
env -i PATH="$PATH" HOME="$dir" AMENT_PREFIX_PATH="$dir/venv" ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST ROS_DOMAIN_ID=$((RANDOM % 90 + 10)) venv/bin/python - <<'PY'
import sys
from pathlib import Path

import rclpy

WILDCARD = "/**: {ros__parameters: {speed: 2.0}}\n"
EXACT = "/gate: {ros__parameters: {speed: 1.0}}\n"
Path("wildcard_last.yaml").write_text(EXACT + WILDCARD)
Path("exact_last.yaml").write_text(WILDCARD + EXACT)
Path("exact_only.yaml").write_text(EXACT)


def speed(*arguments: str) -> float:
    context = rclpy.Context()
    rclpy.init(args=["--ros-args", *arguments], context=context)
    node = rclpy.create_node("gate", context=context)
    value = node.declare_parameter("speed", 0.0).value
    node.destroy_node()
    context.shutdown()
    return value


rows = [
    ("exact section first, wildcard after it", 1.0, 2.0, speed("--params-file", "wildcard_last.yaml")),
    ("file with /** then /gate, then -p speed:=9.0", 9.0, 1.0, speed("--params-file", "exact_last.yaml", "-p", "speed:=9.0")),
    ("file with /gate only, then -p speed:=9.0", 9.0, 9.0, speed("--params-file", "exact_only.yaml", "-p", "speed:=9.0")),
    ("file with /** then /gate, then -p gate:speed:=9.0", 9.0, 9.0, speed("--params-file", "exact_last.yaml", "-p", "gate:speed:=9.0")),
]
print("rclpy 9.1.2")
for what, expected, _, seen in rows:
    print(f"{what}: expected {expected}, seen {seen}")
sys.exit(0 if all(known == seen for _, _, known, seen in rows) else "the behaviour has changed")
PY
