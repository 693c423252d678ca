"""A point mass whose motion is known: pushed in a box with drag, it is to come to a place in time.

What is seen: place (2), velocity (2), share of the time that is left. A policy of noise w ~ N(0, I) pushes
by mean(s) + SPREAD w, so its density is known; the mediocre one is a controller that aims beside the goal.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from drift_core.training.synthetic.experience import Experience
from torch import Tensor

SPREAD = 0.5
GOAL = torch.tensor([0.6, 0.4])
RADIUS = 0.12
STEPS = 10  # of an attempt
_BESIDE = torch.tensor([0.45, 0.55])  # where the mediocre controller aims
_DT, _FORCE, _DRAG = 0.35, 1.5, 0.8
MOVING = 4  # numbers that say where it is and how fast; the last one is the time

Policy = Callable[[Tensor], Tensor]  # seen (B, 5) -> pushes (B, 2)


def after(seen: Tensor, push: Tensor) -> Tensor:
    """Return what is seen (B, 5) after one step."""
    place, velocity = seen[:, :2], seen[:, 2:MOVING]
    speed = velocity.norm(dim=1, keepdim=True)
    velocity = velocity + _DT * (_FORCE * push - _DRAG * speed * velocity)
    moved = place + _DT * velocity
    stopped = moved.abs() > 1.0  # at the walls
    velocity = torch.where(stopped, 0.0, velocity)
    return torch.cat([moved.clamp(-1.0, 1.0), velocity, seen[:, MOVING:] - 1.0 / STEPS], dim=1)


def starts(count: int, generator: torch.Generator) -> Tensor:
    """Return where attempts begin, at rest (B, 5)."""
    place = torch.rand(count, 2, generator=generator) - 0.9
    return torch.cat([place, torch.zeros(count, 2), torch.ones(count, 1)], dim=1)


def arrived(seen: Tensor) -> Tensor:
    """Return who is at the goal, (B,)."""
    return (seen[:, :2] - GOAL).norm(dim=1) < RADIUS


def mediocre(seen: Tensor) -> Tensor:
    """Return the mean of its pushes (B, 2)."""
    return _controlled(seen, _BESIDE)


def better(seen: Tensor) -> Tensor:
    """Return the mean of the pushes (B, 2) of a controller that aims at the goal."""
    return _controlled(seen, GOAL)


def _controlled(seen: Tensor, aim: Tensor) -> Tensor:
    return (1.5 * (aim - seen[:, :2]) - seen[:, 2:MOVING]).clamp(-1.0, 1.0)


def log_density(push: Tensor, mean: Tensor) -> Tensor:
    """Return that of a policy with `mean` (B, 2), (B,)."""
    return torch.distributions.Normal(mean, SPREAD).log_prob(push).sum(1)


def noisy(mean: Policy, generator: torch.Generator) -> Policy:
    """Return a policy that pushes around `mean`."""
    return lambda seen: mean(seen) + SPREAD * torch.randn(len(seen), 2, generator=generator)


@dataclass(frozen=True, eq=False)
class Attempts:
    """What B attempts were."""

    recorded: Experience
    successes: Tensor  # (B,) bool


def attempts(policy: Policy, start: Tensor) -> Attempts:
    """Let `policy` try from each `start` (B, 5)."""
    seen, running = start, torch.ones(len(start), dtype=torch.bool)
    successes = torch.zeros(len(start), dtype=torch.bool)
    parts: list[tuple[Tensor, Experience]] = []
    for step in range(STEPS):
        push = policy(seen)
        following = after(seen, push)
        there = arrived(following)
        last = there | (step == STEPS - 1)
        who = running.nonzero()[:, 0]
        made = Experience(seen, push[:, None], (there & running).float(), following, last)
        parts.append((who, made.rows(who)))
        successes |= there & running
        running = running & ~last
        seen = following
    order = torch.cat([who for who, _ in parts]).argsort(stable=True)
    names = ("condition", "action", "reward", "following", "last")
    joined = {name: torch.cat([getattr(made, name) for _, made in parts])[order] for name in names}
    return Attempts(Experience(**joined), successes)
