"""The planners, found by the parameter `planner`: a new one is a new file and a line here."""

from collections.abc import Callable

from drift_config.errors import ConfigError
from drift_control.planning.planner import Planner
from drift_control.planning.planners.ompl import OmplPlanner
from drift_control.planning.scene import Scene
from rclpy.node import Node

from drift_planner_node.config import PlannerConfig
from drift_planner_node.ros.move_group import MoveGroupPlanner
from drift_planner_node.ros.moveit_py import MoveItPyPlanner

PLANNERS: dict[str, Callable[[Node, PlannerConfig, Scene], Planner]] = {
    "ompl": lambda node, config, scene: OmplPlanner(scene, config.seed),
    "move_group": MoveGroupPlanner,
    "moveit_py": MoveItPyPlanner,
}
_DEBIAN = {"moveit": "moveit-py"}  # Python package: Debian's, where it is not the same with "-"


def make_planner(node: Node, config: PlannerConfig, scene: Scene) -> Planner:
    """Return the configured planner; ConfigError, in one line, where its package is not installed."""
    try:
        return PLANNERS[config.planner](node, config, scene)
    except ModuleNotFoundError as error:
        package = str(error.name).partition(".")[0]
        debian = _DEBIAN.get(package, package.replace("_", "-"))
        raise ConfigError(
            f"planner={config.planner} needs the ROS package {package}, which is not installed "
            f"(Debian: ros-<distribution>-{debian}); planner:=ompl needs none"
        ) from error
