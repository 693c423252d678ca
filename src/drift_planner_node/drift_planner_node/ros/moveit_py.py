"""MoveIt in this very process, by its own Python package; not run where this was written, without MoveIt.

Its constructor starts an executor of its own, and its end may fail: hence the planner is a process of its
own, and `main` ends it without looking back.
"""

from importlib import import_module
from typing import Any

import numpy as np
from drift_control.planning.planner import NoWay
from drift_control.planning.scene import Objection, Scene
from rclpy.node import Node

from drift_planner_node.config import PlannerConfig
from drift_planner_node.ros import moveit

NODE_NAME = "planner_moveit"


class MoveItPyPlanner:
    """MoveItPy with the parameters of config/moveit; it starts with the first question, in seconds."""

    def __init__(self, node: Node, config: PlannerConfig, scene: Scene) -> None:
        self._planning = import_module("moveit.planning")
        self._states = import_module("moveit.core.robot_state")
        self._namespace = node.get_namespace()
        self._file, self._robot = str(config.moveit_file), scene.robot
        self._group = moveit.group(config, scene.robot)
        self._moveit: Any = None

    def way(self, start: np.ndarray, goal: np.ndarray, limit_s: float) -> np.ndarray:
        """Return the points (P, J) [rad] of MoveIt's trajectory."""
        moveit_py = self._started()
        self._put_the_cell(moveit_py)
        component = moveit_py.get_planning_component(self._group)
        component.set_start_state(robot_state=self._state(moveit_py, start))
        component.set_goal_state(robot_state=self._state(moveit_py, goal))
        parameters = self._planning.PlanRequestParameters(moveit_py, "")
        parameters.planning_time = limit_s
        plan = component.plan(single_plan_parameters=parameters)
        if not plan:
            raise NoWay(moveit.reason(plan.error_code.val))
        trajectory = plan.trajectory.get_robot_trajectory_msg().joint_trajectory
        return moveit.way(self._robot, trajectory, start, goal)

    def objection(self, q: np.ndarray, limit_s: float) -> Objection | None:
        """Return the first of the poses (N, J) [rad] that touches something in MoveIt's scene."""
        moveit_py = self._started()
        self._put_the_cell(moveit_py)
        with moveit_py.get_planning_scene_monitor().read_only() as scene:
            for index, pose in enumerate(q):
                state = self._state(moveit_py, pose)
                if scene.is_state_colliding(robot_state=state, joint_model_group_name=self._group):
                    return Objection(index, "MoveIt calls the state colliding")
        return None

    def close(self) -> None:
        """Shut it down."""
        if self._moveit is not None:
            self._moveit.shutdown()

    def _started(self) -> Any:
        if self._moveit is None:
            try:
                self._moveit = self._planning.MoveItPy(
                    node_name=NODE_NAME, name_space=self._namespace, launch_params_filepaths=[self._file]
                )
            except RuntimeError as error:
                raise NoWay(
                    f"MoveIt does not start: {error}; are robot_description and robot_description_semantic "
                    "published (robot_state_publisher; move_group, or the robot's MoveIt launch file)?"
                ) from error
        return self._moveit

    def _put_the_cell(self, moveit_py: Any) -> None:
        with moveit_py.get_planning_scene_monitor().read_write() as scene:
            for box in moveit.collision_objects(self._robot):
                scene.apply_collision_object(box)

    def _state(self, moveit_py: Any, q: np.ndarray) -> Any:
        state = self._states.RobotState(moveit_py.get_robot_model())
        state.set_to_default_values()
        state.joint_positions = dict(zip(self._robot.config.joint_names, q.tolist(), strict=True))
        state.update()
        return state
