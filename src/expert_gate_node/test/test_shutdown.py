"""The gate as a process: it brings the arm to rest before it ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import yaml
from drift_control.gate.state import Reason, State


@pytest.fixture
def gate_process(stage, tmp_path):
    processes = []

    def start(**changes):
        file = tmp_path / "nodes.yaml"
        file.write_text(yaml.safe_dump({"/**/expert_gate": {"ros__parameters": stage.parameters(**changes)}}))
        command = [
            sys.executable,
            "-m",
            "expert_gate_node.ros.node",
            "--ros-args",
            "--params-file",
            str(file),
        ]
        processes.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def at_rest(steps):
    return np.array_equal(steps[-1].commanded, steps[-2].commanded)


@pytest.mark.parametrize(
    "numbers", [(signal.SIGTERM,), (signal.SIGHUP,), (signal.SIGINT, signal.SIGINT)], ids=str
)
def test_a_signal_while_moving_brakes_holds_and_ends_within_two_seconds(stage, gate_process, numbers):
    world, process = stage.world, gate_process()
    stage.armed()
    world.push((0.2, 0.0, 0.0))
    stage.spin(lambda: world.state.state == State.EXPERT, "take-over")
    stage.spin_for(0.4)
    speed_rad = np.abs(world.commands[-1] - world.commands[-2]).max()
    assert speed_rad > 0.001
    start_s = time.monotonic()
    for number in numbers:  # Ctrl-C under a launcher reaches a node twice
        process.send_signal(number)
        stage.spin_for(0.05)
    stage.spin(lambda: process.poll() is not None, "end of the process", limit_s=5.0)
    assert time.monotonic() - start_s < 2.0
    stage.spin(lambda: world.state.reason == Reason.SHUTDOWN and at_rest(world.steps), "last steps")
    assert process.returncode == 0
    errors = process.stderr.read()  # what the gate refuses may be said there, nothing worse
    assert not any(word in errors for word in ("Traceback", "[ERROR]", "[FATAL]")), errors
    commands = np.array([step.commanded[:7] for step in world.steps if len(step.commanded)])
    assert np.abs(np.diff(commands, n=2, axis=0)).max() / 0.02**2 < 2.0 * world.robot.acceleration.max()
    assert not world.state.armed


@pytest.mark.skipif(os.geteuid() != 0, reason="needs the right to real-time scheduling")
def test_the_process_claims_its_real_time_priority(stage, gate_process):
    process = gate_process(realtime_priority=7)
    tasks = Path(f"/proc/{process.pid}/task")
    stage.spin(lambda: os.sched_getscheduler(process.pid) == os.SCHED_FIFO, "priority")
    stage.spin(lambda: stage.world.states, "gate/state")
    priorities = {os.sched_getparam(int(task.name)).sched_priority for task in tasks.iterdir()}
    assert priorities == {7}


def test_a_wrong_parameter_ends_the_process_with_one_line(gate_process):
    process = gate_process(interpolation="quintic")
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 2
    assert errors.startswith("error: parameters of node /expert_gate: interpolation='quintic'")
    assert len(errors.splitlines()) == 1
