"""How the rank falls while bootstrapping, and how low it ends: DRIFT-DAgger in form `left`.

In rank policy `exact`: `fast` trains wide layers whole above a fifth of their rank and rounds low ranks up,
so that schedules and ranks would hardly differ.
"""

from collections.abc import Callable
from dataclasses import replace

from drift_config.errors import ConfigError
from drift_core.rank.adaptive import AdaptiveRank
from drift_core.rank.schedule import (
    ConstantRank,
    CosineDecay,
    ExponentialDecay,
    LinearDecay,
    LogarithmicDecay,
    RankSchedule,
    SigmoidDecay,
)
from drift_core.training.config import TrainFile

from drift.experiment.courses.rounds import ROUNDS
from drift.experiment.methods.method import Method, Recipe

_LOOKS = 8  # of the adaptive rank in a round


def exact(recipe: TrainFile) -> TrainFile:
    """Train at the rank that is asked for, whatever it costs."""
    modulation = replace(recipe.rank.modulation, policy="exact")
    return replace(recipe, rank=replace(recipe.rank, modulation=modulation))


def _falling(schedule: Callable[[SigmoidDecay], RankSchedule]) -> Recipe:
    """Return what puts another schedule in the place of the recipe's while bootstrapping."""

    def change(recipe: TrainFile) -> TrainFile:
        return exact(replace(recipe, rank=replace(recipe.rank, offline=schedule(_sigmoid(recipe)))))

    return change


def _ending_at(fraction: float) -> Recipe:
    def change(recipe: TrainFile) -> TrainFile:
        offline, online = replace(_sigmoid(recipe), end=fraction), ConstantRank(fraction)
        return exact(replace(recipe, rank=replace(recipe.rank, offline=offline, online=online)))

    return change


def _adaptive(recipe: TrainFile) -> TrainFile:
    start, every = _sigmoid(recipe).end, max(1, recipe.online.steps // _LOOKS)
    online = AdaptiveRank(start=start, lowest=start / 4, highest=2 * start, every=every)
    return exact(replace(recipe, rank=replace(recipe.rank, online=online)))


def _sigmoid(recipe: TrainFile) -> SigmoidDecay:
    schedule = recipe.rank.offline
    if not isinstance(schedule, SigmoidDecay):
        raise ConfigError(f"rank.offline.kind={schedule} must be sigmoid: of it the others have their ends")
    return schedule


METHODS = {
    "exact": Method("sigmoid, tau 0.5, to 1/8", ROUNDS, exact),
    "sigmoid_slow": Method("sigmoid, tau 0.1, to 1/8", ROUNDS, _falling(lambda s: replace(s, tau=0.1))),
    "linear": Method(
        "linear to 1/8", ROUNDS, _falling(lambda s: LinearDecay(s.start, s.end, s.steps, s.every))
    ),
    "cosine": Method(
        "cosine to 1/8", ROUNDS, _falling(lambda s: CosineDecay(s.start, s.end, s.steps, s.every))
    ),
    "exponential": Method(
        "exponential, tau 0.5, to 1/8",
        ROUNDS,
        _falling(lambda s: ExponentialDecay(s.start, s.end, s.steps, s.every, 0.5)),
    ),
    "exponential_slow": Method(
        "exponential, tau 0.1, to 1/8",
        ROUNDS,
        _falling(lambda s: ExponentialDecay(s.start, s.end, s.steps, s.every, 0.1)),
    ),
    "logarithmic": Method(
        "logarithmic to 1/8", ROUNDS, _falling(lambda s: LogarithmicDecay(s.start, s.end, s.steps, s.every))
    ),
    "to_32nd": Method("sigmoid, tau 0.5, to 1/32", ROUNDS, _ending_at(1 / 32)),
    "to_16th": Method("sigmoid, tau 0.5, to 1/16", ROUNDS, _ending_at(1 / 16)),
    "to_4th": Method("sigmoid, tau 0.5, to 1/4", ROUNDS, _ending_at(1 / 4)),
    "to_half": Method("sigmoid, tau 0.5, to 1/2", ROUNDS, _ending_at(1 / 2)),
    "adaptive": Method("sigmoid, tau 0.5, to 1/8, adaptive in the rounds", ROUNDS, _adaptive),
}
