#!/usr/bin/env bash
# rclpy 9.1.2 (Kilted): node.destroy_node() takes the node's services out of the graph, but not its action servers. For as long as the
# ActionServer object lives, clients see the server as ready and the dead node's name stays in the graph.
# Hurt: a driver that rebuilds its node after an error (or a test that makes one node after another): wait_for_server() is true at once
# for a server that nobody spins any more, and a second node of that name stands beside the ghost of the first.
# Instead: call ActionServer.destroy() for each action before destroy_node(), also on the way out of a failed constructor.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet ros-kilted-rclpy==9.1.2 ros-rmw-fastrtps-cpp==9.3.3 ros-test-msgs==2.3.0 ros-action-msgs==2.3.0
env -i PATH="$PATH" HOME="$dir" AMENT_PREFIX_PATH="$dir/venv" ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST ROS_DOMAIN_ID=$((RANDOM % 90 + 10)) venv/bin/python - <<'PY'
import sys
import time
from importlib.metadata import version

import rclpy
from rclpy.action import ActionClient, ActionServer
from test_msgs.action import Fibonacci
from test_msgs.srv import Empty

rclpy.init()
watcher, arm = rclpy.create_node("watcher"), rclpy.create_node("arm")
client = ActionClient(watcher, Fibonacci, "move")
action = ActionServer(arm, Fibonacci, "move", lambda goal: Fibonacci.Result())
service = arm.create_service(Empty, "stop", lambda request, response: response)


def services():
    return {name for name, _ in watcher.get_service_names_and_types()}


def within(limit_s, reached):
    end = time.monotonic() + limit_s
    while time.monotonic() < end and not reached():
        time.sleep(0.05)
    return reached()


print("rclpy", version("ros-rclpy"))
begun = within(60.0, lambda: client.server_is_ready() and "/stop" in services())
arm.destroy_node()
service_gone = within(60.0, lambda: "/stop" not in services())
action_gone = within(5.0, lambda: not client.server_is_ready())
names = watcher.get_node_names()
print("expected: after destroy_node() the service, the action and the node are gone")
print(f"seen: service gone {service_gone}, action gone {action_gone}, nodes {sorted(names)}")
action.destroy()
after = within(60.0, lambda: not client.server_is_ready() and "arm" not in watcher.get_node_names())
print(f"after ActionServer.destroy(): action and node gone {after}")
sys.exit(0 if begun and service_gone and not action_gone and "arm" in names and after else "the behaviour has changed")
PY
