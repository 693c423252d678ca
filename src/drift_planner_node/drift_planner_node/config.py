"""Parameters of the planner node; the values stand in config/nodes.yaml."""

from pathlib import Path
from typing import Annotated, Literal

from drift_config.strict import STRICT
from pydantic import Field
from pydantic.dataclasses import dataclass


@dataclass(frozen=True, config=STRICT)
class PlannerConfig:
    """Which planner, and what it needs."""

    robot_file: Path
    """config/robots/<robot>.yaml"""
    planner: Literal["ompl", "move_group", "moveit_py"]
    """ompl: built in; move_group: a MoveIt that runs, by its services; moveit_py: MoveIt in this process"""
    seed: Annotated[int, Field(ge=0)]
    """of what is drawn at random"""
    moveit_group: str
    """of MoveIt's robot description, the arm without its hand; empty: as its maker calls it"""
    moveit_file: Path
    """config/moveit/<name>.yaml, for moveit_py"""
