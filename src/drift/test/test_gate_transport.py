"""The gate's process and Fast DDS's shared memory."""

import os
import select
import subprocess
import sys
from pathlib import Path

import pytest
from drift.configuration import dds_profile, dds_profile_variable
from drift.gate_transport import RANGE, gate_environment
from drift.ros_command import processes
from drift.stack import stack
from drift.stack_arguments import StackArguments

PEER = """
import select, sys
from pathlib import Path
import rclpy
from rclpy.qos import QoSProfile
from std_msgs.msg import String

name, other = sys.argv[1:]
rclpy.init()
node, heard = rclpy.create_node(name), []
speaker = node.create_publisher(String, name, QoSProfile(depth=10))
node.create_subscription(String, other, heard.append, QoSProfile(depth=10))
said = False
while not select.select([sys.stdin], [], [], 0)[0]:  # until the test closes it
    speaker.publish(String(data="x" * 2000))
    rclpy.spin_once(node, timeout_sec=0.02)
    if heard and not said:
        said = True
        shares = "/dev/shm/fast" in Path("/proc/self/maps").read_text()
        print("heard, with" if shares else "heard, without", flush=True)
"""


@pytest.mark.parametrize(
    ("reach", "profile"), [("SUBNET", "gate.xml"), ("LOCALHOST", "gate_this_machine.xml")]
)
def test_the_gate_has_a_transport_of_its_own_and_the_others_keep_theirs(
    reach: str, profile: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(RANGE, reach)
    monkeypatch.setenv(dds_profile_variable(), str(dds_profile()))
    started = {spec.name: spec for spec in processes(stack(StackArguments(run=str(tmp_path), expert="none")))}
    told = started["expert_gate"].environment
    assert Path(told[dds_profile_variable()]).name == profile
    assert told.get(RANGE) == ("SYSTEM_DEFAULT" if reach == "LOCALHOST" else None)
    assert not {dds_profile_variable(), RANGE} & started["policy"].environment.keys()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (dds_profile_variable(), "mine.xml"),
        ("RMW_IMPLEMENTATION", "rmw_cyclonedds_cpp"),  # which would leave this machine
        ("ROS_STATIC_PEERS", "192.0.2.7"),
    ],
)
def test_a_profile_a_middleware_and_peers_that_the_user_chose_are_left_alone(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(RANGE, "LOCALHOST")
    monkeypatch.setenv(dds_profile_variable(), str(dds_profile()))
    assert gate_environment()
    monkeypatch.setenv(name, value)
    assert gate_environment() == {}


@pytest.mark.parametrize("reach", ["SUBNET", "LOCALHOST"])
def test_it_uses_no_shared_memory_and_is_heard_by_those_who_do(
    reach: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(RANGE, reach)
    monkeypatch.setenv(dds_profile_variable(), str(dds_profile()))
    program = tmp_path / "peer.py"
    program.write_text(PEER)
    assert _said(program, gate_environment()) == ["heard, without", "heard, with"]


def _said(program: Path, environment: dict[str, str]) -> list[str]:
    """Let a gate with that environment and another node talk; return what each says of the shared memory."""
    peers = [
        subprocess.Popen(
            [sys.executable, str(program), *names],
            env={**os.environ, **more},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for names, more in ((("gate", "arm"), environment), (("arm", "gate"), {}))
    ]
    try:
        return [_line(peer) for peer in peers]
    finally:
        for peer in peers:
            peer.communicate(timeout=20.0)


def _line(peer: "subprocess.Popen[str]") -> str:
    assert peer.stdout is not None
    assert select.select([peer.stdout], [], [], 20.0)[0], "it heard nothing for 20 s"
    return peer.stdout.readline().strip()
