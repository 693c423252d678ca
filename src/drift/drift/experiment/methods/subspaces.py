"""Which directions train in the rounds: the top ones of the weights, random ones, or those of the gradient.

The bootstrapping is at full rank, so that all methods of one seed begin with the same policy. Rank policy
`exact`, as in `ranks`.
"""

from dataclasses import replace

from drift_core.rank import Form, Subspace
from drift_core.rank.schedule import ConstantRank
from drift_core.training.config import TrainFile

from drift.experiment import gradient_round
from drift.experiment.courses.rounds import ROUNDS
from drift.experiment.methods.method import FULL_RANK, Method, Recipe


def _trains(form: Form, subspace: Subspace, fraction: float) -> Recipe:
    def change(recipe: TrainFile) -> TrainFile:
        modulation = replace(recipe.rank.modulation, form=form, subspace=subspace, policy="exact")
        ranks = replace(recipe.rank, modulation=modulation, offline=FULL_RANK, online=ConstantRank(fraction))
        return replace(recipe, rank=ranks)

    return change


def _row(form: Form, subspace: Subspace, part: str, fraction: float) -> Method:
    return Method(f"{form}, {subspace}, {part}", ROUNDS, _trains(form, subspace, fraction))


def _gradient(form: Form, part: str, fraction: float) -> Method:
    # the directions of the weights are given up before the first step
    return Method(f"{form}, gradient, {part}", ROUNDS, _trains(form, "top", fraction), gradient_round.train)


METHODS = {
    "left_top": _row("left", "top", "1/8", 1 / 8),
    "left_random": _row("left", "random", "1/8", 1 / 8),
    "left_gradient": _gradient("left", "1/8", 1 / 8),
    "left_top_32nd": _row("left", "top", "1/32", 1 / 32),
    "left_random_32nd": _row("left", "random", "1/32", 1 / 32),
    "left_gradient_32nd": _gradient("left", "1/32", 1 / 32),
    "usv_top": _row("usv", "top", "1/8", 1 / 8),
    "usv_random": _row("usv", "random", "1/8", 1 / 8),
    "usv_gradient": _gradient("usv", "1/8", 1 / 8),
}
