"""How arms are guided by hand (`hand_guiding` of the robot's file), and what their manager says of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from drift_control.inputs import GuideReport
from drift_control.robot.config import RobotConfig

from expert_gate_node.activity import ACTIVE


@dataclass(frozen=True)
class Way:
    """The controller under which a person can move the arm, and what lets her."""

    controller: str  # as its maker's files name it
    # of its own (std_msgs/Bool), on which it is told to go on; empty: the arm is free as long as it is active
    enable_topic: str = ""


WAYS: Mapping[str, Way] = {
    # ur_controllers/FreedriveModeController: without a message for `inactive_timeout` (1 s) it ends by itself
    "ur": Way("freedrive_mode_controller", "enable_freedrive_mode"),
    # franka_example_controllers/GravityCompensationExampleController: commands no torques, listens to nobody
    "franka": Way("gravity_compensation_example_controller"),
}


def way_of(robot: RobotConfig) -> Way | None:
    """Return how the arm of a robot's file is guided, by the controller that it names; None: not at all."""
    way = WAYS.get(robot.hand_guiding)
    return way and replace(way, controller=robot.hand_guiding_controller or way.controller)


def guide_report(way: Way, driven: str, states: Mapping[str, str], lapsed: bool) -> GuideReport:
    """Return what the states of all controllers (labels by name) mean to an arm that `driven` commands.

    `lapsed`: that of hand guiding was not active since the last report, if only for a moment.
    """
    if way.controller not in states:
        objection = f"no controller {way.controller} is loaded"
        return GuideReport(states.get(driven) == ACTIVE, False, objection)
    guided = states[way.controller] == ACTIVE and not lapsed
    return GuideReport(states.get(driven) == ACTIVE, guided)
