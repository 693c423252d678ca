"""What ros_gz_bridge carries, all of it from Gazebo to ROS: one entry of its file for each topic."""

from collections.abc import Iterable

from drift_core.task import TaskConfig

from drift_sim.gazebo.world import pose_topic

_TYPES = {  # of ROS: of Gazebo
    "rosgraph_msgs/msg/Clock": "gz.msgs.Clock",
    "sensor_msgs/msg/Image": "gz.msgs.Image",
    "sensor_msgs/msg/CameraInfo": "gz.msgs.CameraInfo",
    "geometry_msgs/msg/PoseStamped": "gz.msgs.Pose",
}


def thing_topic(thing: str) -> str:
    """Return the ROS topic with the pose of a thing."""
    return f"gazebo/{thing}/pose"


def set_pose_service(task: TaskConfig) -> str:
    """Return Gazebo's service that moves a thing; the bridge offers it under the same name in ROS."""
    return f"/world/{task.name}/set_pose"


def bridge_entries(task: TaskConfig, things: Iterable[str]) -> list[dict[str, object]]:
    """Return the bridge's file. A second publisher of /clock would make time jump, so nothing goes back."""
    topics = [("/clock", "/clock", "rosgraph_msgs/msg/Clock")]
    for camera in task.cameras:
        topics.append((camera.topic, f"/{camera.topic.lstrip('/')}", "sensor_msgs/msg/Image"))
        topics.append((camera.info_topic, f"/{camera.info_topic}", "sensor_msgs/msg/CameraInfo"))
    topics += [(thing_topic(name), pose_topic(name), "geometry_msgs/msg/PoseStamped") for name in things]
    return [
        {
            "ros_topic_name": ros,
            "gz_topic_name": gazebo,
            "ros_type_name": kind,
            "gz_type_name": _TYPES[kind],
            "direction": "GZ_TO_ROS",
        }
        for ros, gazebo, kind in topics
    ]


def bridge_arguments(task: TaskConfig) -> tuple[str, ...]:
    """Return what the bridge is told on its command line: its file has no services before ROS Kilted."""
    return (f"{set_pose_service(task)}@ros_gz_interfaces/srv/SetEntityPose",)
