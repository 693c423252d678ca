"""A stand-in for MoveIt's move_group, from its sources (moveit2: jazzy 4d84106, kilted 4373855).

What it keeps of the original: `apply_planning_scene` takes objects in frames that it knows, each replacing
the one of its id; `plan_kinematic_path` plans for the group and start state of the request in that scene, and
answers with a trajectory in the order of its own joints, or with an error code alone, which is FAILURE
whatever went wrong; `check_state_validity` names the bodies that touch. It executes nothing.
"""

from dataclasses import replace
from importlib import import_module

import numpy as np
from drift_control.planning.planner import NoWay
from drift_control.planning.planners.ompl import OmplPlanner
from drift_control.planning.scene import Scene
from drift_control.robot.config import Box
from drift_control.robot.robot import Robot
from rclpy.duration import Duration
from rclpy.node import Node
from trajectory_msgs.msg import JointTrajectoryPoint


class MoveGroup(Node):
    """One arm, whose robot description this node has: `robot`, its cell left out."""

    def __init__(self, robot, group):
        super().__init__("move_group")
        self._robot, self._group = robot, group
        self._names = list(reversed(robot.config.joint_names))
        self.objects = {}  # id -> Box
        self.blind = False  # it sees none of the objects
        self.asked = []  # requests for plans
        self._codes = import_module("moveit_msgs.msg").MoveItErrorCodes
        self._contact = import_module("moveit_msgs.msg").ContactInformation
        services = import_module("moveit_msgs.srv")
        self.create_service(services.GetMotionPlan, "plan_kinematic_path", self._on_plan)
        self.create_service(services.ApplyPlanningScene, "apply_planning_scene", self._on_apply)
        self.create_service(services.GetStateValidity, "check_state_validity", self._on_check)

    def _on_apply(self, request, response):
        assert request.scene.is_diff  # else the whole scene would be replaced, the robot's state, too
        response.success = True
        for item in request.scene.world.collision_objects:
            if item.header.frame_id != self._robot.config.base_frame or item.operation != item.ADD:
                response.success = False
                continue
            assert len(item.primitives) == len(item.primitive_poses) == 1
            centre = item.pose.position, item.primitive_poses[0].position
            middle = np.array([sum(getattr(p, axis) for p in centre) for axis in "xyz"])
            half = np.array(item.primitives[0].dimensions) / 2.0
            low, high = tuple((middle - half).tolist()), tuple((middle + half).tolist())
            self.objects[item.id] = Box(item.id, low, high)
        return response

    def _on_plan(self, request, response):
        asked, answer = request.motion_plan_request, response.motion_plan_response
        self.asked.append(asked)
        try:
            (goal,) = asked.goal_constraints
            start, end = self._joints(asked.start_state), self._constrained(goal)
            if asked.group_name != self._group or start is None or not asked.allowed_planning_time > 0.0:
                raise NoWay("not for this robot")
            points = OmplPlanner(self._scene(), seed=3).way(start, end, asked.allowed_planning_time)
        except (NoWay, ValueError):
            answer.error_code.val = self._codes.FAILURE
            return response
        answer.error_code.val, answer.group_name = self._codes.SUCCESS, self._group
        trajectory = answer.trajectory.joint_trajectory
        trajectory.joint_names = self._names
        dense = [points[:1]]
        for a, b in zip(points[:-1], points[1:], strict=True):
            dense.append(np.linspace(a, b, 2 + int(np.abs(b - a).max() / 0.1))[1:])
        for i, q in enumerate(np.concatenate(dense)):
            due = Duration(seconds=0.1 * i).to_msg()
            trajectory.points.append(JointTrajectoryPoint(positions=q[::-1].tolist(), time_from_start=due))
        return response

    def _on_check(self, request, response):
        q = self._joints(request.robot_state)
        found = self._scene().objection(q[None])
        response.valid = found is None
        if found is not None:
            response.contacts = [self._contact(contact_body_1="panda_hand", contact_body_2="drift/post")]
        return response

    def _scene(self):
        boxes = () if self.blind else tuple(b for name, b in self.objects.items() if name != "drift/table")
        workspace = replace(self._robot.config.workspace, keep_out=boxes)
        return Scene(Robot(replace(self._robot.config, workspace=workspace)))

    def _joints(self, state):
        told = dict(zip(state.joint_state.name, state.joint_state.position, strict=True))
        if not state.is_diff or set(told) != set(self._robot.config.joint_names):
            return None
        return np.array([told[name] for name in self._robot.config.joint_names])

    def _constrained(self, goal):
        told = {item.joint_name: item for item in goal.joint_constraints}
        if any(item.tolerance_above <= 0.0 or item.tolerance_below <= 0.0 for item in told.values()):
            raise ValueError("a tolerance of zero is met by nothing")
        inside = 0.5e-4  # of the goal: it ends within the tolerance, not at the centre
        return np.array([told[name].position + inside for name in self._robot.config.joint_names])
