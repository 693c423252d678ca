"""A person who takes over at random: the negative control of every rule that looks at the policy."""

import numpy as np


class RandomGate:
    """Take over after a time with an exponential distribution, hand back after a while or at success."""

    reason = "at random"

    def __init__(self, every_s: float, hand_back_s: float, rng: np.random.Generator) -> None:
        """`every_s`: mean time for which the policy drives in between."""
        self._every_s, self._hand_back_s, self._rng = every_s, hand_back_s, rng
        self.forget()

    def forget(self) -> None:
        """Begin anew, waiting."""
        self._at_s: float | None = None  # when to take over
        self._since_s: float | None = None  # for which it drives

    @property
    def driving(self) -> bool:
        """True while the expert drives."""
        return self._since_s is not None

    def update(
        self, cost_to_go: float, done: bool, policy_drives: bool, now_s: float, disagrees: bool = False
    ) -> bool:
        """Return whether to drive now; neither the cost nor the direction counts."""
        if self._since_s is not None:
            if done or now_s - self._since_s >= self._hand_back_s:
                self.forget()
        elif self._at_s is None:
            if policy_drives:
                self._at_s = now_s + self._rng.exponential(self._every_s)
        elif now_s >= self._at_s and not done:
            self._since_s = now_s
        return self.driving
