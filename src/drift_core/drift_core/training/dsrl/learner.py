"""The gradient steps of DSRL: critics on what was recorded, and an actor that chooses better noise.

    Q(s, a)   <- r + gamma (1 - last) V(s')          aliased: of executed chunks a
    Q_w(s, w) <- Q(s, policy(s, w))                  distilled, half of the w from N(0, I), half the actor's
    Q_w(s, w) <- r + gamma (1 - last) V(s')          sac: of recorded noises w
    actor:  largest Q_w(s, w) - alpha KL(actor, N(0, I)),   V(s') = slow Q_w(s', w'), w' of the actor

alpha is the price of the divergence, which has a budget (`divergence.py`). Scores lie in [0, 1], and so
do all targets. Of executed chunks a share may be made up (`synthetic.py`).
"""

from collections.abc import Callable, Mapping
from typing import Protocol

import torch
from torch import Tensor

from drift_core.noise import NoiseActor
from drift_core.noise.actor import kl_to_normal
from drift_core.policy.weights import refuse_faults
from drift_core.samplers.sampler import draw
from drift_core.training.dsrl.config import DsrlConfig
from drift_core.training.dsrl.critic import Critic
from drift_core.training.dsrl.divergence import DivergenceBudget
from drift_core.training.dsrl.replay import Transitions, joined
from drift_core.training.dsrl.state import Changing

Act = Callable[[Tensor, Tensor], Tensor]  # condition (B, C), latent (B, T, A) -> executed steps (B, E, A)
_TABLE = 4096  # denoised chunks that are remembered
_TABLE_KEY = "table."  # in a state; then the place in an entry
_MADE_KEY, _COUNTS = "made.", "made.counts"  # then the column


class MakesUp(Protocol):
    """Gives made-up transitions, others each time."""

    draws: int  # so often it has, which decides what comes next
    made: int  # so many transitions in all

    def __call__(self) -> Transitions:
        """Return others."""


class DsrlLearner:
    """Trains `actor` in place; `act` is the frozen policy with its deterministic sampler."""

    def __init__(
        self,
        actor: NoiseActor,
        act: Act,
        replay: Transitions,
        latent_shape: tuple[int, int],
        config: DsrlConfig,
        generator: torch.Generator,
        synthetic: MakesUp | None = None,
    ) -> None:
        """`latent_shape`: T, A. `generator`: of noise, batches and new networks. `synthetic`: where the
        settings ask for a share of what is made up."""
        self.actor, self._act, self._replay, self._shape = actor, act, replay, latent_shape
        self._config, self._generator = config, generator
        conditions, executed = replay.condition.shape[1], replay.action[0].numel()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(torch.randint(1 << 31, (), generator=generator)))
            self._of_noise = Critic(conditions, actor.dims, config.width, config.layers)
            self._of_chunk = Critic(conditions, executed, config.width, config.layers)
        for critic in (self._of_noise, self._of_chunk):
            critic.to(replay.condition.device)
        self._known = replay.chosen.isfinite().all(-1).nonzero()[:, 0]
        self._budget = DivergenceBudget(config.kl_nats)
        networks = (self._of_noise.networks, self._of_chunk.networks, actor)
        self._optimizers = [torch.optim.Adam(network.parameters(), config.lr) for network in networks]
        names = ("of_noise", "of_chunk", "actor")
        parts = dict(zip(names, (self._of_noise, self._of_chunk, actor), strict=True))
        optimizers = dict(zip(names, self._optimizers, strict=True))
        self._changing = Changing(parts, optimizers, generator, self._budget)
        self._table: list[tuple[Tensor, Tensor, Tensor]] = []  # condition, chosen, executed
        self._synthetic, self._made, self._steps = synthetic, replay, 0

    def step(self) -> dict[str, float]:
        """Do one gradient step of each network; return losses, "value" of the actor, and "kl" in nats."""
        config = self._config
        terms = {}
        if config.variant == "aliased":
            batch = self._draw(torch.arange(len(self._replay)))
            if self._synthetic is not None:
                batch = self._mixed(batch, self._synthetic)
                terms["synthetic"] = float(len(self._made))
            target, done = self._target(batch), batch.action.flatten(1)
            terms["critic"] = self._fit(self._of_chunk, 1, batch.condition, done, target)
            self._denoise(batch.condition[: config.denoised])
            condition, chosen, executed = self._remembered()
            target = self._of_chunk.slow(condition, executed.flatten(1)).clamp(0.0, 1.0)
            terms["distilled"] = self._fit(self._of_noise, 0, condition, chosen, target)
        else:
            batch = self._draw(self._known)
            target = self._target(batch)
            terms["critic"] = self._fit(self._of_noise, 0, batch.condition, batch.chosen, target)
        return terms | self._improve(batch.condition)

    def state(self) -> dict[str, Tensor]:
        """Return what it needs to go on to the bit, with the same settings and replay."""
        columns = zip(*self._table, strict=True)
        table = {f"{_TABLE_KEY}{n}": torch.stack(column) for n, column in enumerate(columns)}
        return self._changing.tensors() | table | self._made_up()

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from a `state`; CheckpointError, and nothing has changed, for that of another learner."""
        table = {key: tensor for key, tensor in tensors.items() if key.startswith(_TABLE_KEY)}
        made = {key: tensor for key, tensor in tensors.items() if key.startswith(_MADE_KEY)}
        wrong = sorted(made.keys() ^ self._made_up().keys())
        refuse_faults("state of the round", [f"key {key!r} is missing or unknown" for key in wrong])
        self._changing.load({key: t for key, t in tensors.items() if key not in table and key not in made})
        device = self._replay.condition.device
        if self._synthetic is not None:
            self._steps, self._synthetic.draws, self._synthetic.made = made.pop(_COUNTS).tolist()
            self._made = Transitions(**{key.removeprefix(_MADE_KEY): t.to(device) for key, t in made.items()})
        self._table = list(zip(*(table[key].to(device).unbind() for key in sorted(table)), strict=True))

    def value(self, condition: Tensor, chosen: Tensor) -> Tensor:
        """Return the score (B,) that is expected of noises `chosen` (B, D)."""
        with torch.no_grad():
            return self._of_noise.cautious(condition, chosen)

    def _made_up(self) -> dict[str, Tensor]:
        """Return what is in use of what was made up, and the counts; nothing where nothing is."""
        if self._synthetic is None:
            return {}
        counts = torch.tensor([self._steps, self._synthetic.draws, self._synthetic.made])
        made = {f"{_MADE_KEY}{key}": tensor.clone() for key, tensor in vars(self._made).items()}
        return made | {_COUNTS: counts}

    def _draw(self, among: Tensor) -> Transitions:
        drawn = torch.randint(len(among), (self._config.batch_size,), generator=self._generator)
        return self._replay.rows(among[drawn])

    def _mixed(self, batch: Transitions, synthetic: MakesUp) -> Transitions:
        """Return `batch` with made-up transitions in some of its places, wherever these are."""
        settings = self._config.synthetic
        assert settings is not None
        if self._steps % settings.every == 0:
            self._made = synthetic()
        self._steps += 1
        count = round(settings.share * len(batch))
        drawn = torch.randint(len(self._made), (count,), generator=self._generator)
        order = torch.randperm(len(batch), generator=self._generator)
        kept = batch.rows(torch.arange(len(batch) - count))
        return joined([kept, self._made.rows(drawn)]).rows(order)

    def _noise(self, condition: Tensor) -> Tensor:
        return draw((len(condition), *self._shape), self._generator).to(condition)

    @torch.no_grad()
    def _target(self, batch: Transitions) -> Tensor:
        chosen = self.actor.coordinates(self.actor.latent(batch.following, self._noise(batch.following)))
        later = self._of_noise.slow(batch.following, chosen).clamp(0.0, 1.0)
        return batch.reward + self._config.gamma * torch.where(batch.last, 0.0, later)

    def _fit(self, critic: Critic, which: int, condition: Tensor, done: Tensor, target: Tensor) -> float:
        loss = (critic(condition, done) - target).square().mean()
        self._descend(which, loss)
        critic.follow(self._config.tau)
        return float(loss.detach())

    @torch.no_grad()
    def _denoise(self, condition: Tensor) -> None:
        """Remember what the policy makes of noises, half of them drawn as ever and half by the actor."""
        noise = self._noise(condition)
        half = len(noise) // 2
        mine = self.actor.latent(condition[:half], noise[:half])
        plain = self.actor.placed(self.actor.coordinates(noise[half:]), noise[half:])
        latent = torch.cat([mine, plain])
        self._table.append((condition, self.actor.coordinates(latent), self._act(condition, latent)))
        del self._table[: len(self._table) - _TABLE // max(len(condition), 1)]

    def _remembered(self) -> tuple[Tensor, Tensor, Tensor]:
        pieces = torch.randint(len(self._table), (4,), generator=self._generator).tolist()
        condition, chosen, executed = zip(self._table[-1], *(self._table[n] for n in pieces), strict=True)
        return torch.cat(condition), torch.cat(chosen), torch.cat(executed)

    def _improve(self, condition: Tensor) -> dict[str, float]:
        mean, log_sigma = self.actor(condition)
        latent = self.actor.latent(condition, self._noise(condition))
        value = self._of_noise.cautious(condition, self.actor.coordinates(latent))
        kl = kl_to_normal(mean, log_sigma).mean()
        self._descend(2, self._budget.price * kl - value.mean())
        self._budget.follow(float(kl.detach()))
        return {"value": float(value.mean().detach()), "kl": float(kl.detach())}

    def _descend(self, which: int, loss: Tensor) -> None:
        optimizer = self._optimizers[which]
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
