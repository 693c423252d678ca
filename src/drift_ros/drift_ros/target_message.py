"""Where the arm shall go, as the fields that a goal of gate/home and a question to planner/plan share."""

from typing import Any

import numpy as np
from drift_control.planning.planner import NoWay
from drift_control.planning.target import HOME, Joints, Named, Target, TcpPose
from drift_control.robot.pose import Pose, quaternion_from_rotation, rotation_from_quaternion
from geometry_msgs.msg import Point, Quaternion
from geometry_msgs.msg import Pose as PoseMessage


def to_target(message: Any) -> Target:
    """Return the target of a Home.Goal or Plan.Request; NoWay where it says none."""
    if message.target == message.NAMED:
        return Named(message.name or HOME.name)
    if message.target == message.JOINTS:
        return Joints(np.array(message.joints_rad, dtype=float))
    if message.target == message.POSE:
        p, q = message.pose.position, message.pose.orientation
        position = np.array((p.x, p.y, p.z))
        if not np.isfinite(position).all():
            raise NoWay(f"pose: position={position.tolist()} must be finite")
        try:
            return TcpPose(Pose(position, rotation_from_quaternion(np.array((q.x, q.y, q.z, q.w)))))
        except ValueError as error:
            raise NoWay(f"pose: {error}") from error
    raise NoWay(f"target={message.target} must be NAMED (0), JOINTS (1) or POSE (2)")


def put_target(message: Any, target: Target) -> Any:
    """Write a target into a Home.Goal or Plan.Request, and return that."""
    if isinstance(target, Named):
        message.target, message.name = message.NAMED, target.name
    elif isinstance(target, Joints):
        message.target, message.joints_rad = message.JOINTS, target.q.tolist()
    else:
        x, y, z = target.pose.position.tolist()
        qx, qy, qz, qw = quaternion_from_rotation(target.pose.rotation).tolist()
        message.target = message.POSE
        message.pose = PoseMessage(
            position=Point(x=x, y=y, z=z), orientation=Quaternion(x=qx, y=qy, z=qz, w=qw)
        )
    return message
