"""Targets and plans between messages and `drift_control`."""

from collections.abc import Sequence

import numpy as np
from drift_control.planning.plan import Plan
from drift_control.planning.planner import NoWay
from drift_control.planning.targets import Joints, Named, Target, TcpPose
from drift_control.robot.pose import Pose, rotation_from_quaternion
from drift_interfaces.srv import Plan as PlanService
from rclpy.duration import Duration
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint


def to_target(request: PlanService.Request) -> Target:
    """Return where a plan shall end; NoWay where the request does not say."""
    if request.target == PlanService.Request.NAMED:
        return Named(request.name)
    if request.target == PlanService.Request.JOINTS:
        return Joints(np.array(request.joints_rad, dtype=float))
    if request.target == PlanService.Request.POSE:
        p, q = request.pose.position, request.pose.orientation
        try:
            rotation = rotation_from_quaternion(np.array((q.x, q.y, q.z, q.w)))
        except ValueError as error:
            raise NoWay(f"pose: {error}") from error
        return TcpPose(Pose(np.array((p.x, p.y, p.z)), rotation))
    raise NoWay(f"target={request.target} must be NAMED (0), JOINTS (1) or POSE (2)")


def to_trajectory(joint_names: Sequence[str], plan: Plan) -> JointTrajectory:
    """Return a plan as a message."""
    points = [
        JointTrajectoryPoint(positions=q.tolist(), time_from_start=Duration(seconds=float(due_s)).to_msg())
        for q, due_s in zip(plan.points, plan.times_s, strict=True)
    ]
    return JointTrajectory(joint_names=list(joint_names), points=points)
