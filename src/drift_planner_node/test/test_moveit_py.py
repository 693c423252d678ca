"""The calls that planner moveit_py makes, against stand-ins with the signatures of moveit_py's bindings.

Signatures: moveit_py/src/moveit of moveit2, the same in jazzy (4d84106) and kilted (4373855). The real
package has not been run: it is in no package index.
"""

import sys
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from drift_control.planning.planner import NoWay
from drift_control.planning.scene import Scene
from drift_interfaces.srv import Plan

from .conftest import CONFIG


class RobotState:
    def __init__(self, robot_model):
        self.variables, self.dirty = {}, True

    def set_to_default_values(self):
        self.variables = {"panda_finger_joint1": 0.0}

    @property
    def joint_positions(self):
        return self.variables

    @joint_positions.setter
    def joint_positions(self, positions):
        self.variables |= positions
        self.dirty = True

    def update(self, force=False, type="all"):
        self.dirty = False


class PlanRequestParameters:
    def __init__(self, moveit, namespace):
        self.planning_time, self.planner_id = 0.0, ""


class PlanningComponent:
    def __init__(self, moveit, group):
        self._moveit, self._group = moveit, group

    def set_start_state(self, configuration_name=None, robot_state=None):
        assert not robot_state.dirty
        self._start = robot_state

    def set_goal_state(
        self, configuration_name=None, robot_state=None, pose_stamped_msg=None, pose_link=None
    ):
        assert not robot_state.dirty
        self._goal = robot_state

    def plan(self, single_plan_parameters=None, multi_plan_parameters=None, planning_scene=None):
        assert isinstance(single_plan_parameters, PlanRequestParameters)
        self._moveit.planned.append((self._group, single_plan_parameters.planning_time))
        names = [name for name in self._start.variables if name.startswith("panda_joint")][::-1]
        start, goal = ([state.variables[name] for name in names] for state in (self._start, self._goal))
        points = [SimpleNamespace(positions=row) for row in np.linspace(start, goal, 4).tolist()]
        message = SimpleNamespace(joint_trajectory=SimpleNamespace(joint_names=names, points=points))
        return Response(self._moveit.code, SimpleNamespace(get_robot_trajectory_msg=lambda: message))


class Response:
    def __init__(self, code, trajectory):
        self.error_code, self.trajectory = SimpleNamespace(val=code), trajectory

    def __bool__(self):
        return self.error_code.val == 1


class MoveItPy:
    made = []
    fails = False

    def __init__(self, node_name="moveit_py", name_space="", launch_params_filepaths=(), config_dict=None,
                 provide_planning_service=True, remappings=None):  # fmt: skip
        if MoveItPy.fails:
            raise RuntimeError("Unable to construct robot model")
        assert yaml.safe_load(Path(*launch_params_filepaths).read_text())["/**"]["ros__parameters"]
        self.node_name, self.planned, self.code, self.objects, self.shut = node_name, [], 1, {}, False
        MoveItPy.made.append(self)

    def get_planning_component(self, planning_component_name):
        return PlanningComponent(self, planning_component_name)

    def get_robot_model(self):
        return "panda"

    def get_planning_scene_monitor(self):
        @contextmanager
        def scene():
            yield self

        return SimpleNamespace(read_only=scene, read_write=scene)

    def apply_collision_object(self, collision_object_msg, color_msg=None):
        self.objects[collision_object_msg.id] = collision_object_msg

    def is_state_colliding(self, robot_state, joint_model_group_name, verbose=False):
        assert not robot_state.dirty and joint_model_group_name == "panda_arm"
        return robot_state.variables["panda_joint1"] > 0.5

    def shutdown(self):
        self.shut = True


@pytest.fixture
def moveit(monkeypatch, moveit_messages):
    """The package `moveit`, stood in for."""
    MoveItPy.made, MoveItPy.fails = [], False
    planning = SimpleNamespace(MoveItPy=MoveItPy, PlanRequestParameters=PlanRequestParameters)
    states = SimpleNamespace(RobotState=RobotState)
    core = SimpleNamespace(robot_state=states)
    parts = {"moveit": SimpleNamespace(planning=planning, core=core), "moveit.planning": planning,
             "moveit.core": core, "moveit.core.robot_state": states}  # fmt: skip
    for name, module in parts.items():
        monkeypatch.setitem(sys.modules, name, module)
    return MoveItPy


def asked(robot, stage, target, **changes):
    request = Plan.Request(start_rad=robot.home.tolist(), target=Plan.Request.JOINTS, limit_s=5.0, **changes)
    request.joints_rad = target.tolist()
    return stage.call(stage.arm.plan, request)


def test_a_plan_has_the_arms_order_its_own_group_and_the_cell(moveit, stage, robot):
    stage.start_planner(planner="moveit_py")
    assert moveit.made == []  # it starts with the first question
    target = robot.home + 0.1
    answer = asked(robot, stage, target)
    assert answer.error_code == Plan.Response.NONE, answer.error_msg
    points = np.array([list(point.positions) for point in answer.trajectory.points])
    assert points == pytest.approx(np.linspace(robot.home, target, 4))
    (moveit_py,) = moveit.made
    ((group, limit_s),) = moveit_py.planned
    assert group == "panda_arm" and 0.0 < limit_s <= 5.0 and moveit_py.node_name == "planner_moveit"
    assert set(moveit_py.objects) == {"drift/post", "drift/table"}
    assert moveit_py.objects["drift/post"].header.frame_id == "panda_link0"
    planner = stage.planner._planner
    assert planner.objection(np.array((robot.home, robot.home + 0.6)), 1.0).index == 1
    planner.close()
    assert moveit_py.shut


def test_a_failure_and_a_moveit_that_does_not_start_are_said(moveit, stage, robot):
    stage.start_planner(planner="moveit_py")
    MoveItPy.fails = True
    said = asked(robot, stage, robot.home + 0.1).error_msg
    assert said.startswith(
        "MoveIt does not start: Unable to construct robot model; are robot_description and "
    )
    MoveItPy.fails = False
    assert asked(robot, stage, robot.home + 0.1).error_code == Plan.Response.NONE
    moveit.made[0].code = -1
    assert asked(robot, stage, robot.home + 0.1).error_msg == "MoveIt: PLANNING_FAILED (-1)"


def test_a_trajectory_without_the_arms_joints_is_refused_by_name(moveit_messages, robot):
    from drift_planner_node.ros.moveit import way

    other = SimpleNamespace(joint_names=["elbow_joint"], points=[SimpleNamespace(positions=[0.0])])
    with pytest.raises(NoWay, match="lacks panda_joint1, .* is moveit_group the arm's?"):
        way(robot, other, robot.home, robot.home)
    assert Scene(robot).objection(robot.home[None]) is None and (CONFIG / "moveit").is_dir()
