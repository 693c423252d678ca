"""Where the configuration lies, and which robots, tasks, joysticks and training recipes there are."""

import os
from collections.abc import Iterator
from pathlib import Path

from drift.errors import UserError

FOLDERS = {
    "robot": "robots",
    "gripper": "grippers",
    "task": "tasks",
    "camera": "cameras",
    "joystick": "joysticks",
    "board": "boards",
    "train": "train",
    "demo": "demos",
}

_FAST_DDS_2 = ("humble", "iron", "jazzy")


def share_folder() -> Path:
    """Return the folder that holds `config/` and `launch/`: a checkout, or `share/drift` of an installation.

    The one that belongs to this very file wins; after it the prefixes of AMENT_PREFIX_PATH.
    """
    for folder in _candidates(Path(__file__).resolve()):
        if all((folder / "config" / name).is_dir() for name in FOLDERS.values()):
            return folder
    raise UserError(
        "the configuration of drift was not found: source env.sh, or the setup.bash of its workspace"
    )


def choices(kind: str) -> list[str]:
    """Return the names there are of one kind ("robot", "gripper", "task", "camera", …)."""
    return sorted(path.stem for path in (share_folder() / "config" / FOLDERS[kind]).glob("*.yaml"))


def config_file(kind: str, name: str) -> Path:
    """Return the file that describes `name`, or an arm with another hand, `arm+hand`.

    UserError names the allowed ones.
    """
    if kind == "robot" and "+" in name:  # an arm with another hand than its usual one
        arm, _, hand = name.partition("+")
        config_file("gripper", hand)
        return config_file("robot", arm).with_stem(name)
    allowed = choices(kind)
    if name not in allowed:
        raise UserError(f"{kind}={name} must be one of: {', '.join(allowed)}")
    return share_folder() / "config" / FOLDERS[kind] / f"{name}.yaml"


def nodes_file() -> Path:
    """Return the parameters of all nodes."""
    return share_folder() / "config" / "nodes.yaml"


def moveit_file() -> Path:
    """Return the parameters of MoveIt, where it plans inside our process."""
    return share_folder() / "config" / "moveit" / "moveit_py.yaml"


def calibration_folder() -> Path:
    """Return where the places of cameras are, as measured; it need not exist."""
    return share_folder() / "config" / "calibration"


def dds_profile() -> Path:
    """Return the Fast DDS profile with a shared-memory segment that fits camera images."""
    return share_folder() / "config" / "dds" / "shared_memory.xml"


def uses_fast_dds() -> bool:
    """Return whether nodes talk by Fast DDS, which is ROS's own choice."""
    return "fastrtps" in os.environ.get("RMW_IMPLEMENTATION", "rmw_fastrtps_cpp")


def dds_profile_variable() -> str:
    """Return where Fast DDS looks for the file: version 2 knows one name only, version 3 warns of that."""
    old = os.environ.get("ROS_DISTRO") in _FAST_DDS_2
    return "FASTRTPS_DEFAULT_PROFILES_FILE" if old else "FASTDDS_DEFAULT_PROFILES_FILE"


def _candidates(here: Path) -> Iterator[Path]:
    for parent in here.parents:
        yield parent
        yield parent / "share" / "drift"
    for prefix in filter(None, os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep)):
        yield Path(prefix) / "share" / "drift"
