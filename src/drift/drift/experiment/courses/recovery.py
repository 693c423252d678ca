"""Something changes once the task is learned: what it takes until success is what it was.

The first point is of the world as it was, the second of the same policy right after the change, the others
after each round in the new world.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from drift.experiment.budget import Budget
from drift.experiment.courses import rounds
from drift.experiment.courses.course import Amount, Course
from drift.experiment.shifts import shifted

if TYPE_CHECKING:
    from drift.experiment.job import Learner, Point


def _after_the_change(corrections: bool) -> Course:
    """Return rounds in the new world, with corrections, or with training on what there was before alone."""

    def run(learner: "Learner") -> list["Point"]:
        learner.begin()
        points, parts = [learner.evaluate(last=True)], learner.job.corrected
        with learner.elsewhere(lambda shell: shifted(shell, learner.job.task.then)):
            points.append(learner.evaluate(last=True))
            for part in parts:
                if corrections:
                    learner.correct(part)
                learner.train()
                points.append(learner.evaluate(last=part == parts[-1]))
        return points

    def amount(budget: Budget) -> Amount:
        usual = rounds.amount(budget)
        driven = usual.driven - budget.evaluations + 2 * budget.at_the_end
        return replace(usual, driven=driven if corrections else driven - budget.episodes)

    return Course(run, amount, changes=True)


CORRECTED = _after_the_change(corrections=True)
UNCORRECTED = _after_the_change(corrections=False)
