"""Whether the joystick is alive: silence and repetition while the enable button is held are not a command."""

from drift_control.freshness import Freshness
from drift_control.inputs import JoyReading, Now


class JoyWatch:
    """Arrival of joystick messages and of changes in them, on the steady clock."""

    def __init__(self, timeout_s: float, frozen_s: float) -> None:
        self._timeout_s, self._frozen_s = timeout_s, frozen_s
        self._freshness = Freshness(timeout_s)
        self._values: tuple[tuple[float, ...], tuple[int, ...]] | None = None
        self._changed_s = 0.0  # arrival of the first message with these values

    def update(self, joy: JoyReading) -> bool:
        """Take note of the newest message and return whether it counts: its stamp must have advanced."""
        if not self._freshness.update(joy.stamp_s, joy.arrival_s):
            return False
        values = (tuple(joy.axes), tuple(joy.buttons))
        if values != self._values:
            self._values, self._changed_s = values, joy.arrival_s
        return True

    def silent_s(self, now: Now) -> float:
        """Return for how long no message has come [s]."""
        return self._freshness.age_s(now)

    def silent(self, now: Now) -> bool:
        """Return whether that is too long."""
        return self.silent_s(now) > self._timeout_s

    def frozen(self, now: Now) -> bool:
        """Return whether all values have been the same, to the bit, for too long."""
        return self._values is not None and now.steady_s - self._changed_s >= self._frozen_s

    def forget_stamp(self) -> None:
        """Accept any stamp next, after the ROS clock jumped."""
        self._freshness.forget_stamp()
