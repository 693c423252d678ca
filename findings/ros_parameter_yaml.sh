#!/usr/bin/env bash
# One parameter file, two YAML readers: ROS's own (rcl_yaml_param_parser, with rclpy 9.1.2, Kilted) and PyYAML 6.0.3
# give ten of these eleven plain values different types. ROS takes y as true, 1e3, inf and nan as floats, and ~ and 1_000 as text.
# Hurt: launch files and checkers that read the file with PyYAML and find it good, while the node gets another type; an
# axis called y is a boolean in the node, a frame called nan a number.
# Instead: quote every text, write floats as 1000.0, and check the values in the node that declares them.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet ros-kilted-rclpy==9.1.2 ros-rmw-fastrtps-cpp==9.3.3 PyYAML==6.0.3
env -i PATH="$PATH" HOME="$dir" AMENT_PREFIX_PATH="$dir/venv" ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST ROS_DOMAIN_ID=$((RANDOM % 90 + 10)) venv/bin/python - <<'PY'
import sys
from pathlib import Path

import rclpy
import yaml

PLAIN = ["y", "n", "1e3", "inf", "nan", "~", "1_000", "12:30:45", "2026-01-31", "1.0e3", "010"]
text = "gate:\n  ros__parameters:\n" + "".join(f"    p{i}: {plain}\n" for i, plain in enumerate(PLAIN))
Path("p.yaml").write_text(text)
rclpy.init(args=["--ros-args", "--params-file", "p.yaml"])
node = rclpy.create_node("gate", automatically_declare_parameters_from_overrides=True)
by_ros = [node.get_parameter(f"p{i}").value for i in range(len(PLAIN))]
by_pyyaml = list(yaml.safe_load(text)["gate"]["ros__parameters"].values())
rclpy.shutdown()
print("rclpy 9.1.2, PyYAML", yaml.__version__)
print("expected: both read the same values\nseen:")
for plain, ros, py in zip(PLAIN, by_ros, by_pyyaml, strict=True):
    print(f"  {plain:12} ROS {type(ros).__name__:6}{ros!s:12} PyYAML {type(py).__name__:9}{py}")
known = ["bool", "bool", "float", "float", "float", "str", "str", "str", "str", "float", "int"]
known_pyyaml = ["str", "str", "str", "str", "str", "NoneType", "int", "int", "date", "str", "int"]
same = [type(v).__name__ for v in by_ros] == known and [type(v).__name__ for v in by_pyyaml] == known_pyyaml
sys.exit(0 if same and by_ros[-1] == by_pyyaml[-1] == 8 else "the behaviour has changed")
PY
