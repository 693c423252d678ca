"""What is forgotten of a task by learning another one, with and without data of the first."""

from dataclasses import replace

from drift_core.training.config import TrainFile

from drift.experiment.courses.moved import MOVED
from drift.experiment.methods.method import Method, as_it_is, full_rank


def _new_alone(recipe: TrainFile) -> TrainFile:
    return replace(recipe, online=replace(recipe.online, online_share=1.0))


METHODS = {
    "moved_full": Method("full rank, half of each batch old", MOVED, full_rank, ours_alone=True),
    "moved_left": Method("form left, half of each batch old", MOVED, as_it_is, ours_alone=True),
    "moved_full_new_alone": Method(
        "full rank, new data alone", MOVED, lambda recipe: _new_alone(full_rank(recipe)), ours_alone=True
    ),
    "moved_left_new_alone": Method("form left, new data alone", MOVED, _new_alone, ours_alone=True),
}
