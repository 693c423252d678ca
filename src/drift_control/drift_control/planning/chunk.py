"""The joint positions that a chunk of the policy asks for."""

import numpy as np

from drift_control.inputs import Chunk
from drift_control.robot import ik
from drift_control.robot.pose import Array, action_to_pose
from drift_control.robot.robot import Robot


def chunk_joints(robot: Robot, chunk: Chunk, start: Array) -> Array:
    """Return joint positions (N, J) [rad] for the steps of a chunk, each found from the one before it.

    `start` (J,): where the arm is. A pose that is out of reach is gone to as near as the arm gets.
    """
    if chunk.action_space == "joint_position":
        return np.array([robot.nearest_turn(row, start) for row in chunk.data[:, : robot.n_joints]])
    joints = []
    for row in chunk.data:
        pose, _ = action_to_pose(row)
        start = ik.solve(robot, pose, start).q
        joints.append(start)
    return np.array(joints)
