"""The description of the robot (URDF), which MoveIt, RViz and the driver read: has it the arm's joints."""

from xml.etree import ElementTree

from drift_control.publishers import listed

from drift.doctor.finding import Finding, failure, good, warning
from drift.doctor.robot.wanted import Wanted

_TURNING = ("revolute", "continuous")


def description(wanted: Wanted, urdf: str | None) -> Finding:
    """`urdf`: its text; None: nobody has one."""
    if urdf is None:
        return warning(
            "nobody publishes robot_description, and no robot_state_publisher has it",
            "nothing to do without MoveIt and RViz: drift has files; else start robot_state_publisher",
        )
    try:
        root = ElementTree.fromstring(urdf)
    except ElementTree.ParseError as error:
        return failure(f"robot_description is no URDF: {error}", "see the launch file of the driver")
    turning = [str(joint.get("name")) for joint in root.iter("joint") if joint.get("type") in _TURNING]
    missing = [name for name in wanted.robot.joint_names if name not in turning]
    if missing:
        return failure(
            f"robot_description lacks {listed(missing, 7)}; it has {listed(turning, 8) or 'none'}",
            f"another arm or prefix: joint_names in a copy of {wanted.file}, or tf_prefix of the driver",
        )
    return good(f"{root.get('name')} has the {len(wanted.robot.joint_names)} joints")
