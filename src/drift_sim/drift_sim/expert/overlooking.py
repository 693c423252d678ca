"""A person who overlooks things: some of what another rule would take over for goes by unseen."""

import numpy as np

from drift_sim.expert.supervisor import Rule


class Overlooking:
    """Do as another rule says, but for a share of its take-overs."""

    def __init__(self, rule: Rule, share: float, rng: np.random.Generator) -> None:
        self._rule, self._share, self._rng = rule, share, rng
        self._sees = True  # what the other rule takes over for now

    @property
    def driving(self) -> bool:
        """True while the expert drives."""
        return self._rule.driving and self._sees

    @property
    def reason(self) -> str:
        """That of the other rule."""
        return self._rule.reason

    def forget(self) -> None:
        """Begin anew, watching."""
        self._rule.forget()

    def update(
        self, cost_to_go: float, done: bool, policy_drives: bool, now_s: float, disagrees: bool = False
    ) -> bool:
        """Return whether to drive now; arguments as of the other rule."""
        before = self._rule.driving
        if self._rule.update(cost_to_go, done, policy_drives, now_s, disagrees) and not before:
            self._sees = bool(self._rng.random() >= self._share)
        return self.driving
