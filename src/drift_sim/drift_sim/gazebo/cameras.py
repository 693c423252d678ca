"""A camera of the task as a sensor of Gazebo."""

import math
from xml.etree.ElementTree import Element

import numpy as np
from drift_core.task import CameraConfig

from drift_sim.external.elements import Array, leaf, pose
from drift_sim.headless import mujoco
from drift_sim.mjcf import child

# MuJoCo looks along -z with x to the right; Gazebo along x with y to the left, z up in both images' sense.
_GAZEBO_IN_MUJOCO = np.array(((0.0, -1.0, 0.0), (0.0, 0.0, 1.0), (-1.0, 0.0, 0.0)))


def gazebo_rotation(mujoco_rotation: Array) -> Array:
    """Return the rotation (3, 3) of Gazebo's camera frame for that of MuJoCo's."""
    return mujoco_rotation @ _GAZEBO_IN_MUJOCO


def horizontal_fov_rad(fovy_deg: float, camera: CameraConfig) -> float:
    """Return the angle that Gazebo wants; its pixels are square, as MuJoCo's are."""
    return 2.0 * math.atan(math.tan(math.radians(fovy_deg) / 2.0) * camera.width / camera.height)


def add_camera(
    parent: Element,
    camera: CameraConfig,
    model: mujoco.MjModel,
    rate_hz: float,
    place: tuple[Array, Array] | None = None,
) -> None:
    """Append the sensor to an SDF `<link>`; `place`: position and MuJoCo's rotation in the link's frame.

    Images on the camera's topic, its calibration beside them, `rate_hz` times a simulated second.
    """
    sensor = child(parent, "sensor", name=camera.name, type="camera")
    if place is not None:
        pose(sensor, place[0], gazebo_rotation(place[1]))
    leaf(sensor, "always_on", True)
    leaf(sensor, "update_rate", rate_hz)
    leaf(sensor, "topic", camera.topic)
    lens = child(sensor, "camera")
    leaf(lens, "camera_info_topic", camera.info_topic)
    leaf(lens, "optical_frame_id", f"{camera.name}_optical_frame")
    leaf(lens, "horizontal_fov", horizontal_fov_rad(float(model.camera(camera.name).fovy[0]), camera))
    image = child(lens, "image")
    leaf(image, "width", camera.width)
    leaf(image, "height", camera.height)
    leaf(image, "format", "R8G8B8")
    clip = child(lens, "clip")
    leaf(clip, "near", model.vis.map.znear * model.stat.extent)
    leaf(clip, "far", model.vis.map.zfar * model.stat.extent)
