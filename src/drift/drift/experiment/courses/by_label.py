"""When to train: every label of a correction is worth as many gradient steps, made sooner or later.

How many is `steps_per_label` of the train file; a label of an episode that is held out is worth none.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from drift.experiment.budget import Budget
from drift.experiment.courses import rounds
from drift.experiment.courses.course import Course

if TYPE_CHECKING:
    from drift.experiment.job import Learner, Point


def trained(times: Callable[[Budget], int]) -> Course:
    """Return corrections with a training after each of `times` equal parts of the episodes.

    Evaluated after each round of the budget, as far as anything was trained in it.
    """

    def run(learner: "Learner") -> list["Point"]:
        learner.begin()
        points, done = [learner.evaluate()], learner.trained_labels
        looks = {part.stop for part in learner.job.corrected}
        parts = learner.job.corrected_in(times(learner.budget))
        for part in parts:
            learner.correct(part)
            owed, done = learner.trained_labels - done, learner.trained_labels
            if steps := round(owed * learner.recipe.continuous.steps_per_label):
                learner.train(steps)
            if part.stop in looks:
                points.append(learner.evaluate(last=part == parts[-1]))
        return points

    return Course(run, rounds.amount)


ROUNDS = trained(lambda budget: budget.rounds)
EACH_EPISODE = trained(lambda budget: budget.episodes)
AT_THE_END = trained(lambda budget: 1)
