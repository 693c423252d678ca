"""env.sh, as a shell reads it."""

import os
import subprocess
from importlib import metadata

from drift.configuration import share_folder


def test_the_distribution_of_a_ros_from_pypi_is_said() -> None:
    (wheel,) = (
        dist.metadata["Name"].split("-")[1]
        for dist in metadata.distributions()
        if dist.metadata["Name"].startswith("ros-") and dist.metadata["Name"].count("-") == 2
        if dist.metadata["Name"].endswith("-rclpy")
    )
    bare = {name: value for name, value in os.environ.items() if name != "ROS_DISTRO"}
    script = '. ./env.sh && echo "$ROS_DISTRO"'
    said = subprocess.run(
        ["bash", "-c", script], cwd=share_folder(), env=bare, capture_output=True, text=True, timeout=60
    )
    assert (said.stdout.strip(), said.stderr) == (wheel, "")
