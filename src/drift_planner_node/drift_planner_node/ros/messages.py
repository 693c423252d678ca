"""Plans as messages."""

from collections.abc import Sequence

from drift_control.planning.plan import Plan
from rclpy.duration import Duration
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint


def to_trajectory(joint_names: Sequence[str], plan: Plan) -> JointTrajectory:
    """Return a plan as a message."""
    points = [
        JointTrajectoryPoint(positions=q.tolist(), time_from_start=Duration(seconds=float(due_s)).to_msg())
        for q, due_s in zip(plan.points, plan.times_s, strict=True)
    ]
    return JointTrajectory(joint_names=list(joint_names), points=points)
