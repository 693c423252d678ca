"""The thumb on the enable button."""

_NO_EFFECT_S = 0.5  # enable held for so long without the gate saying EXPERT: let go
_PAUSE_S = 0.2  # and press again after this


class Grip:
    """When holding the button has no effect, let go and press again."""

    def __init__(self) -> None:
        self.release()

    def release(self) -> None:
        """Let go."""
        self._pressed_s: float | None = None
        self._pause_until_s = float("-inf")

    def hold(self, wanted: bool, effective: bool, now_s: float) -> bool:
        """Return whether to press now; `effective`: the gate says that the expert drives."""
        if not wanted:
            self._pressed_s = None
            return False
        if now_s < self._pause_until_s:
            return False
        if self._pressed_s is None or effective:
            self._pressed_s = now_s
        elif now_s - self._pressed_s > _NO_EFFECT_S:
            self._pressed_s, self._pause_until_s = None, now_s + _PAUSE_S
            return False
        return True
