"""What both ways to MoveIt share: its group, the cell as collision objects, its trajectories and error codes.

A target is joint positions when it gets here: names and poses mean what the robot's file says they mean.
"""

from importlib import import_module
from typing import Any

import numpy as np
from drift_control.planning.planner import NoWay
from drift_control.robot.config import Box
from drift_control.robot.robot import Robot
from geometry_msgs.msg import Pose

from drift_planner_node.config import PlannerConfig

GOAL_TOLERANCE_RAD = 1e-4
TABLE_THICKNESS_M = 0.1
# The arm without its hand, as the makers' MoveIt configurations call it.
_GROUPS = {"panda": "panda_arm", "fr3": "fr3_arm"}
_UNIVERSAL_ROBOTS = "ur_manipulator"


def group(config: PlannerConfig, robot: Robot) -> str:
    """Return MoveIt's name for the joints of the arm."""
    return config.moveit_group or _GROUPS.get(robot.arm.name, _UNIVERSAL_ROBOTS)


def boxes(robot: Robot) -> list[Box]:
    """Return the cell as boxes in the base frame: those to keep out of, and the table below the workspace."""
    workspace = robot.config.workspace
    (x0, y0, _), (x1, y1, _), z = workspace.low_m, workspace.high_m, workspace.table_m
    table = Box("table", (x0, y0, z - TABLE_THICKNESS_M), (x1, y1, z))
    return [table, *workspace.keep_out]


def collision_objects(robot: Robot) -> list[Any]:
    """Return the cell as messages; each replaces the object of its name."""
    message = import_module("moveit_msgs.msg").CollisionObject
    solid = import_module("shape_msgs.msg").SolidPrimitive
    objects = []
    for box in boxes(robot):
        low, high = np.array(box.low_m), np.array(box.high_m)
        pose = Pose()
        pose.position.x, pose.position.y, pose.position.z = ((low + high) / 2.0).tolist()
        pose.orientation.w = 1.0
        found = message(id=f"drift/{box.name}", operation=message.ADD, primitive_poses=[pose])
        found.primitives = [solid(type=solid.BOX, dimensions=(high - low).tolist())]
        found.header.frame_id = robot.config.base_frame
        found.pose.orientation.w = 1.0
        objects.append(found)
    return objects


def way(robot: Robot, trajectory: Any, start: np.ndarray, goal: np.ndarray) -> np.ndarray:
    """Return the points (P, J) [rad] of a JointTrajectory in the robot's order, from `start` to `goal` (J,).

    MoveIt ends within a tolerance of the goal. Raises NoWay where joints of the arm are missing.
    """
    names = list(trajectory.joint_names)
    missing = sorted(set(robot.config.joint_names) - set(names))
    if missing or not trajectory.points:
        raise NoWay(f"MoveIt's trajectory lacks {', '.join(missing) or 'points'}; is moveit_group the arm's?")
    order = [names.index(name) for name in robot.config.joint_names]
    points = np.array([[point.positions[i] for i in order] for point in trajectory.points])
    return np.concatenate((start[None], points[1:-1], goal[None]))


def reason(code: int) -> str:
    """Return an error code of MoveIt in words."""
    codes = import_module("moveit_msgs.msg").MoveItErrorCodes
    names = (name for name in dir(codes) if name.isupper() and getattr(codes, name) == code)
    return f"MoveIt: {next(names, 'error')} ({code})"
