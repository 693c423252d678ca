"""One online round: the newest policy goes on, at the minimum rank, on demonstrations and interventions."""

import re

import torch

from drift_core.data.dataset import mixed_batches
from drift_core.policy.batch import Batch
from drift_core.training.rounds.hooks import Hooks, NoDataError, RoundReport
from drift_core.training.rounds.shared import RoundOrder, Rounds

_REASON = re.compile(r"^online round (\d+)$")


def train(rounds: Rounds, order: RoundOrder, hooks: Hooks) -> RoundReport:
    """Train the newest policy on; NoDataError without a label, or without a policy to start from."""
    data = rounds.update_data(hooks)
    if not len(data.offline) and not len(data.online):
        raise NoDataError(data.nothing("expert label"))
    parent = rounds.newest_checkpoint()
    config, schedule = rounds.shortened(rounds.file.online, rounds.file.rank.online, order.steps)
    trainer = rounds.trainer(parent.policy.to(rounds.device), config, schedule)
    stream = mixed_batches(
        data.offline,
        data.online,
        trainer.generator,
        config.batch_size,
        config.online_share,
        config.idle_weight,
    )
    views = config.feature_views if config.freeze_encoder and trainer.policy.encoder is not None else 0
    if views:
        tell = hooks.counting("encoding frames")

        def between(done: int, total: int) -> None:
            tell(done, total)
            hooks.check()

        rounds.cache.encode(trainer.policy, views, config.shift_px, rounds.seed, between)
    else:
        rounds.cache.forget()

    def next_batch(generator: torch.Generator) -> Batch:
        if views > 1:
            rounds.cache.choose(int(torch.randint(views, (), generator=generator)))
        return next(stream)

    rounds.run(trainer, next_batch, parent.info, order, hooks)
    number = _REASON.match(parent.info.reason)
    reason = f"online round {int(number[1]) + 1 if number else 1}"
    episodes = len(data.offline.episode_ids) + len(data.online.episode_ids)
    return rounds.save(trainer, parent.info, reason, episodes, order, hooks)
