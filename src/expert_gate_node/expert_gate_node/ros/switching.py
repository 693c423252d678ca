"""The request by which controllers are switched."""

from collections.abc import Sequence
from typing import Any

from builtin_interfaces.msg import Duration
from drift_control.controller_switch import LIMIT_S


def switch_request(
    service: Any, activated: Sequence[str], deactivated: Sequence[str], strictly: bool = True
) -> Any:
    """Return a request of controller_manager_msgs/SwitchController, which is `service`.

    `strictly`: nothing happens unless all of it can.
    """
    seconds, request = int(LIMIT_S), service.Request
    return request(
        activate_controllers=list(activated),
        deactivate_controllers=list(deactivated),
        strictness=request.STRICT if strictly else request.BEST_EFFORT,
        timeout=Duration(sec=seconds, nanosec=int((LIMIT_S - seconds) * 1e9)),
    )
