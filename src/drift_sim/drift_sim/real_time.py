"""How far the physics has to go to keep up with the clock on the wall, and whether it does."""

from collections import deque

_MAX_LAG_S = 0.25  # after a longer stall the lost time is not caught up: the arm must not rush
_WINDOW_S = 5.0


class RealTime:
    """Turn steady time into physics steps due."""

    def __init__(self, timestep_s: float) -> None:
        self._timestep_s = timestep_s
        self._last_s: float | None = None
        self._rest_s = 0.0  # time that did not fill a step yet
        self._history: deque[tuple[float, float]] = (
            deque()
        )  # steady time and simulated time of the last seconds
        self._simulated_s = 0.0

    def steps_due(self, now_s: float) -> int:
        """Return the physics steps from the last call until `now_s` (steady time)."""
        if self._last_s is None:
            self._last_s = now_s
        self._rest_s = min(self._rest_s + now_s - self._last_s, _MAX_LAG_S)
        self._last_s = now_s
        steps = int(self._rest_s / self._timestep_s + 1e-6)
        self._rest_s -= steps * self._timestep_s
        self._simulated_s += steps * self._timestep_s
        self._history.append((now_s, self._simulated_s))
        while self._history[0][0] < now_s - _WINDOW_S:
            self._history.popleft()
        return steps

    def factor(self) -> float:
        """Return simulated time per real time over the last seconds; 1 before there is anything to tell."""
        (first_s, first_simulated_s), (last_s, last_simulated_s) = self._history[0], self._history[-1]
        passed_s = last_s - first_s
        return (last_simulated_s - first_simulated_s) / passed_s if passed_s > 0.5 else 1.0
