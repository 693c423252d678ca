"""Where the makers describe their arms, and which link of theirs carries the hand."""

from dataclasses import dataclass

from drift_config.errors import ConfigError
from drift_control.robot.robot import Robot


@dataclass(frozen=True)
class MakersDescription:
    """A file for the program xacro."""

    package: str
    file: str  # in the package's share folder
    arguments: dict[str, str]
    flange: str  # link where drift's own model of the arm ends


def makers_description(robot: Robot) -> MakersDescription:
    """Return where the maker describes this arm; ConfigError where none is known."""
    arm = robot.arm.name
    if arm.startswith("ur"):
        arguments = {"name": "ur", "ur_type": arm, "force_abs_paths": "true"}
        return MakersDescription("ur_description", "urdf/ur.urdf.xacro", arguments, "tool0")
    if arm == "fr3":
        return MakersDescription(
            "franka_description", "robots/fr3/fr3.urdf.xacro", {"hand": "false"}, "fr3_link8"
        )
    raise ConfigError(
        f"robot={robot.name}: no description package is known for the arm {arm}; known: ur…, fr3"
    )
