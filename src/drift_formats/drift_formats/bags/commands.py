"""What somebody else's arm was told, in the messages that drivers take."""

from typing import Any

import numpy as np
from drift_control.robot.pose import Pose, pose_to_action, rotation_from_quaternion
from drift_control.robot.robot import Robot
from drift_core.errors import DataError
from drift_core.messages.steps import seconds

from drift_formats.bags.storages import BagMessage

_NAMED = ("sensor_msgs/msg/JointState", "trajectory_msgs/msg/JointTrajectory")
_NUMBERS = "std_msgs/msg/Float64MultiArray"
_POSE = "geometry_msgs/msg/PoseStamped"


class ArmCommands:
    """Commands of one topic as joint positions or as poses of the TCP."""

    def __init__(self, robot: Robot, theirs: dict[str, str]) -> None:
        """`theirs`: names of joints in the bag, by ours, where they differ."""
        self._robot = robot
        self._names = [theirs.get(name, name) for name in robot.config.joint_names]
        self.cut = 0  # trajectories of which only the first point was taken

    def joints(self, message: BagMessage, msg: Any) -> tuple[np.ndarray, float] | None:
        """Return joint positions (J,) and how long after the message they are due; None for a pose."""
        kind, after_s = message.topic.type.name, 0.0
        if kind == _POSE:
            return None
        if kind == _NUMBERS:
            names, positions = self._names, msg.data
        elif kind == _NAMED[0]:
            names, positions = list(msg.name), msg.position
        elif kind == _NAMED[1]:
            if not len(msg.points):
                raise DataError(f"{message}: has no points")
            self.cut += len(msg.points) > 1
            names, positions = list(msg.joint_names), msg.points[0].positions
            after_s = seconds(msg.points[0].time_from_start)
        else:
            allowed = ", ".join((*_NAMED, _NUMBERS, _POSE))
            raise DataError(f"{message.topic}: {kind} is no command of an arm; allowed: {allowed}")
        if len(names) != len(positions) or not set(self._names) <= set(names):
            told = f"{len(positions)} positions of {', '.join(names)}"
            raise DataError(f"{message}: has {told}; needed: {', '.join(self._names)}")
        by_name = dict(zip(names, positions, strict=True))
        return np.array([by_name[name] for name in self._names], float), after_s

    def action(self, message: BagMessage, msg: Any, gripper_m: float) -> np.ndarray:
        """Return a pose of the TCP and the opening as an action (10,)."""
        frame, base = msg.header.frame_id, self._robot.config.base_frame
        if frame not in ("", base):
            raise DataError(f"{message}: frame_id={frame!r} must be the robot's base {base!r}")
        position, turned = msg.pose.position, msg.pose.orientation
        try:
            rotation = rotation_from_quaternion(np.array([turned.x, turned.y, turned.z, turned.w]))
        except ValueError as error:
            raise DataError(f"{message}: {error}") from error
        return pose_to_action(Pose(np.array([position.x, position.y, position.z]), rotation), gripper_m)


def opening_of(message: BagMessage, msg: Any, robot: Robot, theirs: dict[str, str]) -> float:
    """Return the opening [m] that a gripper was told."""
    kind = message.topic.type.name
    if kind == "std_msgs/msg/Float64":
        return float(msg.data)
    if kind == _NUMBERS and len(msg.data) == 1:
        return float(msg.data[0])
    gripper = robot.config.gripper
    named = dict(zip(msg.name, msg.position, strict=False)) if kind == _NAMED[0] else {}
    positions = {joint: named.get(theirs.get(joint, joint)) for joint in gripper.joints}
    if kind == _NUMBERS and len(msg.data) == len(gripper.joints):
        positions = dict(zip(gripper.joints, msg.data, strict=True))
    elif kind != _NAMED[0]:
        raise DataError(f"{message.topic}: {kind} of {len(getattr(msg, 'data', ()))} numbers is no opening")
    if missing := [joint for joint, position in positions.items() if position is None]:
        raise DataError(f"{message}: has no joint {missing[0]}")
    return gripper.opening_m({joint: float(q) for joint, q in positions.items() if q is not None})
