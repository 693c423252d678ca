"""Where the arm may be asked to go."""

from dataclasses import dataclass

from drift_control.robot.pose import Array, Pose


@dataclass(frozen=True)
class Named:
    """`home`, or one of `poses_rad` of the robot's file."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Joints:
    """Joint positions (J,) [rad]."""

    q: Array

    def __str__(self) -> str:
        return f"joint positions {self.q.round(3).tolist()}"


@dataclass(frozen=True)
class TcpPose:
    """A pose of the TCP in the robot's base frame."""

    pose: Pose

    def __str__(self) -> str:
        return f"the pose with the TCP at {self.pose.position.round(3).tolist()}"


Target = Named | Joints | TcpPose
HOME = Named("home")
