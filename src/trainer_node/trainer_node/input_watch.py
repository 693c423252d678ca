"""Whether all that an episode needs is being recorded: rates, silences, and why samples are refused."""

from collections import deque
from collections.abc import Iterable

JOINTS, STEPS = "joint_states", "gate/step"
_WINDOW_S = 2.0  # over which rates are taken


def camera_source(camera: str) -> str:
    """Return the name of a camera among the inputs."""
    return f"camera {camera}"


class InputWatch:
    """The recorded samples of each input in the open episode, by their steady time of arrival."""

    def __init__(self, cameras: Iterable[str], silence_s: float) -> None:
        """`silence_s`: an input of which nothing was recorded for so long is missing."""
        self._silence_s = silence_s
        self._arrivals_s: dict[str, deque[float]] = {}
        self._refused: dict[str, str] = {}
        self._began_s: float | None = None
        self._sources = (*map(camera_source, cameras), JOINTS, STEPS)
        self.begin(None)

    def begin(self, now_s: float | None) -> None:
        """Forget what came before: an episode begins, None: none is open."""
        self._began_s = now_s
        self._arrivals_s = {source: deque() for source in self._sources}
        self._refused = {}

    def recorded(self, source: str, arrival_s: float) -> None:
        """Note a sample that was recorded."""
        times_s = self._arrivals_s[source]
        times_s.append(arrival_s)
        while times_s[0] < arrival_s - _WINDOW_S:
            times_s.popleft()
        self._refused.pop(source, None)

    def refused(self, source: str, reason: str) -> None:
        """Note a sample that could not be recorded."""
        self._refused[source] = reason

    def missing(self, now_s: float) -> str:
        """Name the inputs of which nothing was recorded yet, or for too long, with the reason if known."""
        return "; ".join(
            f"{source}: {silence}" + (f" ({self._refused[source]})" if source in self._refused else "")
            for source, times_s in self._arrivals_s.items()
            if (silence := self._silence(times_s, now_s))
        )

    def rates_hz(self, now_s: float) -> dict[str, float]:
        """Return how often each input was recorded in the last two seconds, while an episode is open."""
        if self._began_s is None:
            return {}
        span_s = max(min(_WINDOW_S, now_s - self._began_s), 1e-3)
        return {
            source: sum(now_s - time_s <= span_s for time_s in times_s) / span_s
            for source, times_s in self._arrivals_s.items()
        }

    def _silence(self, times_s: deque[float], now_s: float) -> str:
        if not times_s:
            return "nothing recorded yet"
        silent_s = now_s - times_s[-1]
        return f"nothing recorded for {silent_s:.1f} s" if silent_s > self._silence_s else ""
