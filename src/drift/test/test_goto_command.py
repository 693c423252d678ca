"""`drift goto` against a gate that leads nothing: what it asks for, says, and ends with."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from drift.cli import app
from drift.errors import UserError
from drift_interfaces.action import Home
from drift_interfaces.msg import GateState
from drift_ros import qos
from drift_ros.goal_server import GoalServer
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from typer.testing import CliRunner

DRIFT = Path(__file__).resolve().parents[1] / "bin" / "drift"


class Gate(Node):
    """Is home at once, knows no other name, and is on the way to anything else until that is cancelled."""

    def __init__(self) -> None:
        super().__init__("gate")
        self.goals: list[Home.Goal] = []
        self.under_way, self._cancelled = threading.Event(), threading.Event()
        self._server = GoalServer(self, Home, "gate/home", self._on_goal, self._cancelled.set)
        self._state = self.create_publisher(GateState, "gate/state", qos.LATCHED)
        self.create_timer(0.05, self._on_tick)

    def _on_goal(self, goal: Home.Goal) -> None:
        self.goals.append(goal)
        if goal.target == Home.Goal.NAMED:
            known = goal.name in ("", "home")
            code, text = (0, "at home") if known else (Home.Result.NO_WAY, f"name={goal.name!r} is not there")
            self._server.finish(Home.Result(error_code=code, error_msg=text))
        else:
            self.under_way.set()

    def _on_tick(self) -> None:
        self._state.publish(GateState())
        if self._server.active and self._cancelled.is_set():
            code = Home.Result.INTERRUPTED
            self._server.finish(Home.Result(error_code=code, error_msg="homing cancelled"))


@pytest.fixture
def gate(ros: None) -> Iterator[Gate]:
    gate, executor = Gate(), SingleThreadedExecutor()
    executor.add_node(gate)
    thread = threading.Thread(target=executor.spin)
    thread.start()
    yield gate
    executor.shutdown()
    thread.join(5.0)
    gate.destroy_node()


def goto(*words: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(DRIFT), "goto", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_what_the_gate_answers_is_said_with_the_exit_code(gate: Gate) -> None:
    said, _ = (home := goto()).communicate(timeout=60.0)
    assert said.startswith("at home after ") and home.returncode == 0
    _, error = (kitchen := goto("kitchen")).communicate(timeout=60.0)
    assert error == "error: gate/home failed: NO_WAY: name='kitchen' is not there\n"
    assert kitchen.returncode == 1
    assert [goal.name for goal in gate.goals] == ["home", "kitchen"]


def test_control_c_cancels_the_motion_and_says_what_the_gate_made_of_it(gate: Gate) -> None:
    moving = goto("--pose", "0.4,0,0.3,1,0,0,0")
    assert gate.under_way.wait(60.0)
    moving.send_signal(signal.SIGINT)
    said, _ = moving.communicate(timeout=60.0)
    assert said == "gate/home failed: INTERRUPTED: homing cancelled\n" and moving.returncode == 130
    (goal,) = gate.goals
    assert (goal.target, goal.pose.position.x, goal.pose.orientation.x) == (Home.Goal.POSE, 0.4, 1.0)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["home", "--joints", "0,0"], "NAME and --joints: one target only"),
        (["--pose", "0.4,0,0.3"], "--pose must be x,y,z,qx,qy,qz,qw: 7 numbers, got 3"),
        (["--pose", "0.4,0,0.3,0,0,0,0"], "--pose: "),
        (["--joints", "0,nan"], "--joints='0,nan' must be finite"),
        (["--joints", "0,left"], "--joints='0,left' must be numbers with commas between them"),
    ],
)
def test_what_is_no_target_is_refused_before_anybody_is_asked(words: list[str], said: str) -> None:
    answer = CliRunner().invoke(app, ["goto", *words])
    assert isinstance(answer.exception, UserError) and str(answer.exception).startswith(said)
