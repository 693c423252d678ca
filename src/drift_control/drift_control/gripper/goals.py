"""When a hand that takes goals is given one: each ends the one before, so 50 a second would end them all."""

from dataclasses import dataclass

from drift_control.gripper.config import Gripper

CHANGE_M = 0.001  # less is not worth a goal
PATIENCE_S = 0.2  # a goal that has not ended after this may be replaced
_ROUNDING_S = 1e-6


@dataclass(frozen=True)
class GripperGoal:
    """Where the hand shall go: an opening [m]; while closing it grasps, with force."""

    opening_m: float
    closing: bool


class GoalPolicy:
    """Turn the openings of all control ticks into few goals; not thread-safe."""

    def __init__(self, gripper: Gripper) -> None:
        self._ends_m = (0.0, gripper.opening_max_m)
        self._last_m: float | None = None  # None: nothing is commanded
        self._before_m: float | None = None
        self._sent_s: float | None = None  # None: no goal is under way

    def next(self, opening_m: float, now_s: float) -> GripperGoal | None:
        """Return the goal to send at steady time `now_s` for the opening that is wanted [m], None: none.

        It differs from the last one by more than CHANGE_M, or is an end that the last one was not, and the
        last one has ended or is PATIENCE_S old. The first opening is where the hand is; it needs no goal, and
        what is held stays held.
        """
        if self._last_m is None:
            self._last_m = opening_m
        if self._sent_s is not None and now_s - self._sent_s < PATIENCE_S - _ROUNDING_S:
            return None
        change_m = opening_m - self._last_m
        if abs(change_m) <= CHANGE_M and (opening_m not in self._ends_m or change_m == 0.0):
            return None
        self._before_m, self._last_m, self._sent_s = self._last_m, opening_m, now_s
        return GripperGoal(opening_m, closing=change_m < 0.0)

    def ended(self, opening_m: float) -> bool:
        """The goal for `opening_m` has ended, whatever became of it; one that was replaced does not count.

        Return whether it does.
        """
        counts = opening_m == self._last_m
        if counts:
            self._sent_s = None
        return counts

    def failed(self, opening_m: float) -> None:
        """The goal for `opening_m` was not taken; it is sent again once it is PATIENCE_S old."""
        if opening_m == self._last_m:
            self._last_m = self._before_m

    def forget(self) -> None:
        """Nothing is commanded any more; the hand may be moved by others."""
        self._last_m = self._sent_s = None
