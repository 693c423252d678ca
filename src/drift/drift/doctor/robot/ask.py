"""Ask the graph about an arm, in a process of its own: this one stays without ROS."""

import json
import subprocess
import sys

from drift_control.robot.robot import load_robot
from drift_core.task import load_task

from drift.camera_places import camera_places
from drift.command_topic import command_topic
from drift.configuration import config_file, nodes_file
from drift.doctor.finding import Finding, Severity, failure
from drift.parameter_files import merged, read_parameter_file
from drift.stack_arguments import StackArguments

_LIMIT_S = 30.0


def ask(wanted: StackArguments) -> list[tuple[str, Finding]]:
    """Return the rows, in the order of mending; UserError or ConfigError where a file or a name is wrong."""
    robot_file, task_file = config_file("robot", wanted.robot_and_hand), config_file("task", wanted.task)
    namespace = wanted.ros_namespace
    robot = load_robot(robot_file).config
    topic = command_topic(robot, wanted.controller)
    camera_places(robot, load_task(task_file))  # a fault in these files is said here
    in_full = topic if topic.startswith("/") else f"{namespace.rstrip('/')}/{topic}"
    gate = merged([read_parameter_file(nodes_file())], {}, "/expert_gate")
    words = [str(robot_file), str(task_file), namespace, in_full, str(gate["rate_hz"])]
    try:
        answer = subprocess.run(
            [sys.executable, "-m", "drift.ros.robot", *words],
            capture_output=True,
            text=True,
            timeout=_LIMIT_S,
        )
    except subprocess.TimeoutExpired:
        return [("graph", failure(f"no answer within {_LIMIT_S:g} s", "drift doctor, for this machine"))]
    if answer.returncode != 0:
        last = (answer.stderr.strip().splitlines() or [f"exit code {answer.returncode}"])[-1]
        return [("graph", failure(f"ROS fails: {last}", "drift doctor, for this machine"))]
    rows = json.loads(answer.stdout.splitlines()[-1])
    return [(row["check"], Finding(Severity(row["status"]), row["text"], row["advice"])) for row in rows]
