"""Batches of old and new data for a policy that goes on learning, as features where its encoder is frozen."""

from collections.abc import Collection

import torch
from torch import Tensor

from drift_core.data.dataset import mixed_batches
from drift_core.policy.batch import Batch
from drift_core.training.budget import Key
from drift_core.training.rounds.hooks import Hooks
from drift_core.training.rounds.shared import Rounds
from drift_core.training.trainer import Trainer


class MixedBatches:
    """Drawn from the demonstrations and the interventions that there are at that moment."""

    def __init__(self, rounds: Rounds, trainer: Trainer) -> None:
        config, data = trainer.config, rounds.data
        self._rounds, self._trainer = rounds, trainer
        frozen = config.freeze_encoder and trainer.policy.encoder is not None
        self._views = config.feature_views if frozen else 0
        self._preferred: tuple[Tensor, float] | None = None
        self._batches = mixed_batches(
            data.offline,
            data.online,
            trainer.generator,
            config.batch_size,
            config.online_share,
            config.idle_weight,
            lambda: self._preferred,
            rounds.processes.split,
        )

    def prefer(self, corrections: Collection[Key], share: float) -> None:
        """Draw a `share` of the interventions in a batch from these alone; to be said anew after each change
        of the data."""
        data = self._rounds.data
        rows = data.online.rows(data.names_of(corrections), idle=self._trainer.config.idle_weight > 0.0)
        self._preferred = (rows, share) if len(rows) else None

    def encode(self, hooks: Hooks) -> None:
        """Encode the frames that are new, once; CancelledError if that was asked for meanwhile."""
        if not self._views:
            self._rounds.cache.forget()
            return
        tell = hooks.counting("encoding frames")

        def between(done: int, total: int) -> None:
            tell(done, total)
            hooks.check()

        shift_px = self._trainer.config.shift_px
        self._rounds.cache.encode(self._trainer.policy, self._views, shift_px, self._rounds.seed, between)

    def next(self, generator: torch.Generator) -> Batch:
        """Draw a batch, of one view of all frames."""
        if self._views > 1:
            self._rounds.cache.choose(int(torch.randint(self._views, (), generator=generator)))
        return next(self._batches)
