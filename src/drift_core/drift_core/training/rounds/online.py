"""One online round: the newest policy goes on, at the minimum rank, on demonstrations and interventions."""

import re

from drift_core.training.rounds.hooks import Hooks, NoDataError, RoundReport
from drift_core.training.rounds.mixed import MixedBatches
from drift_core.training.rounds.shared import RoundOrder, Rounds

_REASON = re.compile(r"^online round (\d+)$")


def train(rounds: Rounds, order: RoundOrder, hooks: Hooks) -> RoundReport:
    """Train the newest policy on; NoDataError without a label, or without a policy to start from."""
    data = rounds.update_data(hooks)
    if not data.offline.labels and not data.online.labels:
        raise NoDataError(data.nothing("expert label"))
    _, parent = rounds.newest_checkpoint()
    config, schedule = rounds.shortened(rounds.file.online, rounds.file.rank.online, order.steps)
    trainer = rounds.trainer(parent.policy.to(rounds.device), config, schedule)
    batches = MixedBatches(rounds, trainer)
    batches.encode(hooks)
    rounds.run(trainer, batches.next, parent.info, order, hooks)
    number = _REASON.match(parent.info.reason)
    reason = f"online round {int(number[1]) + 1 if number else 1}"
    episode_ids = data.offline.episode_ids + data.online.episode_ids
    return rounds.save(trainer, parent.info, reason, episode_ids, order, hooks)
