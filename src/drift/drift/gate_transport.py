"""The gate takes no part in Fast DDS's shared memory: whoever dies there makes the others wait.

A reader's queue in shared memory is guarded by a lock of its process. Killed while it holds it, it makes
every process that sends to it wait until that gives up: with three readers, SIGKILL every third of a second,
one publisher at 250 Hz stood for 0.3, 0.3 and 1.8 s in 425 kills, and over UDP for less than 0.1 s in 459
(rmw_fastrtps_cpp 9.3.3). A control loop must not depend on how another node ends. What the gate says and
hears is small.
"""

import os
from pathlib import Path

from drift.configuration import dds_profile, dds_profile_variable, share_folder, uses_fast_dds

RANGE = "ROS_AUTOMATIC_DISCOVERY_RANGE"


def gate_environment() -> dict[str, str]:
    """Return what the gate's process needs besides; nothing where the user chose middleware or profile.

    With the range LOCALHOST rmw_fastrtps brings its own transports, shared memory among them, whatever the
    profile says; with SYSTEM_DEFAULT it leaves the profile as it is, and that one stays on this machine.
    Static peers count with LOCALHOST alone: with them the gate stays as the others are.
    """
    variable = dds_profile_variable()
    chosen = os.environ.get(variable)
    if not uses_fast_dds() or (chosen and Path(chosen).resolve() != dds_profile().resolve()):
        return {}
    folder = share_folder() / "config" / "dds"
    if os.environ.get(RANGE) != "LOCALHOST":
        return {variable: str(folder / "gate.xml")}
    if os.environ.get("ROS_STATIC_PEERS"):
        return {}
    return {variable: str(folder / "gate_this_machine.xml"), RANGE: "SYSTEM_DEFAULT"}
