"""A frame mounted on another, as ROS has it: metres, and a quaternion in the order x y z w."""

from typing import Annotated

import cv2
import numpy as np
from drift_config.strict import STRICT
from pydantic import Field
from pydantic.dataclasses import dataclass

Number = Annotated[float, Field(ge=-10.0, le=10.0)]
FrameName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_/]*$")]


@dataclass(frozen=True, config=STRICT)
class StaticTransform:
    """One file of config/calibration."""

    parent_frame: FrameName
    child_frame: FrameName
    translation_m: tuple[Number, Number, Number]  # of the child's origin, in the parent's frame
    quaternion_xyzw: tuple[
        Number, Number, Number, Number
    ]  # turns vectors of the child's frame into the parent's

    @classmethod
    def of(cls, parent_frame: str, child_frame: str, frame: np.ndarray) -> "StaticTransform":
        """Return the transform of a frame (4, 4), rounded to a micrometre and a microradian."""
        x, y, z = (round(float(value), 6) for value in frame[:3, 3])
        qx, qy, qz, qw = (round(float(value), 7) for value in _quaternion_xyzw(frame[:3, :3]))
        return cls(parent_frame, child_frame, (x, y, z), (qx, qy, qz, qw))

    def text(self, comments: tuple[str, ...]) -> str:
        """Return the file, with what is said about it in its head."""
        return "".join([f"# {line}\n" for line in comments]) + (
            f"parent_frame: {self.parent_frame}\n"
            f"child_frame: {self.child_frame}\n"
            f"translation_m: {list(self.translation_m)} # of the child's origin, in the parent's frame\n"
            f"quaternion_xyzw: {list(self.quaternion_xyzw)}\n"
        )

    @property
    def publisher(self) -> str:
        """The command that publishes it."""
        values = zip(
            ("x", "y", "z", "qx", "qy", "qz", "qw"), (*self.translation_m, *self.quaternion_xyzw), strict=True
        )
        options = " ".join(f"--{name} {value}" for name, value in values)
        frames = f"--frame-id {self.parent_frame} --child-frame-id {self.child_frame}"
        return f"ros2 run tf2_ros static_transform_publisher {options} {frames}"


def _quaternion_xyzw(rotation: np.ndarray) -> np.ndarray:
    """Return the unit quaternion (4,) of a rotation (3, 3), w >= 0."""
    vector = cv2.Rodrigues(rotation)[0].ravel()
    angle = float(np.linalg.norm(vector))
    axis = vector / angle if angle > 0.0 else vector
    return np.append(np.sin(0.5 * angle) * axis, np.cos(0.5 * angle))
