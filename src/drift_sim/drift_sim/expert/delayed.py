"""A person who is late: does what a rule says some time after it has said so."""

from collections import deque

from drift_sim.expert.supervisor import Rule


class Delayed:
    """Take over and hand back `delay_s` after another rule does."""

    def __init__(self, rule: Rule, delay_s: float) -> None:
        self._rule, self._delay_s = rule, delay_s
        self._said: deque[tuple[float, bool]] = deque()
        self.driving = False

    @property
    def reason(self) -> str:
        """That of the other rule."""
        return self._rule.reason

    def forget(self) -> None:
        """Begin anew, watching."""
        self._rule.forget()
        self._said.clear()
        self.driving = False

    def update(
        self, cost_to_go: float, done: bool, policy_drives: bool, now_s: float, disagrees: bool = False
    ) -> bool:
        """Return whether to drive now; arguments as of the other rule."""
        self._said.append((now_s, self._rule.update(cost_to_go, done, policy_drives, now_s, disagrees)))
        while self._said and self._said[0][0] <= now_s - self._delay_s + 1e-9:
            self.driving = self._said.popleft()[1]
        return self.driving
