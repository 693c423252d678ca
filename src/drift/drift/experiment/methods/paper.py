"""The methods of the DRIFT paper's main table."""

from drift_config.errors import ConfigError
from drift_core.training.rounds import Hooks, RoundReport, Rounds

from drift.experiment.courses.cloning import CLONING
from drift.experiment.courses.rounds import ROUNDS
from drift.experiment.methods.method import Method, full_rank, full_rank_first


def _lora_round(rounds: Rounds, hooks: Hooks, steps: int) -> RoundReport:
    try:
        from drift.experiment import lora_round  # peft is needed by nobody else
    except ModuleNotFoundError as error:
        raise ConfigError(f"method=lora needs {error.name}, which `make test-setup` installs") from None
    return lora_round.train(rounds, hooks, steps)


METHODS = {
    "bc": Method("behaviour cloning", CLONING, full_rank),
    "hg_dagger": Method("HG-DAgger at full rank", ROUNDS, full_rank),
    "lora": Method("LoRA in the rounds", ROUNDS, full_rank_first, _lora_round),
    "drift_left": Method("DRIFT-DAgger, form left", ROUNDS),
}
