"""What a method is: a course, what it changes of the recipe, how it trains, and who corrects."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from drift_core.rank.schedule import ConstantRank
from drift_core.training.config import TrainFile
from drift_core.training.rounds import Hooks, RoundReport, Rounds, train_round
from drift_sim.environments.environment import Expert
from drift_sim.shell import Shell

from drift.experiment.courses.course import Course

Recipe = Callable[[TrainFile], TrainFile]  # of a file of config/train
Corrects = Callable[[Shell, int], Expert]  # who takes over in the episode of a seed
TrainOnline = Callable[[Rounds, Hooks, int], RoundReport]  # with so many gradient steps; 0: as configured
FULL_RANK = ConstantRank(fraction=1.0)


def as_it_is(recipe: TrainFile) -> TrainFile:
    """Return the recipe of DRIFT-DAgger in form `left`."""
    return recipe


def full_rank(recipe: TrainFile) -> TrainFile:
    """Train every weight whole."""
    return replace(recipe, rank=replace(recipe.rank, offline=FULL_RANK, online=FULL_RANK))


def full_rank_first(recipe: TrainFile) -> TrainFile:
    """Bootstrap every weight whole."""
    return replace(recipe, rank=replace(recipe.rank, offline=FULL_RANK))


def online_round(rounds: Rounds, hooks: Hooks, steps: int) -> RoundReport:
    """Train as the trainer node does in a round."""
    return train_round(rounds, "online", hooks, steps)


def the_tasks_own(shell: Shell, seed: int) -> Expert:
    """Let the task's own expert take over, as its file says."""
    return shell.expert("correct", seed)


@dataclass(frozen=True)
class Method:
    """One row of a table."""

    title: str
    course: Course
    recipe: Recipe = as_it_is
    online: TrainOnline = online_round
    corrects: Corrects = the_tasks_own
    ours_alone: bool = False  # not for tasks of others
