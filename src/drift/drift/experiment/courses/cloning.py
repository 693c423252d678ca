"""Behaviour cloning: as many further demonstrations in place of the corrected episodes, and one training."""

from typing import TYPE_CHECKING

from drift.experiment.budget import Budget
from drift.experiment.courses.course import Amount, Course

if TYPE_CHECKING:
    from drift.experiment.job import Learner, Point


def _run(learner: "Learner") -> list["Point"]:
    first = learner.job.first_further
    learner.demonstrate(learner.job.demonstrated)
    learner.demonstrate(range(first, first + learner.budget.episodes))
    learner.bootstrap()
    return [learner.evaluate(last=True)]


def amount(budget: Budget) -> Amount:
    """Return what it comes to: all gradient steps at once."""
    return Amount(
        demonstrations=budget.demonstrations + budget.episodes,
        driven=budget.at_the_end,
        offline_steps=budget.offline_steps + budget.rounds * budget.online_steps,
        online_steps=0,
    )


CLONING = Course(_run, amount)
