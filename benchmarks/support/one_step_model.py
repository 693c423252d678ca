"""A network that predicts one step of the point mass, and trajectories that a policy drives in it."""

import torch
from benchmarks.support.point_mass import MOVING, STEPS, Policy
from drift_core.noise.actor import perceptron
from drift_core.training.synthetic import SyntheticConfig
from drift_core.training.synthetic.experience import Experience
from torch import Tensor, nn


class OneStepModel:
    """Predicts place and velocity; as wide, and trained in as many steps on as many rows as `config` says."""

    def __init__(self, recorded: Experience, config: SyntheticConfig) -> None:
        generator = torch.Generator().manual_seed(1)
        seen = torch.cat([recorded.condition, recorded.action[:, 0]], dim=1)
        moved = (recorded.following - recorded.condition)[:, :MOVING]
        self._centre, self._scale = seen.mean(0), seen.std(0)
        self._mean, self._spread = moved.mean(0), moved.std(0)
        torch.manual_seed(1)
        hidden = perceptron(seen.shape[1], config.network.width, config.network.blocks + 1)
        self._network = nn.Sequential(hidden, nn.Linear(config.network.width, MOVING))
        optimizer = torch.optim.Adam(self._network.parameters(), config.lr)
        rate = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, config.steps)
        inside, target = (seen - self._centre) / self._scale, (moved - self._mean) / self._spread
        for _ in range(config.steps):
            rows = torch.randint(len(seen), (config.batch_size * config.chunks,), generator=generator)
            loss = (self._network(inside[rows]) - target[rows]).square().mean()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            rate.step()

    @torch.no_grad()
    def __call__(self, seen: Tensor, push: Tensor) -> Tensor:
        """Return what is seen next (B, 5)."""
        inside = (torch.cat([seen, push], dim=1) - self._centre) / self._scale
        moved = self._network(inside) * self._spread + self._mean
        return torch.cat([seen[:, :MOVING] + moved, seen[:, MOVING:] - 1.0 / STEPS], dim=1)


def driven(model: OneStepModel, policy: Policy, begin: Tensor, steps: int) -> Experience:
    """Return what `policy` does in `model` from each `begin` (B, 5) on, trajectory by trajectory."""
    seen, parts = begin, []
    for _ in range(steps):
        push = policy(seen)
        following = model(seen, push)
        nothing = torch.zeros(len(seen))
        parts.append(Experience(seen, push[:, None], nothing, following, nothing.bool()))
        seen = following
    together = {name: torch.stack([vars(part)[name] for part in parts], dim=1) for name in vars(parts[0])}
    return Experience(**{name: value.flatten(0, 1) for name, value in together.items()})
