"""What looks at the whole cell: in simulation a camera of our own, else the first one of the task."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from drift_control.robot.pose import Pose, rotation_from_quaternion
from drift_control.robot.robot import Robot
from drift_core.calibration.camera_place import CameraPlace
from drift_core.errors import CalibrationError
from drift_core.observation.fit import fit
from drift_core.task import CameraConfig, TaskConfig
from drift_ros import qos
from drift_ros.camera_input import ImageTransport
from drift_ros.polling import Polled
from geometry_msgs.msg import Pose as PoseMessage
from geometry_msgs.msg import PoseArray
from rclpy.node import Node

from drift.picture.sheet import MAIN
from drift.picture.view import View, fitted
from drift.ros.camera_pictures import CameraPictures

GROUND_TRUTH = "sim/ground_truth"
_BLANK = np.full((*MAIN, 3), 225, np.uint8)  # before anything was seen


@dataclass(frozen=True, eq=False)
class Arm:
    """Where the arm is."""

    joints_rad: np.ndarray  # (J,)
    gripper_m: float


class Eye(Protocol):
    """Something that looks at the whole cell."""

    name: str  # of the task's camera that it is; empty: none of them

    @property
    def trouble(self) -> str:
        """Why there is nothing to be seen, or no way is drawn; empty: all is well."""

    def look(self, arm: Arm | None) -> tuple[np.ndarray, View | None]:
        """Return a picture of the size MAIN, the caller's to draw on, and how it was seen; None: unknown."""

    def close(self) -> None:
        """Free what it holds."""


class SimulatedEye:
    """Shows the simulated cell again, from a place where a person would stand."""

    name = ""

    def __init__(self, node: Node, robot: Robot, task: TaskConfig) -> None:
        from drift_sim.overview import Overview

        self._overview = Overview(robot, task, shadows=False)  # the robot needs the time
        self._view = View(self._overview.intrinsics, self._overview.optical)
        self._fingers = len(robot.config.gripper.joints)
        self._told = False
        self._truth = Polled(node, PoseArray, GROUND_TRUTH, qos.GROUND_TRUTH)

    @property
    def trouble(self) -> str:
        """Why the things are not where they are."""
        return "" if self._told else f"nothing on {GROUND_TRUTH} yet"

    def look(self, arm: Arm | None) -> tuple[np.ndarray, View | None]:
        """Return the cell with arm and things where they were last."""
        if (truth := self._truth.newest()) is not None:
            self._show(truth)
        if arm is not None:
            fingers = np.full(self._fingers, arm.gripper_m / max(self._fingers, 1))
            self._overview.show_joints(arm.joints_rad, fingers)
        return self._overview.look(), self._view

    def close(self) -> None:
        """Free the renderer."""
        self._overview.close()

    def _show(self, msg: PoseArray) -> None:
        from drift_sim.scenes.scene import Truth

        if len(msg.poses) == 2:
            self._overview.show_truth(Truth(*map(_to_pose, msg.poses)))
            self._told = True


class CameraEye:
    """Shows what a camera of the task sees; ways are drawn where somebody has measured how it sees."""

    def __init__(
        self,
        node: Node,
        robot: Robot,
        camera: CameraConfig,
        transport: ImageTransport,
        place: CameraPlace | None,
    ) -> None:
        """`place`: as measured by `drift calibrate hand-eye`; None: nobody has."""
        self._robot, self._place = robot, place
        self._pictures = CameraPictures(node, camera, transport, info=True)
        self.name = camera.name

    @property
    def trouble(self) -> str:
        """Why there is nothing to be seen, or no way drawn."""
        seen = self._pictures
        if seen.trouble or seen.newest is None:
            return seen.trouble or f"no picture of {self.name} yet"
        if self._place is None:
            return f"{self.name} not calibrated"
        return "" if self._projects(seen.newest) else f"no camera_info of {self.name} for its pictures"

    def look(self, arm: Arm | None) -> tuple[np.ndarray, View | None]:
        """Return the newest picture."""
        self._pictures.take()
        picture = self._pictures.newest
        if picture is None:
            return _BLANK.copy(), None
        main = fit(picture, *MAIN)
        intrinsics = self._pictures.intrinsics
        if intrinsics is None or not self._projects(picture):
            return main.copy(), None
        optical = self._optical(arm)
        return main.copy(), None if optical is None else View(fitted(intrinsics, *MAIN), optical)

    def close(self) -> None:
        """Nothing is held."""

    def _projects(self, picture: np.ndarray) -> bool:
        """Whether camera_info is of this picture, and sound."""
        intrinsics = self._pictures.intrinsics
        if intrinsics is None or (intrinsics.height, intrinsics.width) != picture.shape[:2]:
            return False
        try:
            intrinsics.check(self.name)
        except CalibrationError:
            return False
        return True

    def _optical(self, arm: Arm | None) -> np.ndarray | None:
        """Return the pose (4, 4) of the optical frame in the base frame; a hand's camera moves."""
        if self._place is None:
            return None
        transform = self._place.transform
        frame = _frame(np.array(transform.translation_m), np.array(transform.quaternion_xyzw))
        if transform.parent_frame == self._robot.config.base_frame:
            return frame
        if arm is None:
            return None
        tip, hand = self._robot.forward(arm.joints_rad), np.eye(4)
        hand[:3, :3], hand[:3, 3] = tip.rotation, tip.position
        return hand @ frame


def _frame(position: np.ndarray, quaternion_xyzw: np.ndarray) -> np.ndarray:
    frame = np.eye(4)
    frame[:3, :3], frame[:3, 3] = rotation_from_quaternion(quaternion_xyzw), position
    return frame


def _to_pose(msg: PoseMessage) -> Pose:
    turned = msg.orientation
    at = np.array((msg.position.x, msg.position.y, msg.position.z))
    return Pose(at, rotation_from_quaternion(np.array((turned.x, turned.y, turned.z, turned.w))))
