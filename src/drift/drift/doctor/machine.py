"""Python, disk and devices."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from expert_gate_node.spacemouse import NOT_OPEN

from drift.doctor.finding import Finding, failure, good, warning
from drift.joystick.devices import spacemice
from drift.shared_memory import FOLDER, remove_dead

_GIB = 1024**3


def python(version: Sequence[int] = sys.version_info[:3]) -> Finding:
    """ROS wheels exist for 3.11 and 3.12; MuJoCo needs 3.11."""
    text = f"{'.'.join(map(str, version))} at {sys.executable}"
    if tuple(version[:2]) < (3, 11):
        return failure(text, "install Python 3.11 or 3.12, then: PYTHON=python3.11 make setup")
    if tuple(version[:2]) > (3, 12):
        return warning(text, "tested with 3.11 and 3.12 only")
    return good(text)


def disk(free_bytes: int | None = None) -> Finding:
    """Episodes are lossless images: some 100 MB for an hour."""
    free = shutil.disk_usage(Path.cwd()).free if free_bytes is None else free_bytes
    text = f"{free / _GIB:.1f} GiB free in {Path.cwd()}"
    if free < _GIB:
        return failure(text, "free some space, or work in another folder")
    return good(text) if free >= 10 * _GIB else warning(text, "long sessions need some 10 GiB")


def shared_memory(free_bytes: int | None = None, folder: Path = FOLDER) -> Finding:
    """Fast DDS maps a segment of 17 MiB for each process; Docker gives 64 MiB in all by default.

    What killed processes have left is removed first.
    """
    if free_bytes is None and not folder.is_dir():
        return warning(f"no {folder}: shared memory is off", "images go over UDP; mount a tmpfs there")
    removed = remove_dead(folder)
    free = shutil.disk_usage(folder).free if free_bytes is None else free_bytes
    text = f"{free / 1024**2:.0f} MiB free in {folder}" + (f"; {removed}" if removed.segments else "")
    if free < 256 * 1024**2:
        return warning(text, "give it 1 GiB: docker run --shm-size=1g, or remount /dev/shm with size=1g")
    return good(text)


def gpu() -> Finding:
    """A GPU is optional; a CPU build of torch beside one is a waste."""
    build = metadata.version("torch")
    if shutil.which("nvidia-smi") is None:
        return warning(f"none found, torch {build}", "nothing to do: the demo is made for two CPU cores")
    query = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=20, check=True)
    except (subprocess.SubprocessError, OSError) as error:
        return warning(f"nvidia-smi does not answer: {error}", "check the driver, or go on without a GPU")
    text = f"{answer.stdout.strip().splitlines()[0]}, torch {build}"
    if "+cpu" in build:
        return warning(text, "torch is a CPU build: remove .venv and run make setup")
    return good(text)


def cameras() -> Finding:
    """Cameras of a real arm."""
    return _devices("/dev", "video*", "camera", "video")


def joystick() -> Finding:
    """A joystick for a person, or a SpaceMouse."""
    mice = {f"/dev/{place}": name for place, name in spacemice().items()}
    said = ", ".join(f"{name} at {path}" for path, name in mice.items())
    if closed := [path for path in mice if not os.access(path, os.R_OK | os.W_OK)]:
        return warning(f"not readable: {', '.join(closed)} ({said})", NOT_OPEN)
    found = _devices("/dev/input", "js*", "joystick", "input")
    if not mice:
        return found
    return good(said if found.text.startswith("no ") else f"{said}, {found.text}")


def _devices(folder: str, pattern: str, what: str, group: str) -> Finding:
    paths = sorted(Path(folder).glob(pattern))
    if not paths:
        return warning(f"no {folder}/{pattern}", f"connect a {what}; not needed in simulation")
    closed = [str(path) for path in paths if not os.access(path, os.R_OK)]
    if closed:
        return warning(
            f"not readable: {', '.join(closed)}", f"sudo usermod -aG {group} $USER, then log in again"
        )
    return good(", ".join(map(str, paths)))
