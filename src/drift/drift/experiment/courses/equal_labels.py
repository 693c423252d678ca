"""As many labels as another method has, gathered in another way.

The other method runs beside, with the same seed and without evaluations: its labels after each round are
those of its own job. Labels are counted up to whole episodes.
"""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from drift_config.errors import DriftError

from drift.experiment.budget import Budget
from drift.experiment.courses import cloning, rounds
from drift.experiment.courses.course import Amount, Course

if TYPE_CHECKING:
    from drift.experiment.job import Learner, Point

Gather = Callable[["Learner", int], None]  # one episode, the how manieth
_MOST = 20  # times as many episodes as the other method has


class TooFewLabelsError(DriftError):
    """So many episodes do not have as many labels as are wanted."""


def in_rounds(other: str, gather: Gather) -> Course:
    """Return rounds, each of as many labels as one of the method `other`."""

    def run(learner: "Learner") -> list["Point"]:
        targets, count = _labels_after_rounds(learner, other), itertools.count()
        learner.begin()
        points = [learner.evaluate()]
        for number, target in enumerate(targets, 1):
            _gather(learner, target, count, gather)
            learner.train()
            points.append(learner.evaluate(last=number == len(targets)))
        return points

    return Course(run, lambda budget: _with_the_other(budget, rounds.amount(budget)))


def at_once(other: str) -> Course:
    """Return behaviour cloning from as many labels as the method `other` has in the end."""

    def run(learner: "Learner") -> list["Point"]:
        target = _labels_after_rounds(learner, other)[-1]
        learner.demonstrate(learner.job.demonstrated)
        _gather(learner, target, itertools.count(), _demonstrate)
        learner.bootstrap()
        return [learner.evaluate(last=True)]

    return Course(run, lambda budget: _with_the_other(budget, cloning.amount(budget)))


def demonstrate_for_rounds(learner: "Learner", number: int) -> None:
    """Let the expert drive alone, of which the rounds learn as of a correction."""
    learner.demonstrate([learner.job.first_further + number], kind="intervention")


def correct(learner: "Learner", number: int) -> None:
    """Let the policy drive, and the method's person take over."""
    learner.correct([learner.job.corrected[0].start + number])


def _demonstrate(learner: "Learner", number: int) -> None:
    learner.demonstrate([learner.job.first_further + number])


def _gather(learner: "Learner", target: int, count: Iterator[int], gather: Gather) -> None:
    most = _MOST * learner.budget.episodes
    while learner.labels < target:
        if (number := next(count)) >= most:
            raise TooFewLabelsError(f"{most} episodes have {learner.labels} labels, wanted are {target}")
        gather(learner, number)


def _labels_after_rounds(learner: "Learner", other: str) -> list[int]:
    beside, labels = learner.beside(other), list[int]()
    beside.begin()
    for part in learner.job.corrected:
        if labels:
            beside.train()
        beside.correct(part)
        labels.append(beside.labels)
    return labels


def _with_the_other(budget: Budget, own: Amount) -> Amount:
    trainings = budget.rounds - 1  # the last one has no labels after it
    other = Amount(
        budget.demonstrations, budget.episodes, budget.offline_steps, trainings * budget.online_steps
    )
    return replace(own, beside=other)
