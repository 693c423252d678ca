"""Do ROS programs find each other: what the environment says about discovery."""

import os

from drift.doctor.finding import Finding, failure, good, warning

_RANGES = ("SUBNET", "LOCALHOST", "OFF", "SYSTEM_DEFAULT")
_DOMAINS = 232  # the highest domain whose UDP ports exist; from 102 on Linux may have given them away


def discovery() -> Finding:
    """Is the range of discovery one with which nodes find each other, and the domain one that exists."""
    reach = os.environ.get("ROS_AUTOMATIC_DISCOVERY_RANGE", "SUBNET")
    domain = os.environ.get("ROS_DOMAIN_ID", "0")
    if reach not in _RANGES:
        return warning(  # rcl takes it for LOCALHOST
            f"ROS_AUTOMATIC_DISCOVERY_RANGE={reach} must be one of: {', '.join(_RANGES)}",
            "unset ROS_AUTOMATIC_DISCOVERY_RANGE, or set it to LOCALHOST for one machine",
        )
    if reach == "OFF":
        return failure(
            "ROS_AUTOMATIC_DISCOVERY_RANGE=OFF: no node finds another one, not even on this machine",
            "unset ROS_AUTOMATIC_DISCOVERY_RANGE, or set it to LOCALHOST for one machine",
        )
    if not domain.isdecimal() or int(domain) > _DOMAINS:
        return failure(
            f"ROS_DOMAIN_ID={domain} must be a whole number from 0 to {_DOMAINS}", "0 to 101 is safe"
        )
    if os.environ.get("ROS_LOCALHOST_ONLY", "0") not in ("", "0"):
        return warning(
            "ROS_LOCALHOST_ONLY is set: only programs that set it, too, are found, whatever the range",
            "unset ROS_LOCALHOST_ONLY and set ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST",
        )
    return good(f"domain {domain}, range {reach}")
