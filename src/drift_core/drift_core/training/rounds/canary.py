"""Whether a candidate may be announced: by its loss on held-out windows, beside that of the last version."""

import math
import statistics
from dataclasses import replace

import torch

from drift_core.policy.batch import Batch
from drift_core.policy.policy import DiffusionPolicy
from drift_core.training.report import HeldOutLoss, held_out_loss
from drift_core.training.rounds.hooks import Hooks
from drift_core.training.rounds.shared import Rounds
from drift_core.training.trainer import Trainer

_WINDOWS = 256  # that are looked at, evenly spaced over all
_AT_ONCE = 16  # windows that follow each other: their losses tell how much noise there is
_ERRORS = 2.0  # standard errors by which a candidate may be worse


class HeldOutCanary:
    """Compare policies on the same held-out windows with the same noise."""

    def __init__(self, rounds: Rounds, trainer: Trainer, hooks: Hooks) -> None:
        self._rounds, self._trainer, self._hooks = rounds, trainer, hooks
        self._batches: list[Batch] = []  # features where the encoder is frozen, else images
        self._batched: list[str] = []  # the episodes of which these are
        self._judged: list[str] = []  # the episodes on which `_last` was found
        self._last: HeldOutLoss | None = None  # of the last version
        self._told = False

    def loss(self, policy: DiffusionPolicy) -> HeldOutLoss | None:
        """Return the loss of `policy`, None while nothing is held out, which is said once.

        CancelledError if that was asked for while new held-out frames were encoded.
        """
        self._look()
        if not self._batches:
            if not self._told:
                self._hooks.on_warning("no held-out episode yet: candidates are announced without a canary")
            self._told = True
            return None
        tell = self._hooks.counting("evaluating on held-out windows, batch")
        seed, objective = self._rounds.seed, self._trainer.objective
        return held_out_loss(policy, self._batches, seed, objective=objective, between=tell)

    def allowed(self, candidate: HeldOutLoss | None) -> float:
        """Return the largest loss that `candidate` may have, infinite with nothing to compare it with.

        That of the last version, a part of it more, and twice the standard error of the difference between
        both, pair by pair of batches, but at most that part again: one bad batch is not only noise.
        """
        here = self._rounds.data.held_out.episode_ids
        if here != self._judged:
            self._last, self._judged = self._loss_of_newest(), here
        if self._last is None or candidate is None or not math.isfinite(self._last.total):
            return math.inf
        more = self._rounds.file.continuous.canary_tolerance * self._last.total
        return self._last.total + more + min(_ERRORS * _standard_error(candidate, self._last), more)

    def passed(self, loss: HeldOutLoss | None) -> None:
        """Measure the next candidate by `loss`, that of the version just announced."""
        self._last = loss

    def _loss_of_newest(self) -> HeldOutLoss | None:
        newest = self._rounds.newest()
        return None if newest is None else self.loss(newest[1].policy.to(self._rounds.device))

    def _look(self) -> None:
        """Choose the windows anew where other episodes are held out than before."""
        held_out = self._rounds.data.held_out
        if held_out.episode_ids == self._batched:
            return
        chosen = torch.arange(len(held_out))
        if len(chosen) > _WINDOWS:
            chosen = torch.linspace(0, len(held_out) - 1, _WINDOWS).round().long()
        parts = chosen.tensor_split(math.ceil(len(chosen) / _AT_ONCE)) if len(chosen) else ()
        tell, batches = self._hooks.counting("encoding held-out windows, batch"), []
        for done, part in enumerate(parts):
            tell(done, len(parts))
            self._hooks.check()
            batches.append(self._encoded(held_out.batch(part).to(self._rounds.device)))
        self._batches, self._batched = batches, held_out.episode_ids

    @torch.no_grad()
    def _encoded(self, batch: Batch) -> Batch:
        policy = self._trainer.policy
        if not self._trainer.config.freeze_encoder or policy.encoder is None:
            return batch
        return replace(batch, images={}, features=policy.encode_frames(batch.images))


def _standard_error(one: HeldOutLoss, other: HeldOutLoss) -> float:
    """Return that of the mean difference, 0 with too few batches to tell or a loss that is not finite."""
    differences = [a - b for a, b in zip(one.parts, other.parts, strict=True)]
    if len(differences) < 2 or not all(map(math.isfinite, differences)):
        return 0.0
    return statistics.stdev(differences) / math.sqrt(len(differences))
