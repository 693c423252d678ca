"""A policy with two good answers to every observation, -0.7 and 0.7 in 16 numbers."""

from dataclasses import replace

import torch
from drift_core.policy.batch import Batch
from drift_core.training.trainer import Trainer
from training_case import CONFIG, MLP, make_policy

LEFT_WAY, RIGHT_WAY = -0.7, 0.7


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def windows(state, actions, mask=None):
    count = len(state)
    mask = torch.ones(count, 8, dtype=torch.bool) if mask is None else mask
    return Batch({}, torch.zeros(count, 1, dtype=torch.long), torch.zeros(1, 0), state, actions, mask)


def two_ways(rng, count=32):
    """Every observation has two good answers, chosen at random."""
    way = torch.where(torch.rand(count, generator=rng) < 0.5, LEFT_WAY, RIGHT_WAY)
    actions = way[:, None, None] + 0.05 * torch.randn(count, 8, 2, generator=rng)
    return windows(torch.randn(count, 1, 3, generator=rng), actions)


def ways_of(policy, count=200):
    """Return which share goes left, and which share goes one of both ways."""
    rng = generator(5)
    state = torch.randn(count, 1, 3, generator=rng)
    condition = policy.condition(torch.zeros(1, 0), torch.zeros(count, 1, dtype=torch.long), state)
    with torch.no_grad():
        chunks = policy.sample(condition, policy.make_sampler("ddim-8"), rng)
    good = (chunks.abs() - RIGHT_WAY).square().mean((1, 2)).sqrt() < 0.15
    left = chunks.mean((1, 2)) < 0.0
    return left.float().mean().item(), good.float().mean().item()


def undecided_policy():
    """Return a policy that goes either way, half and half."""
    policy = make_policy(replace(MLP, width=48, blocks=2))
    config = replace(CONFIG, steps=500, lr=3e-3, ema_decay=0.99)
    trainer = Trainer(policy, config, None, generator())
    trainer.run(two_ways)
    return trainer.merged_policy()
