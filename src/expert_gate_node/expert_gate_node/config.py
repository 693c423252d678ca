"""Parameters of the gate node; the values stand in config/nodes.yaml."""

from pathlib import Path
from typing import Annotated

from drift_control.gate.config import GateConfig
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass


@dataclass(frozen=True, config=ConfigDict(extra="forbid", allow_inf_nan=False))
class ExpertGateConfig(GateConfig):
    """The gate's own parameters, and the files of the arm and the joystick."""

    robot_file: Path  # config/robots/<robot>.yaml
    joystick_file: Path  # config/joysticks/<joystick>.yaml
    realtime_priority: Annotated[int, Field(ge=0, le=98)]  # SCHED_FIFO; 0: scheduled like any process
