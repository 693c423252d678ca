"""How dear it is to go away from N(0, I): ever dearer while the actor is further than it may be."""

import math

_START, _RATE = 0.02, 0.01
_LEAST, _MOST = math.log(1e-4), math.log(1.0)


class DivergenceBudget:
    """The price of a nat, so that the divergence comes to `nats`, or stays below where nothing draws it."""

    def __init__(self, nats: float) -> None:
        self._nats, self.log_price = nats, math.log(_START)

    @property
    def price(self) -> float:
        """Of a nat, in scores."""
        return math.exp(self.log_price)

    def follow(self, kl: float) -> None:
        """Take note of the present divergence."""
        moved = self.log_price + (_RATE if kl > self._nats else -_RATE)
        self.log_price = min(max(moved, _LEAST), _MOST)
