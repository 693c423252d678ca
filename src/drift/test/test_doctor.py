"""Each check says what it saw, how bad it is, and what to do."""

import os
from importlib import metadata
from pathlib import Path

import pytest
from drift.cli import app
from drift.commands import doctor
from drift.configuration import dds_profile_variable
from drift.doctor import machine, ros
from drift.doctor.discovery import discovery
from drift.doctor.finding import Severity, failure, good, warning
from drift.doctor.rendering import rendering
from typer.testing import CliRunner

GIB = 1024**3


def test_python_must_be_new_enough_and_is_better_not_too_new() -> None:
    assert machine.python((3, 10, 12)).status is Severity.FAIL
    assert machine.python((3, 12, 1)).status is Severity.PASS
    assert machine.python((3, 13, 0)).status is Severity.WARN


def test_disk_and_shared_memory_have_their_limits() -> None:
    assert [machine.disk(n * GIB).status for n in (0, 5, 10)] == [Severity.FAIL, Severity.WARN, Severity.PASS]
    docker = machine.shared_memory(64 * 1024**2)
    assert docker.status is Severity.WARN and "--shm-size=1g" in docker.advice


def test_the_distribution_is_named_and_where_it_is_from(monkeypatch: pytest.MonkeyPatch) -> None:
    name, version = os.environ["ROS_DISTRO"], metadata.version("ros-rclpy")
    assert ros.ros() == good(f"ROS 2 {name.capitalize()} from PyPI, rclpy {version}")
    monkeypatch.setenv("ROS_DISTRO", "lyrical")  # one that is installed
    assert ros.ros() == good("ROS 2 Lyrical")
    monkeypatch.delenv("ROS_DISTRO")
    assert ros.ros() == good("ROS 2 of unknown distribution")


def test_a_dds_profile_must_be_set_readable_and_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RMW_IMPLEMENTATION", "rmw_fastrtps_cpp")
    monkeypatch.delenv(dds_profile_variable(), raising=False)
    assert ros.dds_profile().status is Severity.FAIL
    profile = tmp_path / "profile.xml"
    monkeypatch.setenv(dds_profile_variable(), str(profile))
    assert ros.dds_profile().status is Severity.FAIL
    profile.write_text("<dds><segment_size>524288</segment_size></dds>")
    assert ros.dds_profile().status is Severity.WARN
    profile.write_text("<dds><segment_size>16777216</segment_size></dds>")
    assert ros.dds_profile() == good(f"{profile}, segment of 16 MiB")
    monkeypatch.setenv("RMW_IMPLEMENTATION", "rmw_zenoh_cpp")
    assert ros.dds_profile() == good("not needed with rmw_zenoh_cpp")


@pytest.mark.parametrize(
    "name, value, status",
    [
        ("ROS_AUTOMATIC_DISCOVERY_RANGE", "OFF", Severity.FAIL),
        ("ROS_AUTOMATIC_DISCOVERY_RANGE", "localhost", Severity.WARN),
        ("ROS_DOMAIN_ID", "233", Severity.FAIL),
        ("ROS_DOMAIN_ID", "one", Severity.FAIL),
        ("ROS_LOCALHOST_ONLY", "1", Severity.WARN),
        ("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST", Severity.PASS),
    ],
)
def test_a_variable_that_keeps_nodes_apart_is_named(
    name: str, value: str, status: Severity, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("ROS_AUTOMATIC_DISCOVERY_RANGE", "ROS_DOMAIN_ID", "ROS_LOCALHOST_ONLY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv(name, value)
    finding = discovery()
    assert finding.status is status
    assert status is Severity.PASS or name in finding.text


def test_a_workspace_that_is_not_built_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path))
    finding = ros.workspace()
    assert (finding.status, finding.advice) == (Severity.FAIL, "make setup, then source env.sh")


def test_images_of_640x480_arrive_best_effort_in_another_process() -> None:
    finding = ros.image_loopback(rate_hz=10.0, duration_s=1.0)  # slow, so that a busy machine loses none
    assert finding.text.startswith("10 of 10 images, 640x480 at 10 Hz, best effort, median ")
    assert finding.status is Severity.PASS


def test_images_that_go_around_shared_memory_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(dds_profile_variable(), raising=False)
    monkeypatch.setenv("FASTDDS_BUILTIN_TRANSPORTS", "UDPv4")
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "SUBNET")  # LOCALHOST brings shared memory back
    finding = ros.image_loopback(width=64, height=48, rate_hz=10.0, duration_s=0.3)
    assert finding.text.startswith("3 of 3 images, 64x48 at 10 Hz")
    assert finding.status is Severity.WARN and "shared memory is off" in finding.text


@pytest.mark.parametrize(
    ("received", "shared_memory", "status"),
    [
        (60, True, Severity.PASS),
        (59, True, Severity.WARN),
        (54, True, Severity.WARN),
        (53, True, Severity.FAIL),
        (0, True, Severity.FAIL),
        (60, False, Severity.WARN),
        (2, False, Severity.FAIL),
    ],
)
def test_lost_images_are_told_from_shared_memory_that_is_off(
    received: int, shared_memory: bool, status: Severity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RMW_IMPLEMENTATION", "rmw_fastrtps_cpp")
    median_ms = 1.0 if received else None
    answer = {"sent": 60, "received": received, "median_ms": median_ms, "shared_memory": shared_memory}
    finding = ros.judge_images(answer, "640x480 at 30 Hz")
    assert finding.status is status and finding.text.startswith(f"{received} of 60 images, 640x480 at 30 Hz")
    assert ("shared memory is off" in finding.text) is not shared_memory


def test_mujoco_draws_in_a_process_of_its_own() -> None:
    assert rendering().text.partition(" for 64x64 by ")[1]


def test_a_renderer_that_fails_is_reported_with_its_last_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUJOCO_GL", "abacus")
    finding = rendering()
    assert finding.status is Severity.FAIL
    assert "abacus" in finding.text and "libegl1" in finding.advice


def test_only_failures_count_for_the_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    some = {"a": lambda: good("fine"), "b": lambda: warning("no camera", "connect one")}
    monkeypatch.setattr(doctor, "CHECKS", some)
    answer = CliRunner().invoke(app, ["doctor"])
    assert (answer.exit_code, answer.output.splitlines()[-1]) == (0, "ready")
    assert "→ connect one" in answer.output
    monkeypatch.setattr(doctor, "CHECKS", {**some, "c": lambda: failure("broken", "mend it")})
    answer = CliRunner().invoke(app, ["doctor"])
    assert (answer.exit_code, answer.output.splitlines()[-1]) == (1, "1 of 3 checks failed")
