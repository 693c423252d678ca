"""What the files of drift want of a running robot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from drift_control.robot.config import RobotConfig
from drift_core.calibration.camera_place import CameraPlace
from drift_core.task import CameraConfig


@dataclass(frozen=True)
class Wanted:
    """One arm and the cameras of a task, as the stack would look for them."""

    robot: RobotConfig
    namespace: str  # of the stack, "/" or "/left"
    topic: str  # of the commands, in full: /left/arm_controller/joint_trajectory
    cameras: Sequence[CameraConfig]
    picture_s: float  # from one picture that the policy needs to the next [s]
    rate_hz: float  # at which the gate looks at the joint states
    task: str = ""  # whose cameras
    places: Mapping[str, CameraPlace] = field(default_factory=dict)  # of those cameras that were measured

    @property
    def controller(self) -> str:
        """Its name, as its manager knows it."""
        return self.topic.rpartition("/")[0].rpartition("/")[2]

    @property
    def driver_namespace(self) -> str:
        """Where the arm's controllers are: "" or "/left"."""
        return self.topic.rpartition("/")[0].rpartition("/")[0]

    @property
    def file(self) -> str:
        """The robot's file, for a remedy."""
        return f"config/robots/{self.robot.name.partition('+')[0]}.yaml"
