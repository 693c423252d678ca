"""When to compute the next chunk."""

from dataclasses import dataclass

_EARLY = 0.25  # of a step: a frame that comes this early still counts as its step


@dataclass(frozen=True)
class Pace:
    """Replan while driving as soon as enough of the old chunk is used; slowly while somebody else drives."""

    replan_steps: int
    dt_s: float
    idle_period_s: float

    def due(self, t_ref_s: float, last_t_ref_s: float | None, driving: bool) -> bool:
        """Say whether an observation at `t_ref_s` deserves a chunk; the last one was at `last_t_ref_s`."""
        return last_t_ref_s is None or t_ref_s >= self.due_s(last_t_ref_s, driving)

    def due_s(self, last_t_ref_s: float, driving: bool) -> float:
        """Return the earliest time of the observation that deserves the next chunk."""
        wanted_s = self.replan_steps * self.dt_s if driving else self.idle_period_s
        return last_t_ref_s + wanted_s - _EARLY * self.dt_s
