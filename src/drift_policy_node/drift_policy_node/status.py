"""What the policy node says about itself; fields and values as in PolicyState.msg."""

from dataclasses import dataclass
from enum import IntEnum


class PolicyPhase(IntEnum):
    """The values of PolicyState.state."""

    UNCONFIGURED = 0
    INACTIVE = 1
    ACTIVE = 2
    WAITING = 3


@dataclass(frozen=True)
class PolicyStatus:
    """The running checkpoint, how fast it is, and what is missing."""

    state: PolicyPhase
    version: int
    sha256: str
    path: str
    sampler: str
    engine: str
    inference_ms_p50: float
    inference_ms_p95: float
    rate_hz: float
    future_error: float | None
    swaps: int
    last_refusal: str
    text: str

    def differs(self, other: "PolicyStatus | None") -> bool:
        """Say whether more than latencies, rate and wording has changed since `other`."""
        names = ("state", "version", "sha256", "swaps", "last_refusal", "future_error")
        return other is None or any(getattr(self, name) != getattr(other, name) for name in names)
