"""How much of everything a job does."""

from dataclasses import asdict, field
from typing import Annotated, Literal

from drift_config.errors import ConfigError
from drift_config.loader import parse
from drift_config.strict import STRICT
from pydantic import Field
from pydantic.dataclasses import dataclass

Count = Annotated[int, Field(ge=1)]
BudgetName = Literal["quick", "full"]


@dataclass(frozen=True, config=STRICT)
class Budget:
    """How much of everything one job does; the same for every method."""

    # policies of each method on each task: no matter for one of them
    seeds: Count = field(compare=False)
    demonstrations: Count  # episodes that the expert drives before the first training
    episodes: Count  # that are corrected; BC gets as many further demonstrations instead
    rounds: Count  # into which they are split, with training after each
    offline_steps: Count  # gradient steps of the bootstrapping
    online_steps: Count  # of each round; BC does all of them in its one training
    evaluations: Count  # rollouts of a policy
    last_evaluations: Count | None = None  # of the policy at the end; None: as many

    def __post_init__(self) -> None:
        if self.rounds > self.episodes:
            raise ConfigError(f"rounds={self.rounds} must be at most episodes={self.episodes}")

    @property
    def at_the_end(self) -> int:
        """Rollouts of the policy at the end."""
        return self.last_evaluations or self.evaluations


@dataclass(frozen=True, config=STRICT)
class Budgets:
    """A short one to see that all works, and the one whose results count."""

    quick: Budget
    full: Budget


@dataclass(frozen=True, config=STRICT)
class Changes:
    """What one task needs more or less of than the others; None: as the study says."""

    demonstrations: Count | None = None
    episodes: Count | None = None
    rounds: Count | None = None
    offline_steps: Count | None = None
    online_steps: Count | None = None
    evaluations: Count | None = None
    last_evaluations: Count | None = None

    def of(self, budget: Budget, source: str) -> Budget:
        """Return `budget` with these changes; ConfigError names `source` where they do not fit together."""
        changed = {name: value for name, value in asdict(self).items() if value is not None}
        return parse(asdict(budget) | changed, Budget, source)
