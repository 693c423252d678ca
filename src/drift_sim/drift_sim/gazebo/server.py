"""The program `gazebo_server`: becomes Gazebo's server on a world, headless."""

import os
import shutil
import sys
from pathlib import Path

_FOUND_BY = "GZ_SIM_SYSTEM_PLUGIN_PATH"


def command(world: str) -> list[str]:
    """Return the words that run `world` from the start, without a window; cameras draw without a screen."""
    return ["gz", "sim", "-s", "-r", "--headless-rendering", world]


def environment(before: dict[str, str]) -> dict[str, str]:
    """Return the environment in which Gazebo finds the plug-in of gz_ros2_control: lib of each prefix."""
    prefixes = filter(None, before.get("AMENT_PREFIX_PATH", "").split(os.pathsep))
    libraries = [str(Path(prefix) / "lib") for prefix in prefixes]
    return {**before, _FOUND_BY: os.pathsep.join(filter(None, [before.get(_FOUND_BY, ""), *libraries]))}


def main() -> int:
    """`gazebo_server WORLD [ROS arguments, which are not for it]`; 2 where it cannot start."""
    if len(sys.argv) < 2 or shutil.which("gz") is None:
        said = (
            "gz is not installed: sudo apt install ros-$ROS_DISTRO-ros-gz"
            if sys.argv[1:]
            else "WORLD is missing"
        )
        print(f"error: {said}", file=sys.stderr)
        return 2
    os.execvpe("gz", command(sys.argv[1]), environment(dict(os.environ)))


if __name__ == "__main__":
    sys.exit(main())
