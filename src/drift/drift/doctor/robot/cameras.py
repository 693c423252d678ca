"""A camera of the task: does it send, often enough, what can be decoded, and is it calibrated."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from drift_core.task import CameraConfig

from drift.doctor.finding import Finding, failure, good, warning

_ENOUGH = 0.9  # of the pictures that the policy needs


@dataclass(frozen=True)
class CameraHeard:
    """What was heard of one camera."""

    publishers: tuple[str, ...]  # full names of nodes
    types: tuple[str, ...]  # of the messages on its topic
    all_reliable: bool  # every publisher
    rate_hz: float
    size: tuple[int, int] | None = None  # width, height of the newest picture
    refusal: str = ""  # why it cannot be decoded
    focal_pixel: float | None = None  # of camera_info; None: nobody publishes it
    frame: str = ""  # frame_id of the newest picture


def camera(
    wanted: CameraConfig, picture_s: float, topic: str, heard: CameraHeard, elsewhere: Collection[str]
) -> Finding:
    """`topic`: its own in full; `elsewhere`: other topics with images."""
    if not heard.publishers and f"{topic}/compressed" in elsewhere:
        return warning(
            f"{topic}/compressed alone is sent", "set image_transport: compressed of policy and trainer"
        )
    if not heard.publishers:
        there = f"; images come on {', '.join(sorted(elsewhere))}" if elsewhere else ""
        return failure(
            f"nobody publishes {topic}{there}",
            f"cameras:={wanted.name}=DRIVER of drift up starts one; or remap the driver's topic",
        )
    if wrong := sorted(set(heard.types) - {"sensor_msgs/msg/Image"}):
        return failure(f"{topic} is of {', '.join(wrong)}", "must be sensor_msgs/msg/Image")
    if wanted.reliability == "reliable" and not heard.all_reliable:
        return failure(
            f"{', '.join(heard.publishers)} sends best effort; the task's file wants reliability: reliable",
            "let the driver publish reliably, or leave reliability out of the task's file",
        )
    if len(heard.publishers) > 1:
        return failure(f"{', '.join(heard.publishers)} all publish {topic}", "end all but one")
    if heard.rate_hz == 0.0:
        return failure(
            f"no picture on {topic}", "see DDS profile and images over DDS in drift doctor; is it connected?"
        )
    if heard.refusal:
        return failure(f"{topic}: {heard.refusal}", "set another encoding in the driver")
    width, height = heard.size or (0, 0)
    text = f"{width}x{height} at {heard.rate_hz:.1f} Hz by {heard.publishers[0]}"
    if heard.rate_hz < _ENOUGH / picture_s:
        return warning(
            f"{text}: the policy needs {1.0 / picture_s:g} Hz",
            "raise the driver's rate; longer exposure than a period? see images over DDS in drift doctor",
        )
    return good(text)


def calibration(cameras: Sequence[tuple[str, CameraHeard]]) -> Finding | None:
    """Are the cameras that send calibrated; None where none sends."""
    sending = [(name, heard) for name, heard in cameras if heard.rate_hz]
    silent = [name for name, heard in sending if heard.focal_pixel is None]
    empty = [name for name, heard in sending if heard.focal_pixel == 0.0]
    if not sending:
        return None
    if silent or empty:
        said = [f"{', '.join(silent)}: no camera_info"] * bool(silent)
        said += [f"{', '.join(empty)}: camera_info has no focal length (K is 0)"] * bool(empty)
        return warning(
            f"not calibrated: {'; '.join(said)}",
            "ros2 run camera_calibration cameracalibrator, then its camera_info_url; policies need none",
        )
    return good(", ".join(f"{name} f = {heard.focal_pixel:.0f} pixel" for name, heard in sending))
