#!/usr/bin/env bash
# QoS "system default" under rmw_fastrtps_cpp 9.3.3 (Kilted) means two different things: a publisher becomes reliable and
# transient local, a subscription with the very same profile best effort and volatile.
# Hurt: ros2_control's controllers subscribe to their commands with SystemDefaultsQoS, so a command may be lost without a
# resend, and a latched state (robot mode, map) never reaches such a subscription that starts late.
# Instead: name reliability and durability on both sides; look at them with get_subscriptions_info_by_topic.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet ros-kilted-rclpy==9.1.2 ros-rmw-fastrtps-cpp==9.3.3 ros-std-msgs==5.5.1
env -i PATH="$PATH" HOME="$dir" AMENT_PREFIX_PATH="$dir/venv" ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST ROS_DOMAIN_ID=$((RANDOM % 90 + 10)) venv/bin/python - <<'PY'
import sys
import time

import rclpy
from rclpy.qos import qos_profile_system_default
from std_msgs.msg import String

rclpy.init()
node = rclpy.create_node("n")
node.create_publisher(String, "topic", qos_profile_system_default)
node.create_subscription(String, "topic", lambda message: None, qos_profile_system_default)
end = time.monotonic() + 20.0
while not (node.count_publishers("/topic") and node.count_subscribers("/topic")) and time.monotonic() < end:
    time.sleep(0.05)
publisher = node.get_publishers_info_by_topic("/topic")[0].qos_profile
subscription = node.get_subscriptions_info_by_topic("/topic")[0].qos_profile
seen = [(qos.reliability.name, qos.durability.name) for qos in (publisher, subscription)]
rclpy.shutdown()
print("rmw_fastrtps_cpp 9.3.3, rclpy 9.1.2")
print("expected: one profile, the same two policies on both sides")
print(f"seen: publisher {seen[0]}, subscription {seen[1]}")
sys.exit(0 if seen == [("RELIABLE", "TRANSIENT_LOCAL"), ("BEST_EFFORT", "VOLATILE")] else "the behaviour has changed")
PY
