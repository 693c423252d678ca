"""Message packages of real arms, MoveIt, simulators and tf2 for the tests that need them, and for those only.

The distribution's packages are used where they are installed. The others are built from
acceptance/ros_interfaces by setup/interfaces.sh (`make test-setup`) into build/ros_interfaces, which nothing
else has on its path.
"""

import ctypes
import functools
import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PACKAGES = (
    "control_msgs",
    "controller_manager_msgs",
    "franka_msgs",
    "moveit_msgs",
    "mujoco_ros2_control_msgs",
    "ros_gz_interfaces",
    "shape_msgs",
    "tf2_msgs",
    "ur_dashboard_msgs",
)
ROOT = Path(__file__).resolve().parents[4]
BUILD = Path(os.environ.get("DRIFT_BUILD", ROOT / "build"))  # of the distribution that env.sh has chosen
INSTALL = BUILD / "ros_interfaces" / "install"


@contextmanager
def message_packages() -> Iterator[None]:
    """Have the packages in this process; afterwards those that are not installed are gone again.

    Raises FileNotFoundError where one is neither installed nor built.
    """
    built = _built()
    if built:
        sys.path.append(str(_site()))
        for library in sorted((INSTALL / "lib").glob("lib*.so")):  # the loader finds what is loaded already
            ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
        importlib.invalidate_caches()
    try:
        yield
    finally:
        if built:
            sys.path.remove(str(_site()))
            for name in [name for name in sys.modules if name.partition(".")[0] in built]:
                del sys.modules[name]


def variables() -> dict[str, str]:
    """Return the environment's variables that give the packages to a process."""
    if not _built():
        return {}
    own = {"PYTHONPATH": _site(), "LD_LIBRARY_PATH": INSTALL / "lib", "AMENT_PREFIX_PATH": INSTALL}
    return {name: f"{path}{os.pathsep}{os.environ.get(name, '')}" for name, path in own.items()}


@functools.cache  # within `message_packages` they would seem to be installed
def _built() -> set[str]:
    missing = {name for name in PACKAGES if importlib.util.find_spec(name) is None}
    if missing and not (INSTALL / "lib").is_dir():
        raise FileNotFoundError(f"{', '.join(sorted(missing))}: neither installed nor built: make test-setup")
    return missing


def _site() -> Path:
    return next((INSTALL / "lib").glob("python3*/site-packages"))
