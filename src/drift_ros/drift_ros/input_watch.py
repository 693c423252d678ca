"""Which inputs have come, how often, how long ago, and what is wrong with them, in words."""

from collections import deque
from collections.abc import Mapping

JOINTS, STEPS, GATE = "joint_states", "gate/step", "gate/state"
_WINDOW_S = 2.0  # over which rates are taken


def camera_source(camera: str) -> str:
    """Return the name of a camera among the inputs."""
    return f"camera {camera}"


class InputWatch:
    """The good samples of each source, by their steady time of arrival."""

    def __init__(self, limits_s: Mapping[str, float], never: str = "never received") -> None:
        """`limits_s`: by source, longest silence [s]; `never`: what is said of one of which nothing came."""
        self._limits_s, self._never = dict(limits_s), never
        self._arrivals_s: dict[str, deque[float]] = {}
        self._refused: dict[str, str] = {}
        self._began_s: float | None = None
        self.begin(None)

    def begin(self, now_s: float | None) -> None:
        """Forget what came before: an episode begins, None: none is open."""
        self._began_s = now_s
        self._arrivals_s = {source: deque() for source in self._limits_s}
        self._refused = {}

    def arrived(self, source: str, arrival_s: float) -> None:
        """Note a good sample of `source`."""
        times_s = self._arrivals_s[source]
        times_s.append(arrival_s)
        while times_s[0] < arrival_s - _WINDOW_S:
            times_s.popleft()
        self._refused.pop(source, None)

    def refused(self, source: str, reason: str) -> None:
        """Note a sample that could not be used; it does not count as arrived."""
        self._refused[source] = reason

    def age_s(self, source: str, now_s: float) -> float:
        """Return the time since the last good sample [s], infinite if there was none."""
        times_s = self._arrivals_s[source]
        return now_s - times_s[-1] if times_s else float("inf")

    def ages_s(self, now_s: float) -> dict[str, float]:
        """Return the age of every source [s]."""
        return {source: self.age_s(source, now_s) for source in self._limits_s}

    def missing(self, now_s: float) -> list[str]:
        """Return one sentence for each source that is silent for too long, with the reason if known."""
        return [
            self._sentence(source, age_s)
            for source, age_s in self.ages_s(now_s).items()
            if age_s > self._limits_s[source]
        ]

    def rates_hz(self, now_s: float) -> dict[str, float]:
        """Return how often each source came in the last two seconds, while an episode is open."""
        if self._began_s is None:
            return {}
        span_s = max(min(_WINDOW_S, now_s - self._began_s), 1e-3)
        return {
            source: sum(now_s - time_s <= span_s for time_s in times_s) / span_s
            for source, times_s in self._arrivals_s.items()
        }

    def _sentence(self, source: str, age_s: float) -> str:
        silence = self._never if age_s == float("inf") else f"nothing for {age_s:.1f} s"
        reason = self._refused.get(source)
        return f"{source}: {silence}" + (f" ({reason})" if reason else "")
