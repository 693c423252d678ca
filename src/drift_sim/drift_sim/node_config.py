"""Parameters of the two nodes of the simulation; the values stand in config/nodes.yaml."""

from pathlib import Path
from typing import Annotated, Literal

from drift_config.strict import STRICT
from pydantic import Field
from pydantic.dataclasses import dataclass


@dataclass(frozen=True, config=STRICT)
class SimNodeConfig:
    """Parameters of the simulation node."""

    robot_file: Path
    """the arm: config/robots/<robot>.yaml, or <robot>+<gripper>.yaml"""
    task_file: Path
    """config/tasks/<task>.yaml"""
    joint_state_rate_hz: Annotated[float, Field(gt=0.0, le=500.0)]
    """of joint_states"""
    camera_rate_hz: Annotated[float, Field(gt=0.0, le=100.0)]
    """of each camera"""
    ground_truth_rate_hz: Annotated[float, Field(gt=0.0, le=500.0)]
    """of sim/ground_truth"""
    seed: Annotated[int, Field(ge=0)]
    """of the poses of the objects at start"""


@dataclass(frozen=True, config=STRICT)
class ExpertNodeConfig:
    """Parameters of the scripted expert."""

    robot_file: Path
    """the arm: config/robots/<robot>.yaml, or <robot>+<gripper>.yaml"""
    task_file: Path
    """config/tasks/<task>.yaml"""
    joystick_file: Path
    """config/joysticks/<joystick>.yaml, the mapping of expert/joy"""
    mode: Literal["correct", "demonstrate"]
    """take over when the policy goes wrong, or drive all the time"""
    takeovers: bool
    """false: hands off the stick, whatever the policy does; may be set while the node runs"""
    rate_hz: Annotated[float, Field(gt=0.0, le=200.0)]
    """of expert/joy"""
    seed: Annotated[int, Field(ge=0)]
    """of the tremor"""
