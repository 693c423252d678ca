"""ROS 2, the built workspace, and images over DDS. Imports no ROS: that happens in separate processes."""

import importlib.util
import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from importlib import metadata

from drift.doctor.finding import Finding, failure, good, warning
from drift.errors import UserError
from drift.ros_command import executable

_EXECUTABLES = (
    ("drift_sim", "node"),
    ("drift_sim", "expert"),
    ("expert_gate_node", "node"),
    ("drift_policy_node", "node"),
    ("trainer_node", "node"),
)
_IMAGE_BYTES = 640 * 480 * 3
_IMAGES, _IMAGES_S = 10, 15.0  # so many must arrive, within this time


def ros() -> Finding:
    """Is rclpy importable, and from where."""
    if importlib.util.find_spec("rclpy") is None:
        return failure("rclpy was not found", "source env.sh (or setup.bash of your ROS distribution)")
    try:
        return good(f"ROS 2 Kilted from PyPI, rclpy {metadata.version('ros-kilted-rclpy')}")
    except metadata.PackageNotFoundError:
        return good(f"ROS 2 {os.environ.get('ROS_DISTRO', 'of unknown distribution')}")


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
    middleware = os.environ.get("RMW_IMPLEMENTATION", "rmw_fastrtps_cpp")
    if "fastrtps" not in middleware:
        return good(f"not needed with {middleware}")
    path = os.environ.get("FASTDDS_DEFAULT_PROFILES_FILE")
    if not path:
        return failure(
            "FASTDDS_DEFAULT_PROFILES_FILE is not set", "source env.sh; without it 640x480 images get lost"
        )
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


def image_loopback() -> Finding:
    """Send 640x480 best-effort images from one process to another."""
    program = [sys.executable, "-m", "drift.ros.image_loopback"]
    topic = f"drift_doctor_{os.getpid()}/image_raw"
    with subprocess.Popen([*program, "send", topic], stdin=subprocess.PIPE) as sender:
        try:
            receiver = subprocess.run(
                [*program, "receive", topic, str(_IMAGES), str(_IMAGES_S)],
                capture_output=True,
                text=True,
                timeout=_IMAGES_S + 15.0,
            )
        except subprocess.TimeoutExpired:
            return failure("the receiver hangs", "look for other ROS processes; try another ROS_DOMAIN_ID")
        finally:
            sender.kill()
    if receiver.returncode != 0:
        last = (receiver.stderr.strip().splitlines() or ["no message"])[-1]
        return failure(f"the receiver failed: {last}", "see the checks above")
    answer = json.loads(receiver.stdout)
    text = f"{answer['received']} of {_IMAGES} images, 640x480, best effort"
    if answer["received"] < _IMAGES:
        return failure(text, "source env.sh (DDS profile); see /dev/shm above; try another ROS_DOMAIN_ID")
    return good(f"{text}, median {answer['median_ms']:.1f} ms")
