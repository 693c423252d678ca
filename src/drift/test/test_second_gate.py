"""A gate that runs already is named before a second one is started."""

import os
import subprocess
import sys
import time

import pytest
from drift.errors import UserError
from drift.second_gate import no_other_gate
from drift.stack_arguments import StackArguments
from drift_interfaces.msg import GateState
from drift_ros import qos
from rclpy.node import Node

LISTEN_S = 3.5  # where nobody answers


def test_a_second_gate_is_refused_with_the_node_and_the_process_of_the_first(ros: None) -> None:
    first = Node("expert_gate", namespace="left")
    first.create_publisher(GateState, "gate/state", qos.LATCHED)
    text = rf"^a gate is running already: /left/expert_gate \(pid {os.getpid()} on this machine\); stop "
    with pytest.raises(UserError, match=text), no_other_gate(StackArguments(namespace="left")):
        pass
    with no_other_gate(StackArguments(namespace="right")):
        pass
    with no_other_gate(StackArguments(namespace="left", parts="policy,trainer")):  # which need that gate
        pass
    first.destroy_node()


def test_what_is_wrong_with_the_files_is_said_without_waiting() -> None:
    start_s = time.monotonic()
    with pytest.raises(UserError, match="^robot=ur10"), no_other_gate(StackArguments()):
        raise UserError("robot=ur10")
    assert time.monotonic() - start_s < LISTEN_S


def test_whoever_listens_in_vain_ends_by_itself_when_its_input_is_closed() -> None:
    command = [sys.executable, "-m", "drift.ros.running_gates", "/"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as listening:
        said, _ = listening.communicate(timeout=20.0)
    assert (listening.returncode, said) == (0, b"")  # killed, it would leave its shared memory
