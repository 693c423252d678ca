#!/usr/bin/env bash
# rclpy 9.1.2 (Kilted) action results: when the server's callback raises, the client gets a result of default values beside
# status ABORTED; asked for later than the server's result_timeout (10 s by default), a goal that SUCCEEDED comes as
# status UNKNOWN (0) with a default result. Neither raises at the client.
# Hurt: clients that read `result.error_code == 0` (success in many arm actions, and also the default) or that fetch the result
# after a long motion's pause: a crashed server reads as success, a finished motion as an empty one.
# Instead: look at the status first and at the result only with STATUS_SUCCEEDED; ask for the result as soon as the goal is accepted.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet ros-kilted-rclpy==9.1.2 ros-rmw-fastrtps-cpp==9.3.3 ros-test-msgs==2.3.0 ros-action-msgs==2.3.0
env -i PATH="$PATH" HOME="$dir" AMENT_PREFIX_PATH="$dir/venv" ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST ROS_DOMAIN_ID=$((RANDOM % 90 + 10)) venv/bin/python - <<'PY'
import os
import sys
import threading
import time

import rclpy
from action_msgs.msg import GoalStatus
from rclpy.action import ActionClient, ActionServer
from rclpy.executors import MultiThreadedExecutor
from test_msgs.action import Fibonacci


def answer(future):
    end = time.monotonic() + 20.0
    while not future.done() and time.monotonic() < end:
        time.sleep(0.01)
    return future.result()


def raises(goal):
    raise RuntimeError("the gripper is not there")


def succeeds(goal):
    goal.succeed()
    return Fibonacci.Result(sequence=[1, 2, 3])


def status_of(node, name: str, pause_s: float):
    client = ActionClient(node, Fibonacci, name)
    client.wait_for_server(20.0)
    goal = answer(client.send_goal_async(Fibonacci.Goal(order=3)))
    time.sleep(pause_s)
    response = answer(goal.get_result_async())
    return response.status, list(response.result.sequence)


rclpy.init()
node = rclpy.create_node("arm")
servers = [ActionServer(node, Fibonacci, "raises", raises), ActionServer(node, Fibonacci, "late", succeeds, result_timeout=1)]
executor = MultiThreadedExecutor(2)
executor.add_node(node)
threading.Thread(target=executor.spin, daemon=True).start()
prompt, late, raised = status_of(node, "late", 0.0), status_of(node, "late", 4.0), status_of(node, "raises", 0.0)
print("rclpy 9.1.2")
print(f"asked at once: expected status SUCCEEDED (4) and [1, 2, 3], seen {prompt}")
print(f"asked after result_timeout: expected the same or an error, seen {late}")
print(f"server's callback raised: expected an error without a result, seen {raised}")
same = prompt == (GoalStatus.STATUS_SUCCEEDED, [1, 2, 3]) and late == (GoalStatus.STATUS_UNKNOWN, []) and raised == (GoalStatus.STATUS_ABORTED, [])
if not same:
    print("the behaviour has changed", file=sys.stderr)
sys.stdout.flush()
os._exit(0 if same else 1)
PY
