"""The loss on what came while a stream runs, and on what was there before, apart: is the new learned, and is
the old kept?"""

from collections.abc import Collection

import torch
from torch import Tensor

from drift_core.data.dataset import WindowDataset
from drift_core.policy.batch import Batch
from drift_core.policy.policy import DiffusionPolicy
from drift_core.training.budget import Key
from drift_core.training.report import held_out_loss
from drift_core.training.rounds.shared import Rounds
from drift_core.training.trainer import Trainer

_WINDOWS = 32  # of each that are looked at, evenly spaced over all


def loss_on(
    rounds: Rounds, trainer: Trainer, policy: DiffusionPolicy, came: Collection[Key]
) -> dict[str, float]:
    """Return the loss of `policy` on windows that it is trained on: "new" those of the corrections that
    `came` while the stream ran, "old" all others; without what there is none of."""
    data = rounds.data
    new = data.online.rows(data.names_of(came))
    old = torch.ones(len(data.online), dtype=torch.bool)
    old[new] = False
    parts = {
        "new": _batches((data.online, new)),
        "old": _batches((data.offline, torch.arange(len(data.offline))), (data.online, old.nonzero()[:, 0])),
    }
    return {
        name: held_out_loss(policy, batches, rounds.seed, objective=trainer.objective).total
        for name, batches in parts.items()
        if batches
    }


def _batches(*sources: tuple[WindowDataset, Tensor]) -> list[Batch]:
    total = sum(len(rows) for _, rows in sources)
    share = min(_WINDOWS / max(total, 1), 1.0)
    return [data.batch(_some(rows, round(len(rows) * share) or 1)) for data, rows in sources if len(rows)]


def _some(rows: Tensor, count: int) -> Tensor:
    return rows[torch.linspace(0, len(rows) - 1, count).round().long()]
