"""Clocks: the stamp of a message against its arrival here.

The least difference of many is the offset of the two clocks plus the shortest way, which nobody can tell
apart: below some milliseconds it means nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from drift_control.freshness import AHEAD_MAX_S

from drift.doctor.finding import Finding, failure, good, warning

_LATE_S = 0.1
_OTHER_CLOCK_S = 3600.0


@dataclass(frozen=True)
class Delay:
    """Arrival less stamp, of some messages of a source."""

    least_s: float
    count: int
    latency_s: float = 0.0  # from what is measured to the stamp, of a camera's file


def clocks(delays: Mapping[str, Delay]) -> Finding | None:
    """Do the stamps fit this machine's clock; None where no message had one."""
    if not delays:
        return None
    said = ", ".join(f"{name} {1e3 * delay.least_s:+.1f} ms" for name, delay in delays.items())
    text = f"arrival less stamp, least of {min(d.count for d in delays.values())} or more: {said}"
    advice = "chrony on both machines (docs/two_machines.md), or a driver that stamps when it measures"
    worst = max(delays.values(), key=lambda delay: abs(delay.least_s))
    if abs(worst.least_s) > _OTHER_CLOCK_S:
        return failure(
            f"{text}: another clock than this machine's", "use_sim_time of the driver must be as the stack's"
        )
    ahead = [name for name, delay in delays.items() if delay.least_s + delay.latency_s < -AHEAD_MAX_S]
    if ahead:
        return failure(
            f"{text}: stamps of {', '.join(ahead)} are ahead, allowed: {1e3 * AHEAD_MAX_S:.0f} ms",
            advice,
        )
    if late := [name for name, delay in delays.items() if delay.least_s > _LATE_S]:
        return warning(f"{text}: {', '.join(late)} with a clock behind, or late", advice)
    return good(f"{text} (offset of the clocks and way together)")
