"""A ROS domain for each test process: other processes on this machine are not heard."""

import os

os.environ["ROS_DOMAIN_ID"] = str(1 + os.getpid() % 100)
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
os.environ["ROS_PYTHON_CHECK_FIELDS"] = "1"

import pytest  # noqa: E402
import rclpy  # noqa: E402


@pytest.fixture
def ros():
    """rclpy, initialised for one test."""
    rclpy.init()
    yield rclpy
    rclpy.try_shutdown()
