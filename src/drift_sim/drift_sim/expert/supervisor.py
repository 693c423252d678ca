"""When to take over and when to hand back, judged by the cost-to-go or by the direction of motion."""

from dataclasses import dataclass
from typing import Protocol

from drift_sim.scenes.scene import TICK_S, ExpertConfig

_PROGRESS_TICKS = 0.5  # a new best must be better than the old one by this much


class Rule(Protocol):
    """When to take over and when to hand back."""

    @property
    def driving(self) -> bool:
        """True while the expert drives."""

    @property
    def reason(self) -> str:
        """Of the last take-over."""

    def forget(self) -> None:
        """Begin anew, watching."""

    def update(
        self, cost_to_go: float, done: bool, policy_drives: bool, now_s: float, disagrees: bool = False
    ) -> bool:
        """Return whether the expert shall drive now; `cost_to_go` in ticks of 0.1 s.

        `disagrees`: the arm moves elsewhere than the expert would.
        """


@dataclass(frozen=True)
class _Watch:
    best: float  # lowest cost-to-go since the hand-over [ticks]
    best_at_s: float


class TakeoverRule:
    """Watch the policy; take over when it strays or stalls, hand back after a while or at success.

    With a `cosine_threshold`: when it moves elsewhere than the expert would, or stalls.
    """

    def __init__(self, config: ExpertConfig) -> None:
        self._config = config
        self.reason = ""  # of the last take-over
        self.forget()

    def forget(self) -> None:
        """Begin anew, watching."""
        self._watch: _Watch | None = None
        self._driving_since_s: float | None = None

    @property
    def driving(self) -> bool:
        """True while the expert drives."""
        return self._driving_since_s is not None

    def update(
        self, cost_to_go: float, done: bool, policy_drives: bool, now_s: float, disagrees: bool = False
    ) -> bool:
        """Return whether the expert shall drive now; `cost_to_go` in ticks of 0.1 s.

        `disagrees`: the arm moves elsewhere than the expert would.
        """
        if self._driving_since_s is not None:
            if done or now_s - self._driving_since_s >= self._config.hand_back_s:
                self._driving_since_s = None
                self._watch = None
            return self.driving
        if self._watch is None:
            if policy_drives:  # the clock of a stall starts with the first chunk that is executed
                self._watch = _Watch(cost_to_go, now_s)
            return False
        if cost_to_go < self._watch.best - _PROGRESS_TICKS:
            self._watch = _Watch(cost_to_go, now_s)
        if done:
            return False
        reason = self._complaint(self._watch, cost_to_go, now_s, disagrees)
        if reason is not None:
            self._driving_since_s, self.reason = now_s, reason
        return self.driving

    def _complaint(self, watch: _Watch, cost_to_go: float, now_s: float, disagrees: bool) -> str | None:
        """Return what is wrong with the policy, None: nothing."""
        if disagrees:
            return "disagrees: moves elsewhere than the expert would"
        by_cost = self._config.cosine_threshold is None
        if by_cost and cost_to_go > watch.best + self._config.stray_ticks:
            return f"strays: cost-to-go {cost_to_go * TICK_S:.1f} s after {watch.best * TICK_S:.1f} s"
        if now_s - watch.best_at_s > self._config.stall_s:
            return f"stalls: no progress for {self._config.stall_s} s"
        return None
