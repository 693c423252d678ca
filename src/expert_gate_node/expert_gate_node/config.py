"""Parameters of the gate node; the values stand in config/nodes.yaml."""

from pathlib import Path
from typing import Annotated

from drift_config.strict import STRICT
from drift_control.gate.config import GateConfig
from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")]  # no path


@dataclass(frozen=True, config=STRICT)
class ExpertGateConfig(GateConfig):
    """The gate's own parameters, and the files of the arm and the joysticks."""

    robot_file: Path
    """the arm: config/robots/<robot>.yaml, or <robot>+<gripper>.yaml"""
    joystick_file: Path
    """config/joysticks/<joystick>.yaml, of the first topic"""
    joy_topics: tuple[str, ...]
    """topics of joysticks, in order of precedence"""
    joysticks_beside: tuple[Name, ...]
    """files beside joystick_file, without .yaml, one for each further topic"""
    help_future_error: Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
    """a larger `future_error` of the policy that drives asks for a person, and does nothing else; 0: never"""
    realtime_priority: Annotated[int, Field(ge=0, le=98)]
    """priority under SCHED_FIFO; 0: scheduled like any process"""

    @model_validator(mode="after")
    def _a_file_for_each_topic(self) -> "ExpertGateConfig":
        topics, beside = self.joy_topics, self.joysticks_beside
        if len(set(topics)) != len(topics) or len(topics) != 1 + len(beside):
            raise ValueError(
                f"joy_topics={list(topics)} must be distinct, and joysticks_beside={list(beside)} "
                "one for each after the first"
            )
        return self

    @property
    def joystick_files(self) -> dict[str, Path]:
        """The file of each topic's joystick, in order of precedence."""
        folder = self.joystick_file.parent
        files = [self.joystick_file, *(folder / f"{name}.yaml" for name in self.joysticks_beside)]
        return dict(zip(self.joy_topics, files, strict=True))
