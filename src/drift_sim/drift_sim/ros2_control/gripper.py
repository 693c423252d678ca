"""A gripper's driven joint: it goes where it is told, as fast as it can, until a thing is in its way."""

import math
from dataclasses import dataclass


@dataclass
class GripperJoint:
    """Position and speed in the joint's own unit, rad or m."""

    position: float
    speed: float  # in 1/s
    stopped_at: float | None = None  # a thing between the fingers lets it come no further from where it is
    target: float = math.nan  # NaN: it stands
    moved: bool = False  # in the last step

    def __post_init__(self) -> None:
        self._side = 0.0 if self.stopped_at is None else math.copysign(1.0, self.position - self.stopped_at)

    def step(self, period_s: float) -> None:
        """Go on by one cycle."""
        before = self.position
        if not math.isnan(self.target):
            way = self.target - before
            after = before + math.copysign(min(abs(way), self.speed * period_s), way)
            beyond = self.stopped_at is not None and (after - self.stopped_at) * self._side < 0.0
            self.position = self.stopped_at if beyond and self.stopped_at is not None else after
        self.moved = self.position != before
