"""Rank schedules: which fraction of each layer's maximum rank trains at each step (DRIFT, arXiv 2502.03822).

A schedule is anything that maps a step (>= 0) to a fraction in (0, 1]. With `every` = 1 it counts steps,
with `every` = the steps of an epoch it counts epochs, as the paper does: i = step // every, and T = steps /
every is the length. In the formulas s = start and e = end. One that adapts to data is an object that also
listens to `Trainer.run(on_step=...)`.

| schedule    | fraction at i                            | off from s at i = 0     | off from e at i = T     |
|-------------|------------------------------------------|-------------------------|-------------------------|
| constant    | e                                        | 0                       | 0                       |
| linear      | s - (s - e) i / T                        | 0                       | 0                       |
| cosine      | e + (s - e) (1 + cos(pi i / T)) / 2      | 0                       | 0                       |
| sigmoid     | s - (s - e) / (1 + exp(-tau (i - T/2)))  | (s-e)/(1+exp(tau T/2))  | (s-e)/(1+exp(tau T/2))  |
| exponential | e + (s - e) exp(-tau i)                  | 0                       | (s-e) exp(-tau T)       |
| logarithmic | e + (s - e) / (1 + log_b(i + 1))         | 0                       | (s-e)/(1+log_b(T+1))    |

From step `steps` on every schedule keeps `end` exactly: the decay is over, the online rounds begin at the
minimum rank. The last two columns are why the formula alone would not get there.
"""

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal, Protocol, Self

from drift_config.errors import ConfigError
from drift_config.strict import STRICT
from pydantic import Field
from pydantic.dataclasses import dataclass

from drift_core.kinds import one_of
from drift_core.rank.adaptive import AdaptiveRank

Fraction = Annotated[float, Field(gt=0.0, le=1.0)]


class RankSchedule(Protocol):
    """The interface of all schedules."""

    def __call__(self, step: int) -> float:
        """Return the fraction of the maximum rank to train at `step`."""

    def scaled(self, share: float) -> "RankSchedule":
        """Return the schedule for a training of `share` of the steps."""


@dataclass(frozen=True, config=STRICT)
class ConstantRank:
    """The same fraction at every step."""

    fraction: Fraction
    kind: Literal["constant"] = "constant"

    def __call__(self, step: int) -> float:
        """Return `fraction`."""
        return self.fraction

    def scaled(self, share: float) -> "ConstantRank":
        """Return the same: it knows no steps."""
        return self


@dataclass(frozen=True, config=STRICT)
class _Decay:
    """What all falling schedules share: the ends, the length, and the unit they count in."""

    start: Fraction
    end: Fraction
    steps: Annotated[int, Field(ge=1)]  # length of the decay
    every: Annotated[int, Field(ge=1)] = (
        1  # steps per unit: 1 to count steps, the steps of an epoch to count epochs
    )

    def __post_init__(self) -> None:
        if self.end > self.start:
            raise ConfigError(f"end={self.end} must be at most start={self.start}")
        if self.every > self.steps:
            raise ConfigError(f"every={self.every} must be at most steps={self.steps}")

    def __call__(self, step: int) -> float:
        """Return the fraction at `step`; `end` from step `steps` on."""
        if step >= self.steps:
            return self.end
        unit, length = step // self.every, self.steps / self.every
        left = self._left(unit, length)
        # The formula alone may round the start away.
        return self.start if left == 1.0 else self.end + (self.start - self.end) * left

    def scaled(self, share: float) -> Self:
        """Return the decay over `share` of the steps."""
        return replace(self, steps=max(1, round(share * self.steps)), every=max(1, round(share * self.every)))

    def _left(self, unit: int, length: float) -> float:
        """Return the share of (start - end) that is left at unit i of T."""
        raise NotImplementedError


@dataclass(frozen=True, config=STRICT)
class LinearDecay(_Decay):
    """Fall evenly."""

    kind: Literal["linear"] = "linear"

    def _left(self, unit: int, length: float) -> float:
        return 1.0 - unit / length


@dataclass(frozen=True, config=STRICT)
class CosineDecay(_Decay):
    """Fall along half a cosine: slowly at both ends."""

    kind: Literal["cosine"] = "cosine"

    def _left(self, unit: int, length: float) -> float:
        return (1.0 + math.cos(math.pi * unit / length)) / 2.0


@dataclass(frozen=True, config=STRICT)
class SigmoidDecay(_Decay):
    """Fall mostly around half time; the paper recommends tau = 0.5 per epoch."""

    tau: Annotated[float, Field(gt=0.0)] = 0.5  # steepness per unit
    kind: Literal["sigmoid"] = "sigmoid"

    def _left(self, unit: int, length: float) -> float:
        return 1.0 / (1.0 + math.exp(min(self.tau * (unit - length / 2.0), 700.0)))


@dataclass(frozen=True, config=STRICT)
class ExponentialDecay(_Decay):
    """Fall fastest at once, at rate `tau` per unit."""

    tau: Annotated[float, Field(gt=0.0)] = 0.5
    kind: Literal["exponential"] = "exponential"

    def _left(self, unit: int, length: float) -> float:
        return math.exp(-self.tau * unit)


@dataclass(frozen=True, config=STRICT)
class LogarithmicDecay(_Decay):
    """Fall fast, then ever more slowly; half of the way is left at i = base - 1."""

    base: Annotated[float, Field(gt=1.0)] = 10.0
    kind: Literal["logarithmic"] = "logarithmic"

    def _left(self, unit: int, length: float) -> float:
        return 1.0 / (1.0 + math.log(unit + 1.0, self.base))


SCHEDULES: tuple[type[RankSchedule], ...] = (
    AdaptiveRank,
    ConstantRank,
    LinearDecay,
    CosineDecay,
    SigmoidDecay,
    ExponentialDecay,
    LogarithmicDecay,
)

if TYPE_CHECKING:
    ScheduleConfig = RankSchedule
else:
    ScheduleConfig = one_of(SCHEDULES)
