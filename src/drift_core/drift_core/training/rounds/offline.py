"""The bootstrapping: a new policy on the demonstrations, its rank falling from full as scheduled."""

from drift_core.data.dataset import batches
from drift_core.training.rounds.hooks import Hooks, NoDataError, RoundReport
from drift_core.training.rounds.shared import RoundOrder, Rounds


def train(rounds: Rounds, order: RoundOrder, hooks: Hooks) -> RoundReport:
    """Train a new policy; NoDataError without a demonstration."""
    data = rounds.update_data(hooks).offline
    if not data.labels:
        raise NoDataError(rounds.data.nothing("demonstration with an expert label"))
    config, schedule = rounds.shortened(rounds.file.offline, rounds.file.rank.offline, order.steps)
    trainer = rounds.trainer(rounds.new_policy(), config, schedule)
    rounds.cache.forget()
    stream = batches(data, trainer.generator, config.batch_size, config.idle_weight, rounds.processes.split)
    rounds.run(trainer, lambda generator: next(stream), None, order, hooks)
    return rounds.save(trainer, None, "offline", data.episode_ids, order, hooks)
