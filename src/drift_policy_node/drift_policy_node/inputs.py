"""Which inputs have arrived, how long ago, and what is wrong with them, in words."""

from collections.abc import Iterable


class InputWatch:
    """Age of each source on the steady clock; "never received" is too old as well."""

    def __init__(self, limits_s: dict[str, float]) -> None:
        self._limits_s = limits_s  # by source: longest silence [s]
        self._arrival_s: dict[str, float] = {}
        self._trouble: dict[str, str] = {}

    def arrived(self, source: str, arrival_s: float) -> None:
        """Note a good sample of `source`."""
        self._arrival_s[source] = arrival_s
        self._trouble.pop(source, None)

    def refused(self, source: str, reason: str) -> None:
        """Note a sample that could not be used; it does not count as arrived."""
        self._trouble[source] = reason

    def age_s(self, source: str, now_s: float) -> float:
        """Return the time since the last good sample [s], infinite if there was none."""
        return now_s - self._arrival_s.get(source, float("-inf"))

    def ages_s(self, now_s: float) -> dict[str, float]:
        """Return the age of every watched source [s]."""
        return {source: self.age_s(source, now_s) for source in self._limits_s}

    def missing(self, now_s: float) -> list[str]:
        """Return one sentence for each source that is silent for too long."""
        return [self._sentence(source, now_s) for source in self._silent(now_s)]

    def _silent(self, now_s: float) -> Iterable[str]:
        return (name for name, limit_s in self._limits_s.items() if self.age_s(name, now_s) > limit_s)

    def _sentence(self, source: str, now_s: float) -> str:
        age_s = self.age_s(source, now_s)
        silence = "never received" if age_s == float("inf") else f"nothing for {age_s:.1f} s"
        trouble = self._trouble.get(source)
        return f"{source}: {silence}" + (f" ({trouble})" if trouble else "")
