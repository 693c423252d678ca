"""Hand guiding: a pedal or buttons whose enable lets go of the arm, so that a person leads it by hand."""

from pathlib import Path
from typing import Literal

from drift_config.loader import load_yaml
from drift_config.strict import STRICT
from pydantic.dataclasses import dataclass

from drift_control.inputs import JoyReading
from drift_control.teleop.command import Guiding, TeleopCommand
from drift_control.teleop.lead import ButtonsConfig
from drift_control.teleop.panel import Panel


@dataclass(frozen=True, config=STRICT, kw_only=True)
class HandGuidingConfig(ButtonsConfig):
    """What a person holds while she guides the arm, as config/joysticks/hand_guiding.yaml says."""

    kind: Literal["hand_guiding"]


class HandGuiding:
    """The arm itself is what leads; holds no state."""

    def __init__(self, config: HandGuidingConfig) -> None:
        self.config = config
        self._panel = Panel(config)

    def command(self, joy: JoyReading) -> TeleopCommand:
        """Return what the buttons of one message say; the gripper is not told anything meanwhile."""
        return TeleopCommand.of(self._panel.held(joy), Guiding(), 0.0)


def load_hand_guiding(path: Path) -> HandGuiding:
    """Return the device described by a file like config/joysticks/hand_guiding.yaml."""
    return HandGuiding(load_yaml(Path(path), HandGuidingConfig))
