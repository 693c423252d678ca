"""How arms are guided by hand (`hand_guiding` of the robot's file), and what their manager says of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from drift_control.inputs import GuideReport

_ACTIVE = "active"


@dataclass(frozen=True)
class Way:
    """The controller that lets go of the arm, and its topic (std_msgs/Bool) on which it is told to go on."""

    controller: str
    enable_topic: str


WAYS: Mapping[str, Way] = {
    # ur_controllers/FreedriveModeController: without a message for `inactive_timeout` (1 s) it ends by itself
    "ur": Way("freedrive_mode_controller", "enable_freedrive_mode"),
}


def guide_report(way: Way, driven: str, states: Mapping[str, str], lapsed: bool) -> GuideReport:
    """Return what the states of all controllers (labels by name) mean to an arm that `driven` commands.

    `lapsed`: that of hand guiding was not active since the last report, if only for a moment.
    """
    if way.controller not in states:
        objection = f"no controller {way.controller} is loaded"
        return GuideReport(states.get(driven) == _ACTIVE, False, objection)
    guided = states[way.controller] == _ACTIVE and not lapsed
    return GuideReport(states.get(driven) == _ACTIVE, guided)
