"""What was measured of the cameras: how late they are, and where; how old and how exact it is."""

from collections.abc import Mapping
from datetime import date
from xml.etree import ElementTree

from drift.doctor.finding import Finding, failure, good, warning
from drift.doctor.robot.wanted import Wanted


def latency(wanted: Wanted, today: date) -> Finding | None:
    """Was `latency_s`, by which policy and trainer put pictures and joints together, measured."""
    if not wanted.cameras:
        return None
    said, never = [], []
    for camera in wanted.cameras:
        text = f"{camera.name} {1e3 * camera.latency_s:g} ms"
        if camera.latency_measured is None:
            never.append(camera.name)
        else:
            days = (today - camera.latency_measured).days
            text += f" ({days} day{'s' if days != 1 else ''} old"
            text += (
                f", ±{1e3 * camera.latency_error_s:.1f} ms)" if camera.latency_error_s is not None else ")"
            )
        said.append(text)
    text = f"{', '.join(said)}, by config/tasks/{wanted.task}.yaml"
    if never:
        robot = wanted.robot.name
        return warning(
            f"{text}: {', '.join(never)} not measured",
            f"drift calibrate camera-latency --robot {robot} --task {wanted.task}, before the first "
            "demonstration",
        )
    return good(text)


def places(wanted: Wanted, frames: Mapping[str, str], urdf: str | None, today: date) -> Finding | None:
    """Where are the cameras, and does that fit the pictures and the description of the robot.

    `frames`: frame_id of the pictures by camera, of those that send; `urdf`: None where nobody has one.
    """
    if not wanted.cameras:
        return None
    links = _links(urdf)
    for name, place in wanted.places.items():
        parent, child = place.transform.parent_frame, place.transform.child_frame
        if name in frames and frames[name] != child:
            return failure(
                f"pictures of {name} are in frame {frames[name]}, its place was measured for {child}",
                "frame_id of the driver as it was, or drift calibrate hand-eye again",
            )
        if child in links:
            return failure(
                f"{child} of camera {name} is a link of robot_description, too: two publishers of one frame",
                "take it out of the description, or remove config/calibration/"
                f"{wanted.robot.name}_{name}.yaml",
            )
        if links and parent not in links:
            return warning(
                f"camera {name} is mounted on {parent}, which robot_description has not: its frame hangs in "
                "the air",
                f"add the link {parent} to the description, at the TCP (tcp_offset_m of the gripper's file); "
                "policies do not need it",
            )
    said = [
        f"{name} on {place.transform.parent_frame}, {place.worth(today)}"
        for name, place in wanted.places.items()
    ]
    missing = [camera.name for camera in wanted.cameras if camera.name not in wanted.places]
    if missing:
        said.append(f"{', '.join(missing)} not measured")
        return warning(
            "; ".join(said),
            f"drift calibrate hand-eye --robot {wanted.robot.name} --task {wanted.task} "
            f"--camera {missing[0]}, for tools that use the cameras' frames; policies do not",
        )
    return good("; ".join(said))


def _links(urdf: str | None) -> set[str]:
    try:
        root = ElementTree.fromstring(urdf or "<robot/>")
    except ElementTree.ParseError:  # the row about the description says so
        return set()
    return {str(link.get("name")) for link in root.iter("link")}
