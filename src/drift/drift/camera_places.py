"""Where the cameras of a task are mounted, as `drift calibrate hand-eye` found it, and who publishes that."""

from collections.abc import Mapping

from drift_config.errors import ConfigError
from drift_control.robot.config import RobotConfig
from drift_core.calibration.camera_place import CameraPlace, file_name, load_camera_place
from drift_core.task import TaskConfig

from drift.configuration import calibration_folder
from drift.node_spec import NodeSpec
from drift.ros_command import package_prefix

_PACKAGE, _EXECUTABLE = "tf2_ros", "static_transform_publisher"


def camera_places(robot: RobotConfig, task: TaskConfig) -> dict[str, CameraPlace]:
    """Return the places of those cameras that have been measured, by the camera's name.

    ConfigError where a file is of another robot or camera than its name says, or mounts the camera on
    neither the hand nor the base of this robot.
    """
    places = {}
    for camera in task.cameras:
        path = calibration_folder() / file_name(robot.name, camera.name)
        if path.exists():
            place = load_camera_place(path)
            if place.transform.parent_frame not in (robot.tip_frame, robot.base_frame):
                raise ConfigError(
                    f"{path}: transform.parent_frame={place.transform.parent_frame} must be tip_frame or "
                    f"base_frame of robot {robot.name}: {robot.tip_frame}, {robot.base_frame}"
                )
            places[camera.name] = place
    return places


def frame_publishers(places: Mapping[str, CameraPlace]) -> list[NodeSpec]:
    """Return a node for each measured camera, that says on /tf_static where it is; none without tf2_ros."""
    if package_prefix(_PACKAGE) is None:
        return []
    return [
        NodeSpec(f"frame_{name}", _PACKAGE, _EXECUTABLE, arguments=place.transform.words)
        for name, place in places.items()
    ]


def unpublished(places: Mapping[str, CameraPlace]) -> tuple[str, ...]:
    """Return what to tell a person whose measured cameras cannot be published."""
    if not places or package_prefix(_PACKAGE) is not None:
        return ()
    return (
        f"where {', '.join(places)} is mounted is not published: install {_PACKAGE} "
        f"(sudo apt install ros-$ROS_DISTRO-tf2-ros)",
    )
