"""The methods that are compared: what each changes of the recipe, and of what it learns."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from drift_config.errors import ConfigError
from drift_core.rank.schedule import ConstantRank
from drift_core.training.config import TrainFile
from drift_core.training.rounds import Hooks, RoundReport, Rounds, train_round

TrainOnline = Callable[[Rounds, Hooks], RoundReport]
FULL_RANK = ConstantRank(fraction=1.0)


@dataclass(frozen=True)
class Method:
    """One row of the main table."""

    title: str
    corrected: bool  # learns from corrections; otherwise from demonstrations alone
    recipe: Callable[[TrainFile], TrainFile]  # of the file of config/train
    online: TrainOnline


def _online_round(rounds: Rounds, hooks: Hooks) -> RoundReport:
    return train_round(rounds, "online", hooks)


def _lora_round(rounds: Rounds, hooks: Hooks) -> RoundReport:
    try:
        from drift.experiment import lora_round  # peft is needed by nobody else
    except ModuleNotFoundError as error:
        raise ConfigError(f"method=lora needs {error.name}, which `make test-setup` installs") from None
    return lora_round.train(rounds, hooks)


def _full_rank(recipe: TrainFile) -> TrainFile:
    return replace(recipe, rank=replace(recipe.rank, offline=FULL_RANK, online=FULL_RANK))


def _full_rank_first(recipe: TrainFile) -> TrainFile:
    return replace(recipe, rank=replace(recipe.rank, offline=FULL_RANK))


def _as_it_is(recipe: TrainFile) -> TrainFile:
    return recipe


METHODS = {
    "bc": Method("behaviour cloning", False, _full_rank, _online_round),
    "hg_dagger": Method("HG-DAgger at full rank", True, _full_rank, _online_round),
    "lora": Method("LoRA in the rounds", True, _full_rank_first, _lora_round),
    "drift_left": Method("DRIFT-DAgger, form left", True, _as_it_is, _online_round),
}
