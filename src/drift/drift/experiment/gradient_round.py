"""An online round in which those directions train in which the gradient of the weights is largest."""

from drift_core.training.rounds import Hooks, NoDataError, RoundReport, Rounds
from drift_core.training.rounds.mixed import MixedBatches
from drift_core.training.rounds.shared import RoundOrder

_BATCHES = 16  # of which the mean gradient is taken


def train(rounds: Rounds, hooks: Hooks, steps: int) -> RoundReport:
    """Train as an online round does; NoDataError without a label, or without a policy to start from."""
    data = rounds.update_data(hooks)
    if not data.offline.labels and not data.online.labels:
        raise NoDataError(data.nothing("expert label"))
    _, parent = rounds.newest_checkpoint()
    config, schedule = rounds.shortened(rounds.file.online, rounds.file.rank.online, steps)
    trainer = rounds.trainer(parent.policy.to(rounds.device), config, schedule)
    batches, order = MixedBatches(rounds, trainer), RoundOrder()
    batches.encode(hooks)
    trainer.follow_gradient(batches.next, _BATCHES)
    rounds.run(trainer, batches.next, parent.info, order, hooks)
    episode_ids = data.offline.episode_ids + data.online.episode_ids
    return rounds.save(trainer, parent.info, "round along the gradient", episode_ids, order, hooks)
