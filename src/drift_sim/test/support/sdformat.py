"""Gazebo's own reader of SDF and URDF (`gz sdf`, or `ign sdf` of Debian), and where it puts things."""

import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import numpy as np


def sdf(option: str, path: Path) -> str:
    """Return what the program says; AssertionError with its words where it finds a fault."""
    program = next((name for name in ("gz", "ign") if shutil.which(name)), None)
    assert program, "neither gz nor ign is installed: make test-setup"
    done = subprocess.run([program, "sdf", option, str(path)], capture_output=True, text=True, timeout=60)
    said = [line for line in done.stderr.splitlines() if "libignition-tools-backward" not in line]
    assert done.returncode == 0 and not [line for line in said if line.strip()], (done.stdout, said)
    return done.stdout


def check_urdf(path: Path) -> str:
    """Return what liburdfdom reads; AssertionError where it cannot."""
    done = subprocess.run(["check_urdf", str(path)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class Placed:
    """A world as sdformat read it, every joint at zero: elements by name, with their frames in the world."""

    def __init__(self, world_file: Path) -> None:
        (self.world,) = ElementTree.fromstring(sdf("-p", world_file))
        self.found: dict[str, tuple[Element, np.ndarray]] = {}  # frames (4, 4)
        for model in self.world.findall("model"):
            self._read(model)

    def one(self, tag: str, part: str) -> tuple[Element, np.ndarray]:
        """Return the one element of this tag whose name has `part` in it: sdformat renames what it merges."""
        (found,) = (
            value for name, value in self.found.items() if name.startswith(f"{tag}:") and part in name
        )
        return found

    def _read(self, model: Element) -> None:
        frames = {"__model__": _frame(model.find("pose")), "world": np.eye(4)}
        left = [*model.findall("link"), *model.findall("joint")]
        while left:
            item = left.pop(0)
            at = item.find("pose")
            default = "__model__" if item.tag == "link" else str(item.findtext("child"))
            above = (at.get("relative_to") if at is not None else None) or default
            if above not in frames:
                left.append(item)
                continue
            frames[str(item.get("name"))] = frames[above] @ _frame(at)
        for link in model.findall("link"):
            self.found[f"link:{link.get('name')}"] = link, frames[str(link.get("name"))]
            for item in link:
                if item.tag in ("visual", "collision", "sensor"):
                    frame = frames[str(link.get("name"))] @ _frame(item.find("pose"))
                    self.found[f"{item.tag}:{model.get('name')}::{item.get('name')}"] = item, frame


def _frame(pose: Element | None) -> np.ndarray:
    frame = np.eye(4)
    if pose is None or not pose.text:
        return frame
    x, y, z, roll, pitch, yaw = map(float, pose.text.split())
    frame[:3, :3] = _turn(yaw, 0, 1) @ _turn(pitch, 2, 0) @ _turn(roll, 1, 2)
    frame[:3, 3] = x, y, z
    return frame


def _turn(angle_rad: float, a: int, b: int) -> np.ndarray:
    """A turn that takes axis `a` towards axis `b`."""
    turn = np.eye(3)
    turn[a, a] = turn[b, b] = np.cos(angle_rad)
    turn[b, a], turn[a, b] = np.sin(angle_rad), -np.sin(angle_rad)
    return turn
