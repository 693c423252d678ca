"""How long to wait before a process is started again."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Backoff:
    """Wait longer after each failure in a row; after running for `settled_s` all is forgotten."""

    first_s: float = 0.5
    factor: float = 2.0
    longest_s: float = 10.0
    settled_s: float = 30.0

    def delay_s(self, failures: int) -> float:
        """Return the wait after `failures` (>= 1) failures in a row."""
        return min(self.longest_s, self.first_s * self.factor ** min(failures - 1, 30))
