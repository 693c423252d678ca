"""A frame mounted on another, as ROS has it: metres, and a quaternion in the order x y z w."""

from typing import Annotated

import numpy as np
from drift_config.strict import STRICT
from pydantic import Field
from pydantic.dataclasses import dataclass

Number = Annotated[float, Field(ge=-10.0, le=10.0)]
FrameName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_/]*$")]


@dataclass(frozen=True, config=STRICT)
class StaticTransform:
    """Where the origin of a frame is in another, and how it is turned."""

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

    @property
    def text(self) -> str:
        """The lines of a file, below a key."""
        return (
            f"  parent_frame: {self.parent_frame}\n"
            f"  child_frame: {self.child_frame}\n"
            f"  translation_m: {list(self.translation_m)} # of the child's origin, in the parent's frame\n"
            f"  quaternion_xyzw: {list(self.quaternion_xyzw)}\n"
        )

    @property
    def words(self) -> tuple[str, ...]:
        """What static_transform_publisher of tf2_ros is told to publish it."""
        values = zip(
            ("x", "y", "z", "qx", "qy", "qz", "qw"), (*self.translation_m, *self.quaternion_xyzw), strict=True
        )
        said = [word for name, value in values for word in (f"--{name}", str(value))]
        return (*said, "--frame-id", self.parent_frame, "--child-frame-id", self.child_frame)


def _quaternion_xyzw(rotation: np.ndarray) -> np.ndarray:
    """Return the unit quaternion (4,) of a rotation (3, 3), w >= 0."""
    import cv2  # changes the environment of whoever only reads files, as the launch file does

    vector = cv2.Rodrigues(rotation)[0].ravel()
    angle = float(np.linalg.norm(vector))
    axis = vector / angle if angle > 0.0 else vector
    return np.append(np.sin(0.5 * angle) * axis, np.cos(0.5 * angle))
