"""What in somebody else's bag means what: the file that `--map` names."""

from dataclasses import field
from typing import Literal

from drift_config.strict import STRICT
from drift_core.episodes import OutcomeName
from pydantic.dataclasses import dataclass

from drift_formats.format import Cell


@dataclass(frozen=True, config=STRICT)
class TopicMap:
    """Topics by their full names; nothing is guessed. Not needed for bags of ours."""

    cameras: dict[str, str] = field(default_factory=dict)
    """each camera of the task: its topic of Image or CompressedImage"""
    joint_states: tuple[str, ...] = ()
    """topics of JointState: arm and gripper"""
    joints: dict[str, str] = field(default_factory=dict)
    """the robot's name of a joint: that in the bag, where they differ"""
    command: str = ""
    """what the arm was told: JointTrajectory, JointState, Float64MultiArray (joints), PoseStamped (TCP)"""
    gripper_command: str = ""
    """the opening that it was told [m]: Float64, Float64MultiArray or JointState; empty: the one measured"""
    definitions: Literal[
        "", "dashing", "eloquent", "foxy", "galactic", "humble", "iron", "jazzy", "kilted"
    ] = ""
    """the distribution of ROS in which types are defined that the bag does not define"""
    outcome: OutcomeName = "unknown"
    """of all episodes of it"""

    @staticmethod
    def example(cell: Cell) -> str:
        """Return the keys that a map for this task must have."""
        cameras = ", ".join(f"{camera.name}: /TOPIC" for camera in cell.task.cameras)
        return f"cameras: {{{cameras}}}, joint_states: [/TOPIC], command: /TOPIC"
