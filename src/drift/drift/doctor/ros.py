"""ROS 2, the built workspace, and images over DDS. Imports no ROS: that happens in separate processes."""

import importlib.util
import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from importlib import metadata
from typing import Any

from drift.configuration import dds_profile_variable, uses_fast_dds
from drift.doctor.finding import Finding, failure, good, warning
from drift.errors import UserError
from drift.ros_command import executable

_EXECUTABLES = (
    ("drift_sim", "node"),
    ("drift_sim", "expert"),
    ("expert_gate_node", "node"),
    ("drift_planner_node", "node"),
    ("drift_console_node", "node"),
    ("drift_policy_node", "node"),
    ("trainer_node", "node"),
)
_IMAGE_BYTES = 640 * 480 * 3
_LIMIT_S = 60.0  # of the programs that send and receive images
_ENOUGH = 0.9  # of the images; fewer is a failure


def ros() -> Finding:
    """Is rclpy importable, and from where."""
    if importlib.util.find_spec("rclpy") is None:
        return failure("rclpy was not found", "source env.sh (or setup.bash of your ROS distribution)")
    name = os.environ.get("ROS_DISTRO")
    if not name:
        return good("ROS 2 of unknown distribution")
    try:
        return good(f"ROS 2 {name.capitalize()} from PyPI, rclpy {metadata.version(f'ros-{name}-rclpy')}")
    except metadata.PackageNotFoundError:
        return good(f"ROS 2 {name.capitalize()}")


def workspace() -> Finding:
    """Are the interfaces and all nodes built."""
    advice = "make setup, then source env.sh"
    if importlib.util.find_spec("drift_interfaces") is None:
        return failure("drift_interfaces is not built", advice)
    try:
        for package, name in _EXECUTABLES:
            executable(package, name)
    except UserError as error:
        return failure(str(error), advice)
    return good(f"interfaces and {len(_EXECUTABLES)} programs")


def dds_profile() -> Finding:
    """Is the shared-memory segment larger than an image."""
    if not uses_fast_dds():
        return good(f"not needed with {os.environ['RMW_IMPLEMENTATION']}")
    variable = dds_profile_variable()
    path = os.environ.get(variable)
    if not path:
        return failure(f"{variable} is not set", "source env.sh; without it 640x480 images get lost")
    try:
        root = ElementTree.parse(path).getroot()
    except (OSError, ElementTree.ParseError) as error:
        return failure(f"{path}: {error}", "source env.sh in a new terminal")
    sizes = [int(item.text or 0) for item in root.iter() if item.tag.endswith("segment_size")]
    if not sizes or max(sizes) < 4 * _IMAGE_BYTES:
        return warning(
            f"{path}: no shared-memory segment of 4 images", "use config/dds/shared_memory.xml of drift"
        )
    return good(f"{path}, segment of {max(sizes) / 1024**2:.0f} MiB")


def image_loopback(
    width: int = 640, height: int = 480, rate_hz: float = 30.0, duration_s: float = 2.0
) -> Finding:
    """Send best-effort images from one process to another at a camera's size and rate, and count them."""
    topic = f"drift_doctor_{os.getpid()}/image_raw"
    series = [str(width), str(height), str(rate_hz), str(duration_s)]
    program = [sys.executable, "-m", "drift.ros.image_loopback", "receive", topic, *series]
    try:
        receiver = subprocess.run(program, capture_output=True, text=True, timeout=_LIMIT_S)
    except subprocess.TimeoutExpired:
        return failure("the receiver hangs", "look for other ROS processes; try another ROS_DOMAIN_ID")
    if receiver.returncode != 0:
        last = (receiver.stderr.strip().splitlines() or ["no message"])[-1]
        return failure(f"the receiver failed: {last}", "see the checks above")
    return judge_images(json.loads(receiver.stdout), f"{width}x{height} at {rate_hz:g} Hz")


def judge_images(answer: dict[str, Any], what: str) -> Finding:
    """Return what `received` of `sent` images mean; `what` says size and rate."""
    received, sent = answer["received"], answer["sent"]
    text = f"{received} of {sent} images, {what}, best effort"
    text += f", median {answer['median_ms']:.1f} ms" if received else ""
    fast_dds = uses_fast_dds()
    over_udp = fast_dds and not answer["shared_memory"]
    text += "; shared memory is off, images go over UDP" if over_udp else ""
    advice = "see DDS profile and shared memory above; or reliability: reliable in the task file"
    if received < _ENOUGH * sent:
        return failure(text, advice if received else f"{advice}; try another ROS_DOMAIN_ID")
    if received < sent:
        return warning(text, f"if the machine was not busy: {advice}")
    return warning(text, advice) if over_udp else good(text)
