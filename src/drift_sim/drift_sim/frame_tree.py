"""Where the links of a description (URDF) are: what robot_state_publisher computes."""

from collections.abc import Mapping
from dataclasses import dataclass
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import numpy as np
from drift_control.robot.pose import rotation_from_vector


@dataclass(frozen=True, eq=False)
class Link:
    """A link in its parent."""

    parent: str
    child: str
    pose: np.ndarray  # (4, 4)


class FrameTree:
    """The joints of a URDF: fixed ones, and ones that turn or slide."""

    def __init__(self, urdf: str) -> None:
        self._joints = ElementTree.fromstring(urdf).findall("joint")
        self._moving = [joint for joint in self._joints if joint.get("type") != "fixed"]

    @property
    def frames(self) -> set[str]:
        """The names of all links."""
        return {_named(joint, end) for joint in self._joints for end in ("parent", "child")}

    @property
    def fixed(self) -> list[Link]:
        """The links that never move in their parents."""
        return [_link(joint, 0.0) for joint in self._joints if joint.get("type") == "fixed"]

    def moving(self, positions: Mapping[str, float]) -> list[Link]:
        """Return the links that move, at `positions` by joint [rad or m]; others are left out."""
        return [
            _link(joint, positions[str(joint.get("name"))])
            for joint in self._moving
            if joint.get("name") in positions
        ]


def _link(joint: Element, position: float) -> Link:
    pose = np.eye(4)
    if (origin := joint.find("origin")) is not None:
        pose[:3, 3] = _numbers(origin.get("xyz", "0 0 0"))
        roll, pitch, yaw = _numbers(origin.get("rpy", "0 0 0"))
        pose[:3, :3] = _about(2, yaw) @ _about(1, pitch) @ _about(0, roll)
    if joint.get("type") != "fixed":
        element = joint.find("axis")
        axis = _numbers("1 0 0" if element is None else element.get("xyz", "1 0 0"))
        motion = np.eye(4)
        if joint.get("type") == "prismatic":
            motion[:3, 3] = axis * position
        else:
            motion[:3, :3] = rotation_from_vector(axis * position)
        pose = pose @ motion
    return Link(_named(joint, "parent"), _named(joint, "child"), pose)


def _about(axis: int, angle_rad: float) -> np.ndarray:
    return rotation_from_vector(np.eye(3)[axis] * angle_rad)


def _numbers(text: str) -> np.ndarray:
    return np.array([float(number) for number in text.split()])


def _named(joint: Element, end: str) -> str:
    element = joint.find(end)
    return "" if element is None else str(element.get("link"))
