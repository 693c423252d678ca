"""MoveIt's move_group, by its services and in plain rclpy; it is asked to plan, never to execute."""

import time
from importlib import import_module
from threading import Event
from typing import Any

import numpy as np
from drift_control.planning.planner import NoWay
from drift_control.planning.scene import Objection, Scene
from drift_ros.acquaintance import Acquaintance
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.client import Client
from rclpy.node import Node

from drift_planner_node.config import PlannerConfig
from drift_planner_node.ros import moveit

_START_S = 5.0  # for a move_group that is being started
_POLL_S = 0.02


class MoveGroupPlanner:
    """Services of a move_group in the same namespace. Calls wait for answers in the planner's thread."""

    def __init__(self, node: Node, config: PlannerConfig, scene: Scene) -> None:
        self._messages, self._services = import_module("moveit_msgs.msg"), import_module("moveit_msgs.srv")
        self._state = import_module("sensor_msgs.msg").JointState
        self._robot = scene.robot
        self._group = moveit.group(config, scene.robot)
        services = self._services
        group = ReentrantCallbackGroup()
        self._plan = node.create_client(services.GetMotionPlan, "plan_kinematic_path", callback_group=group)
        self._apply = node.create_client(
            services.ApplyPlanningScene, "apply_planning_scene", callback_group=group
        )
        self._validity = node.create_client(
            services.GetStateValidity, "check_state_validity", callback_group=group
        )
        self._servers = {
            client: Acquaintance(node, client.srv_name, client.service_is_ready)
            for client in (self._plan, self._apply, self._validity)
        }

    def way(self, start: np.ndarray, goal: np.ndarray, limit_s: float) -> np.ndarray:
        """Return the points (P, J) [rad] of move_group's trajectory."""
        until_s = time.monotonic() + limit_s
        self._put_the_cell(until_s)
        request = self._services.GetMotionPlan.Request()
        asked = request.motion_plan_request
        asked.group_name, asked.num_planning_attempts = self._group, 1
        asked.allowed_planning_time = max(0.1, 0.8 * (until_s - time.monotonic()))  # it answers after that
        asked.max_velocity_scaling_factor = asked.max_acceleration_scaling_factor = 1.0
        asked.start_state = self._robot_state(start)
        asked.goal_constraints = [self._constraints(goal)]
        answer = self._ask(self._plan, request, until_s).motion_plan_response
        if answer.error_code.val != self._messages.MoveItErrorCodes.SUCCESS:
            raise NoWay(moveit.reason(answer.error_code.val))
        return moveit.way(self._robot, answer.trajectory.joint_trajectory, start, goal)

    def objection(self, q: np.ndarray, limit_s: float) -> Objection | None:
        """Return the first of the poses (N, J) [rad] that touches something in move_group's scene."""
        until_s = time.monotonic() + limit_s
        self._put_the_cell(until_s)
        for index, pose in enumerate(q):
            request = self._services.GetStateValidity.Request(group_name=self._group)
            request.robot_state = self._robot_state(pose)
            answer = self._ask(self._validity, request, until_s)
            if not answer.valid:
                pairs = [f"{c.contact_body_1} would touch {c.contact_body_2}" for c in answer.contacts]
                return Objection(index, pairs[0] if pairs else "MoveIt calls the state invalid")
        return None

    def close(self) -> None:
        """The node destroys its clients."""

    def _put_the_cell(self, until_s: float) -> None:
        """Put table and keep-out boxes into move_group's scene; it may have been restarted without them."""
        request = self._services.ApplyPlanningScene.Request()
        request.scene.is_diff = request.scene.robot_state.is_diff = True
        request.scene.world.collision_objects = moveit.collision_objects(self._robot)
        if not self._ask(self._apply, request, until_s).success:
            frame = self._robot.config.base_frame
            raise NoWay(f"move_group took not all of the cell; does its robot have the frame {frame}?")

    def _robot_state(self, q: np.ndarray) -> Any:
        """Return the arm at `q`, everything else as move_group knows it."""
        state = self._messages.RobotState(is_diff=True)
        state.joint_state = self._state(name=list(self._robot.config.joint_names), position=q.tolist())
        return state

    def _constraints(self, goal: np.ndarray) -> Any:
        tolerance = moveit.GOAL_TOLERANCE_RAD
        return self._messages.Constraints(
            joint_constraints=[
                self._messages.JointConstraint(
                    joint_name=name,
                    position=float(position),
                    tolerance_above=tolerance,
                    tolerance_below=tolerance,
                    weight=1.0,
                )
                for name, position in zip(self._robot.config.joint_names, goal, strict=True)
            ]
        )

    def _ask(self, client: Client, request: Any, until_s: float) -> Any:
        started_s = min(until_s, time.monotonic() + _START_S)
        while not self._servers[client].made:
            if time.monotonic() > started_s:
                silent = f"the server of {client.srv_name} does not answer"
                nobody = f"nobody serves {client.srv_name}"
                said = silent if client.service_is_ready() else nobody
                raise NoWay(f"{said}: start the robot's move_group, or planner:=ompl")
            time.sleep(_POLL_S)
        answered = Event()
        future = client.call_async(request)
        future.add_done_callback(lambda _: answered.set())
        if not answered.wait(max(0.0, until_s - time.monotonic())):
            client.remove_pending_request(future)
            raise NoWay(f"no answer of {client.srv_name} in time")
        return future.result()
