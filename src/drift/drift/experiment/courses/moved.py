"""Forgetting: learn the task, then, by corrections, the same with object and goal on the other's side.

The first and the last point are of the task as it was, those between of the new one.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from drift.experiment.budget import Budget
from drift.experiment.courses import rounds
from drift.experiment.courses.course import Amount, Course
from drift.experiment.shifts import shifted

if TYPE_CHECKING:
    from drift.experiment.job import Learner, Point


def _run(learner: "Learner") -> list["Point"]:
    learner.begin()
    before, parts = learner.evaluate(last=True), learner.job.corrected
    with learner.elsewhere(lambda shell: shifted(shell, "sides")):
        points = []
        for part in parts:
            learner.correct(part)
            learner.train()
            points.append(learner.evaluate(last=part == parts[-1]))
    return [before, *points, learner.evaluate(last=True)]


def _amount(budget: Budget) -> Amount:
    usual, more = rounds.amount(budget), 2 * budget.at_the_end - budget.evaluations
    return replace(usual, driven=usual.driven + more)


MOVED = Course(_run, _amount)
