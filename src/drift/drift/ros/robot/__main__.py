"""Print what the graph tells about an arm as JSON, a list of {"check", "status", "text", "advice"}.

Listens and asks; publishes nothing, calls nothing that moves or changes anything.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import rclpy
from drift_control.robot.robot import load_robot
from drift_core.task import load_task
from drift_ros.clock import steady_s
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions

from drift.camera_places import camera_places
from drift.doctor.robot.wanted import Wanted
from drift.ros.robot.node import RobotProbe

# A participant announces itself every 3 s; rates want a second or two after that.
LISTEN_S = 6.0


def main() -> None:
    """Listen for a while and print the findings."""
    robot_file, task_file, namespace, topic, rate_hz = sys.argv[1:]
    task = load_task(Path(task_file))
    robot = load_robot(Path(robot_file)).config
    places = camera_places(robot, task)
    wanted = Wanted(robot, namespace, topic, task.cameras, task.dt_s, float(rate_hz), task.name, places)
    context = Context()
    rclpy.init(context=context, signal_handler_options=SignalHandlerOptions.NO)
    executor = SingleThreadedExecutor(context=context)
    probe = RobotProbe(wanted, LISTEN_S, context=context, use_global_arguments=False)
    executor.add_node(probe)
    end_s = steady_s() + LISTEN_S
    while steady_s() < end_s:
        executor.spin_once(timeout_sec=0.05)
    rows = [{"check": name, **asdict(finding)} for name, finding in probe.findings()]
    executor.shutdown(timeout_sec=1.0)
    probe.destroy_node()
    context.try_shutdown()
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
