"""FIND (ACM MM 2024, arXiv 2407.19453): a policy gradient on the noise, without critics of it.

Each executed chunk is a bandit of its own: its noise w was drawn from the actor with which the round began,
its return R is the discounted score of its attempt, and g(s) is what is expected where s is seen.

    A = R - g(s)      ratio = pi(w | s) / pi_old(w | s)      largest min(ratio A, clip(ratio, 1 +- 0.2) A)

The ratio is of all numbers of a chunk together, and the lower of both counts, so that an update that went
too far can be undone. The divergence from N(0, I) is that of Gaussians, and has a budget.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from drift_core.noise import NoiseActor
from drift_core.noise.actor import kl_to_normal, perceptron
from drift_core.training.dsrl.config import DsrlConfig
from drift_core.training.dsrl.divergence import DivergenceBudget
from drift_core.training.dsrl.replay import Transitions, returns
from drift_core.training.dsrl.state import Changing

_CLIP = 0.2


class FindLearner:
    """Trains `actor` in place on the chunks that it has made itself."""

    def __init__(
        self, actor: NoiseActor, replay: Transitions, config: DsrlConfig, generator: torch.Generator
    ) -> None:
        """`generator`: of batches and of the expectation g."""
        own = (replay.fresh & replay.chosen.isfinite().all(-1)).nonzero()[:, 0]
        self._return = returns(replay, config.gamma)[own]
        self._replay, self._actor, self._config, self._generator = replay.rows(own), actor, config, generator
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(torch.randint(1 << 31, (), generator=generator)))
            hidden = perceptron(replay.condition.shape[1], config.width, config.layers)
            expected = nn.Sequential(hidden, nn.Linear(config.width, 1))
        self._expected = expected.to(replay.condition.device)
        with torch.no_grad():
            mean, log_sigma = actor(self._replay.condition)
            self._old = _log_density(mean, log_sigma, self._replay.chosen)
        self._budget = DivergenceBudget(config.kl_nats)
        networks = (self._expected, actor)
        self._optimizers = [torch.optim.Adam(network.parameters(), config.lr) for network in networks]
        names = ("expected", "actor")
        parts = dict(zip(names, networks, strict=True))
        optimizers = dict(zip(names, self._optimizers, strict=True))
        self._changing = Changing(parts, optimizers, generator, self._budget)

    def step(self) -> dict[str, float]:
        """Do one gradient step; return the error of g, what is gained ("value"), and "kl" in nats."""
        drawn = torch.randint(len(self._return), (self._config.batch_size,), generator=self._generator)
        condition, chosen = self._replay.condition[drawn], self._replay.chosen[drawn]
        expected = self._expected(condition)[:, 0]
        error = (expected - self._return[drawn]).square().mean()
        advantage = self._return[drawn] - expected.detach()
        self._descend(0, error)
        mean, log_sigma = self._actor(condition)
        ratio = (_log_density(mean, log_sigma, chosen) - self._old[drawn]).exp()
        clipped = ratio.clamp(1.0 - _CLIP, 1.0 + _CLIP)
        gained = torch.minimum(ratio * advantage, clipped * advantage).mean()
        kl = kl_to_normal(mean, log_sigma).mean()
        self._descend(1, self._budget.price * kl - gained)
        self._budget.follow(float(kl.detach()))
        return {"critic": float(error.detach()), "value": float(gained.detach()), "kl": float(kl.detach())}

    def state(self) -> dict[str, Tensor]:
        """Return what it needs to go on to the bit, with the same settings and replay."""
        return self._changing.tensors()

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from a `state`; CheckpointError, and nothing has changed, for that of another learner."""
        self._changing.load(tensors)

    def _descend(self, which: int, loss: Tensor) -> None:
        optimizer = self._optimizers[which]
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()


def _log_density(mean: Tensor, log_sigma: Tensor, chosen: Tensor) -> Tensor:
    """Return that of `chosen` (B, D), less a constant, (B,)."""
    return (-0.5 * ((chosen - mean) / log_sigma.exp()).square() - log_sigma).sum(-1)
