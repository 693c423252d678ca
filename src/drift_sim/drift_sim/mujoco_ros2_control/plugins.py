"""Plug-ins of mujoco_ros2_control: one publishes pictures under the task's topics, one where things are."""

from typing import Any

from drift_core.task import TaskConfig

NODE = "mujoco_ros2_control_node"  # as the sources call it; the documentation says ros2_control_node
SET_SERVICE = f"{NODE}/set_free_joint_state"
THINGS_TOPIC = "mujoco/things"
_PACKAGE = "mujoco_ros2_control_plugins"


def plugin_parameters(
    task: TaskConfig, namespace: str, camera_rate_hz: float, pose_rate_hz: float
) -> dict[str, Any]:
    """Return a ROS parameter file; topics are absolute, since each plug-in has a namespace of its own."""

    def topic(name: str) -> str:
        return name if name.startswith("/") else f"{namespace.rstrip('/')}/{name}"

    cameras: dict[str, Any] = {"type": f"{_PACKAGE}/CameraPlugin", "camera_publish_rate": camera_rate_hz}
    for camera in task.cameras:
        cameras[camera.name] = {
            "frame_name": f"{camera.name}_optical_frame",
            "info_topic": topic(camera.info_topic),
            "image_topic": topic(camera.topic),
            "depth_topic": topic(f"mujoco/{camera.name}/depth"),
        }
    things = {
        "type": f"{_PACKAGE}/FreeJointStatePublisherPlugin",
        "topic": topic(THINGS_TOPIC),
        "publish_rate": pose_rate_hz,
    }
    return {f"/**/{NODE}": {"ros__parameters": {"mujoco_plugins": {"cameras": cameras, "things": things}}}}
