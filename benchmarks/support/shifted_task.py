"""A task in two dimensions that shifts, for studies of learning that end in minutes.

A hand goes from a start to a goal around an obstacle, 16 steps in a chunk. Old task: smooth detours to goals
on the right. New task: goals on the left, wider detours, a late turn.
"""

import torch
from drift_core.denoisers import UNetConfig
from drift_core.observation.spec import ObservationSpec
from drift_core.policy.batch import Batch
from drift_core.policy.normalizer import Normalizer
from drift_core.policy.policy import DiffusionPolicy, PolicyConfig
from drift_core.training.config import TrainConfig
from torch import Tensor

HORIZON, STATE_DIM = 16, 6


def new_policy(down_dims: tuple[int, ...], data: Batch, seed: int) -> DiffusionPolicy:
    """Return a U-Net with random weights, normalised for `data`."""
    torch.manual_seed(seed)
    spec = ObservationSpec((), STATE_DIM, 1, 0.1)
    policy = DiffusionPolicy(
        PolicyConfig(spec, 2, "point", HORIZON, 8, None, UNetConfig(down_dims=down_dims))
    )
    fitted = Normalizer.fit(data.state, data.actions, data.mask, "point")
    policy.normalizer.load_state_dict(fitted.state_dict())
    return policy


def train_config(steps: int, rate: float, batch_size: int, threads: int = 1) -> TrainConfig:
    """Return how the studies train, at a rate that they choose."""
    return TrainConfig(
        steps=steps,
        batch_size=batch_size,
        noise_draws=1,
        lr=rate,
        warmup_steps=min(20, steps // 5),
        weight_decay=1e-6,
        clip_norm=1.0,
        ema_decay=0.99,
        threads=threads,
    )


def windows(count: int, seed: int, new: bool) -> Batch:
    """Draw `count` windows of a task: state [start, goal, obstacle], actions (T, 2) with 1 % noise."""
    generator = torch.Generator().manual_seed(seed + (500_000 if new else 0))
    return demonstrated(situations(count, new, generator), new, generator)


def situations(count: int, new: bool, generator: torch.Generator) -> Tensor:
    """Draw places of start, goal and obstacle, (count, 6)."""

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(count, 1, generator=generator)

    start = [uniform(-0.2, 0.2), uniform(-1.0, -0.8)]
    goal = [uniform(-1.0, -0.1) if new else uniform(0.1, 1.0), uniform(0.5, 1.0)]
    obstacle = [uniform(-0.3, 0.3), uniform(-0.3, 0.3)]
    return torch.cat([*start, *goal, *obstacle], dim=1)


def demonstrated(state: Tensor, new: bool, generator: torch.Generator) -> Batch:
    """Return windows with what the expert does in each of these situations (N, 6)."""
    count, (start, goal, obstacle) = len(state), state.split(2, dim=1)
    t = torch.arange(1, HORIZON + 1)[None, :, None] / HORIZON
    if new:
        t = t**1.6
    profile = t**3 * (10.0 - 15.0 * t + 6.0 * t**2)
    line = goal - start
    across = torch.stack([-line[:, 1], line[:, 0]], dim=1) / line.norm(dim=1, keepdim=True)
    offset = ((obstacle - start) * across).sum(dim=1, keepdim=True)  # of the obstacle from the line
    # Around the side that is shorter; when it is straight ahead, either: two modes.
    coin = torch.rand(count, 1, generator=generator) < 0.5
    left = torch.where(offset.abs() < 0.05, coin, offset < 0.0)
    width = (0.7 if new else 0.45) * (1.0 - 0.8 * offset.abs().clamp(max=1.0))
    detour = torch.where(left, width, -width)[:, None, :] * torch.sin(torch.pi * profile)
    actions = start[:, None] + profile * line[:, None] + detour * across[:, None]
    actions = actions + 0.01 * torch.randn(actions.shape, generator=generator)
    mask = torch.ones(count, HORIZON, dtype=torch.bool)
    index = torch.zeros(count, 1, dtype=torch.long)
    return Batch({}, index, torch.zeros(1, 0), state[:, None], actions, mask)


def draw(data: Batch, count: int, generator: torch.Generator) -> Batch:
    """Draw windows with replacement."""
    rows = torch.randint(data.size, (count,), generator=generator)
    return Batch(
        {}, data.frame_index[rows], data.features, data.state[rows], data.actions[rows], data.mask[rows]
    )


def joined(parts: list[Batch]) -> Batch:
    """Return all windows of several batches."""
    state, actions, mask = (torch.cat([getattr(p, n) for p in parts]) for n in ("state", "actions", "mask"))
    return Batch({}, torch.zeros(len(state), 1, dtype=torch.long), torch.zeros(1, 0), state, actions, mask)
