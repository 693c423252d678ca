"""Corrections in rounds: demonstrate, bootstrap, then correct and train in turn."""

from typing import TYPE_CHECKING

from drift.experiment.budget import Budget
from drift.experiment.courses.course import Amount, Course

if TYPE_CHECKING:
    from drift.experiment.job import Learner, Point


def _run(learner: "Learner") -> list["Point"]:
    learner.begin()
    points, parts = [learner.evaluate()], learner.job.corrected
    for part in parts:
        learner.correct(part)
        learner.train()
        points.append(learner.evaluate(last=part == parts[-1]))
    return points


def amount(budget: Budget) -> Amount:
    """Return what corrections in rounds come to."""
    return Amount(
        demonstrations=budget.demonstrations,
        driven=budget.episodes + budget.rounds * budget.evaluations + budget.at_the_end,
        offline_steps=budget.offline_steps,
        online_steps=budget.rounds * budget.online_steps,
    )


ROUNDS = Course(_run, amount)
