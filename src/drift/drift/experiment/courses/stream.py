"""Training without rounds: one stream that lives for all episodes and trains on each when it is over.

Each label is worth as many gradient steps as in `by_label`. Nothing goes by the clock: the next episode
begins when no steps are owed.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from drift_core.training.config import TrainFile
from drift_core.training.rounds import Backlog, CancelledError

from drift.experiment.courses import rounds
from drift.experiment.courses.course import Course

if TYPE_CHECKING:
    from drift.experiment.job import Learner, Point


def unhurried(recipe: TrainFile) -> TrainFile:
    """Return the recipe with a stream that looks at no clock."""
    return replace(recipe, continuous=recipe.continuous.unhurried())


def _run(learner: "Learner") -> list["Point"]:
    learner.begin()
    points, ended = [learner.evaluate()], False
    episodes = _episodes(learner, points)

    def on_backlog(backlog: Backlog) -> None:
        nonlocal ended
        if not backlog.steps and not ended:
            ended = next(episodes, None) is None

    try:
        learner.stream(on_backlog, lambda: ended)
    except CancelledError:  # no correction, or none that made it better: there is no other version
        learner.say("the stream made no version")
    return points


def _episodes(learner: "Learner", points: list["Point"]) -> Iterator[int]:
    """Correct an episode each time; evaluate once what a round had is trained on."""
    parts = learner.job.corrected
    for part in parts:
        for seed in part:
            learner.correct([seed])
            yield seed
        points.append(learner.evaluate(last=part == parts[-1]))


STREAM = Course(_run, rounds.amount)
