"""What a trainer tells: after each step, after a run, and how good a policy is on held-out windows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from drift_core.objectives import DENOISING, Objective
from drift_core.policy.batch import Batch
from drift_core.policy.policy import DiffusionPolicy


@dataclass(frozen=True)
class StepProgress:
    """What is known after one gradient step."""

    step: int  # gradient steps in all, from 1
    round_step: int  # in this round, from 1
    round_steps: int  # planned for this round
    loss: float
    terms: dict[str, float]  # of the loss by name, before they are weighted
    gradient_norm: float  # before clipping
    lr: float
    ema_decay: float  # of the averages at this step
    rank: float  # asked for, as a fraction of the maximum
    effective_rank: float  # that really trained, mean over the layers by weight
    step_s: float  # duration of the step, with the change of rank if there was one

    @property
    def steps_per_s(self) -> float:
        """Rate of this one step."""
        return 1.0 / self.step_s


@dataclass(frozen=True)
class TrainReport:
    """What one call of `Trainer.run` did."""

    steps: int
    stopped: bool  # by on_step
    mean_loss: float  # over the last tenth of the steps; nan if there was none
    mean_terms: dict[str, float]  # of the loss by name, over the same steps
    rank: float
    effective_rank: float
    trainable_parameters: int
    duration_s: float
    rank_changes: int  # steps before which the parameters of some layer changed
    rank_change_s: float  # spent on them


@dataclass(frozen=True)
class HeldOutLoss:
    """How good a policy is on windows that it was not trained on."""

    total: float  # the weighted sum of the terms
    terms: dict[str, float]  # by name
    parts: tuple[float, ...]  # the total of each batch


@torch.no_grad()
def held_out_loss(
    policy: DiffusionPolicy,
    batches: Sequence[Batch],
    seed: int,
    noise_draws: int = 4,
    objective: Objective = DENOISING,
    between: Callable[[int, int], None] = lambda done, total: None,
) -> HeldOutLoss:
    """Return the mean loss over `batches`, with the same noise whenever `seed` is the same.

    `between` is told before each batch how many are done, of how many.
    """
    was_training = policy.training
    policy.eval()
    total, labels, parts = 0.0, 0.0, []
    sums: dict[str, float] = {}
    for index, batch in enumerate(batches):
        between(index, len(batches))
        generator = torch.Generator().manual_seed(seed + index)
        terms = objective.terms(policy, batch.to(policy.device), generator, noise_draws)
        weight = float(batch.mask.sum())
        parts.append(float(objective.combine(terms)))
        total += weight * parts[-1]
        for name, term in terms.items():
            sums[name] = sums.get(name, 0.0) + weight * float(term)
        labels += weight
    policy.train(was_training)
    labels = max(labels, 1.0)
    means = {name: value / labels for name, value in sums.items()}
    return HeldOutLoss(total / labels, means, tuple(parts))
