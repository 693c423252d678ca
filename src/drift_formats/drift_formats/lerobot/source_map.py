"""What in somebody else's set means what."""

from dataclasses import field

from drift_config.strict import STRICT
from pydantic.dataclasses import dataclass


@dataclass(frozen=True, config=STRICT)
class Columns:
    """Entries of a column as numbers of ours: offset + scale * what stands there."""

    feature: str
    entries: tuple[int | str, ...] = ()  # by number from 0 or by name; empty: all of them, in their order
    scale: float = 1.0  # 0.01745329252 makes radians of degrees
    offset: float = 0.0


@dataclass(frozen=True, config=STRICT)
class SourceMap:
    """Where joints, openings, set-points and pictures are; the rest is found by its name, or refused."""

    joints: Columns | None = None  # measured joint positions [rad]; of a task without arm: the point
    gripper: Columns | None = None  # measured opening [m]; none: 0
    action_joints: Columns | None = None  # set-points of the joints [rad]; of a task without arm: the action
    action_gripper: Columns | None = None  # set-point of the opening [m]; none: 0
    action_pose: Columns | None = None  # in place of both: x y z [m], 6-D rotation, opening [m], in the base
    cameras: dict[str, str] = field(default_factory=dict)  # of the task: the column of its pictures
