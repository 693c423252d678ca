"""How many messages one browser may send."""


class RateLimit:
    """A bucket that holds a second's worth; times are steady [s]."""

    def __init__(self, per_second: float, now_s: float) -> None:
        self._rate, self._left, self._last_s = per_second, per_second, now_s

    def takes(self, now_s: float) -> bool:
        """Count one message; return whether it is still within the limit."""
        self._left = min(self._rate, self._left + (now_s - self._last_s) * self._rate)
        self._last_s = now_s
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True
