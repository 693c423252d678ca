"""What a simulation says about its cell: where the things are, and what became of the task."""

import numpy as np
from drift_control.robot.pose import Pose
from drift_interfaces.msg import Outcome
from drift_ros import qos
from geometry_msgs.msg import Point, PoseArray, Quaternion
from geometry_msgs.msg import Pose as PoseMessage
from rclpy.node import Node

from drift_sim.mjcf import quaternion
from drift_sim.scenes.scene import TaskOutcome, Truth
from drift_sim.world import World

_SCORE_STEP = 0.01  # a score that has changed by less is not told anew

_TEXT = {
    TaskOutcome.RUNNING: "",
    TaskOutcome.SUCCESS: "the object rests on its goal",
    TaskOutcome.FAILURE: "the object left the table",
}


class Judgement:
    """Publishers of `sim/ground_truth` and `task/outcome`."""

    def __init__(self, node: Node, base_frame: str) -> None:
        self._base_frame = base_frame
        self._truth = node.create_publisher(PoseArray, "sim/ground_truth", qos.GROUND_TRUTH)
        self._outcome = node.create_publisher(Outcome, "task/outcome", qos.LATCHED)
        self._reset_at = node.get_clock().now().to_msg()
        self._told: tuple[TaskOutcome | None, float] = None, 0.0

    def publish_truth(self, truth: Truth, stamp) -> None:
        """Object and goal in the base frame."""
        message = PoseArray(poses=[to_pose_message(truth.object), to_pose_message(truth.goal)])
        message.header.stamp, message.header.frame_id = stamp, self._base_frame
        self._truth.publish(message)

    def publish_reset(self, world: World, seed: int, stamp) -> None:
        """A new attempt: `seed` has set the cell up."""
        self._reset_at = stamp
        self._publish_outcome(world, seed, stamp)

    def publish_change(self, world: World, seed: int, stamp) -> None:
        """Tell anew what became of the attempt where the outcome is another one, or the score."""
        outcome, score = self._told
        if world.outcome() != outcome or abs(world.score() - score) >= _SCORE_STEP:
            self._publish_outcome(world, seed, stamp)

    def _publish_outcome(self, world: World, seed: int, stamp) -> None:
        outcome, score = self._told = world.outcome(), world.score()
        message = Outcome(
            result=int(outcome),
            judged_by=Outcome.BY_SIMULATION,
            seed=seed,
            reset_at=self._reset_at,
            score=score,
            text=_TEXT[outcome],
        )
        message.header.stamp = stamp
        self._outcome.publish(message)


def to_pose_message(pose: Pose) -> PoseMessage:
    """Return a pose as ROS writes it."""
    px, py, pz = (float(value) for value in pose.position)
    return PoseMessage(position=Point(x=px, y=py, z=pz), orientation=to_quaternion(pose.rotation))


def to_quaternion(rotation: np.ndarray) -> Quaternion:
    """Return a rotation (3, 3) as ROS writes it."""
    w, x, y, z = (float(value) for value in quaternion(rotation))
    return Quaternion(x=x, y=y, z=z, w=w)
