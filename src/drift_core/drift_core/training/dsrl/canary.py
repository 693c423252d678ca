"""Whether what a frozen policy makes of an actor's noise is still like what was demonstrated."""

import math

import torch

from drift_core.data.dataset import WindowDataset
from drift_core.policy.policy import DiffusionPolicy
from drift_core.samplers.sampler import draw
from drift_core.training.dsrl.learner import Act

_WINDOWS = 256  # that are looked at, evenly spaced over all
_AT_ONCE = 32  # of them


@torch.no_grad()
def chunk_error(policy: DiffusionPolicy, act: Act, held_out: WindowDataset, seed: int) -> float | None:
    """Return how far the executed steps of chunks lie from held-out labels, as root mean square of normalised
    numbers, with the same noise whenever `seed` is the same; None without labels.

    Chunks are those that `act` makes with the noise actor of `policy`. Where demonstrations go several ways,
    a policy that goes each of them as often, and one that goes one of them, are as far away.
    """
    actor, config = policy.noise_actor, policy.config
    assert actor is not None
    rows = torch.arange(len(held_out))
    if len(rows) > _WINDOWS:
        rows = torch.linspace(0, len(held_out) - 1, _WINDOWS).round().long()
    generator = torch.Generator().manual_seed(seed)
    total = count = 0.0
    for some in rows.split(_AT_ONCE):
        if not len(some):
            continue
        seen = policy.windows(held_out.batch(some).to(policy.device), generator)
        noise = draw((len(some), config.horizon, config.action_dim), generator).to(seen.condition)
        made = act(seen.condition, actor.latent(seen.condition, noise))
        begin = config.past_steps
        labels, mask = (each[:, begin : begin + made.shape[1]] for each in (seen.actions, seen.mask))
        errors = (made - labels).square().mean(-1)  # (B, E)
        total += float(torch.where(mask, errors, 0.0).sum())
        count += float(mask.sum())
    return math.sqrt(total / count) if count else None
