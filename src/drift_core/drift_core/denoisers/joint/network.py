"""A transformer whose tokens are the actions of a chunk and observations to come, denoised together.

Who attends to whom is the mask: `published` (actions to all; observations to each other) or `droppable`
(observations to all; actions to each other, so that their branch can be left out to the bit).
"""

from collections.abc import Callable
from typing import Annotated, Literal

import torch
from drift_config.errors import ConfigError
from drift_config.strict import STRICT
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor
from torch.nn import functional

from drift_core.denoisers.denoiser import Trunk
from drift_core.denoisers.joint.ahead import Ahead
from drift_core.denoisers.joint.modalities import FeaturesConfig, ModalityConfig, make_modalities
from drift_core.denoisers.joint.path import FuturePath, foresee
from drift_core.denoisers.seen import Seen
from drift_core.denoisers.transformer import TransformerBlock, TransformerConfig, TransformerDenoiser
from drift_core.denoisers.windows import FutureWindows, Noise, Windows
from drift_core.samplers.noise_schedule import NoiseSchedule

Mask = Literal["published", "droppable"]


@dataclass(frozen=True, config=STRICT)
class JointConfig:
    """Sizes of `JointDenoiser`, and what it foresees."""

    kind: Literal["joint"] = "joint"
    mask: Mask = "droppable"
    modalities: Annotated[tuple[ModalityConfig, ...], Field(min_length=1)] = (FeaturesConfig(),)
    # policy steps from the newest observation to those that are foreseen
    future_steps: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)] = (4, 8)
    width: Annotated[int, Field(gt=0)] = 256
    heads: Annotated[int, Field(gt=0)] = 4
    blocks: Annotated[int, Field(gt=0)] = 4
    step_dim: Annotated[int, Field(ge=4, multiple_of=2)] = 128  # embedding of the diffusion step

    def __post_init__(self) -> None:
        steps = self.future_steps
        if any(later <= step for step, later in zip(steps, steps[1:], strict=False)):
            raise ConfigError(f"future_steps={list(steps)} must increase")

    @property
    def sizes(self) -> TransformerConfig:
        """Those of the transformer."""
        return TransformerConfig("transformer", self.width, self.heads, self.blocks, self.step_dim)


class JointDenoiser(TransformerDenoiser):
    """The same weights for both kinds of tokens, but for the layers into and out of them.

    Called as any denoiser, without observations to come, it denoises actions alone. Those to come are always
    predicted clean, whatever is predicted of the actions.
    """

    foresees = True

    def __init__(
        self,
        config: JointConfig,
        horizon: int,
        action_dim: int,
        condition_dim: int,
        seen: Seen | None = None,
    ) -> None:
        """`seen`: what an observation consists of; None: nobody says, and actions alone are denoised."""
        super().__init__(config.sizes, horizon, action_dim, condition_dim)
        self.config, self.seen, self.mask = config, seen, config.mask
        self.future_steps = config.future_steps
        self.ahead: Ahead | None = None
        if seen is not None:
            modalities = make_modalities(config.modalities, seen)
            self.ahead = Ahead(modalities, len(config.future_steps), config.width)

    @property
    def latent_shape(self) -> tuple[int, ...]:
        """What `trunk` takes: (T, A), or actions and observations to come behind each other in one row."""
        actions = super().latent_shape
        if self.ahead is None or self.mask == "droppable":
            return actions
        return (actions[0] * actions[1] + self.ahead.shape[0] * self.ahead.shape[1],)

    def trunk(self, x: Tensor, film: Tensor) -> Tensor:
        """Return the output for `x` (B, *latent_shape), in the same shape."""
        if len(self.latent_shape) == 2:
            return self.alone(x, film)
        return self.packed(*self.together(*self.unpacked(x), film))

    def forward(self, x: Tensor, k: Tensor, condition: Tensor) -> Tensor:
        """Return the output (B, T, A) without observations to come."""
        return self.alone(x, self.step_film(k) + self.condition_film(condition))

    def alone(self, x: Tensor, film: Tensor) -> Tensor:
        """Return the output (B, T, A) of the actions `x`, which see no observation to come."""
        return super().trunk(x, film)

    def together(
        self,
        x: Tensor,
        z: Tensor,
        film: Tensor,
        known: Tensor | None = None,
        there: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Return outputs for actions `x` (B, T, A) and observations to come `z` (B, Tf, E).

        `known` (B, T), `there` (B, N): actions and tokens that are attended to; None: all. Each token sees
        itself. Both kinds are computed apart, so that what is left out changes no bit of the other.
        """
        ahead, published = self._foreseen(), self.mask == "published"
        *per_block, last = film.split(self.film_sizes, dim=-1)
        a, f = self.enter(x) + self.position, ahead.enter(z)
        a_sees, f_sees = (None, None) if known is None or there is None else _masks(known, there, published)
        for block, values in zip(self.blocks, per_block, strict=True):
            assert isinstance(block, TransformerBlock)
            a_query, *a_own = block.to_attention(a, values)
            f_query, *f_own = block.to_attention(f, values)
            both = [torch.cat(pair, dim=2) for pair in zip(a_own, f_own, strict=True)]  # keys, values
            a_mixed = _mix(a_query, both if published else a_own, a_sees)
            f_mixed = _mix(f_query, f_own if published else both, f_sees)
            a, f = block.from_attention(a, a_mixed, values), block.from_attention(f, f_mixed, values)
        return self.leave(self.finish(a, last)), ahead.leave(self.finish(f, last))

    def loss_terms(self, windows: Windows, noise: Noise) -> dict[str, Tensor]:
        """Return "denoising" and, for each modality, "future_<modality>".

        A window without labels trains on observations to come alone, one at the end of an episode on labels
        alone: what it lacks, nobody attends to.
        """
        if self.ahead is None:
            return super().loss_terms(windows, noise)
        future, ahead = self._future(windows), self.ahead
        seen = ahead.read(future)
        if self.training:
            ahead.learn(seen, future.mask, windows.total)
        z_0 = noise.repeat(ahead.standard(seen))
        noised = noise.add(windows.actions)
        z = noise.schedule.add_noise(z_0, noise.normal(z_0, noise.draws), noised.k)
        film = self.step_film(noised.k) + noise.repeat(self.condition_film(windows.condition))
        labelled, there = noise.repeat(windows.mask), noise.repeat(future.mask)
        output, found = self.together(noised.x, z, film, labelled, ahead.there(there))
        error = functional.mse_loss(output, noised.target, reduction="none").mean(dim=-1)  # (B draws, T)
        terms = {"denoising": windows.mean(error, labelled)}
        return terms | ahead.loss_terms(found, z_0, there, windows)

    def hoist(
        self,
        condition: Tensor,
        train_steps: int,
        trunk: Trunk | None = None,
        generator: torch.Generator | None = None,
    ) -> Callable[[Tensor, Tensor], Tensor]:
        """Return `denoise(x, k)` for one observation.

        With the mask `published` and a `generator` of noise, observations to come are denoised beside; else
        actions alone.
        """
        if len(self.latent_shape) == 2 or generator is None:
            alone = trunk if len(self.latent_shape) == 2 else self.alone
            return super().hoist(condition, train_steps, alone, generator)
        run = super().hoist(condition, train_steps, trunk, generator)
        shape = (condition.shape[0], *self._foreseen().shape)
        return FuturePath(self, run, shape, NoiseSchedule(train_steps), generator)

    def foresee(self, condition: Tensor, actions: Tensor, train_steps: int) -> Tensor:
        """Return what will be seen (B, Tf, E), as of `Ahead.standard`, if `actions` (B, T, A) are executed.

        `actions` are clean and normalised; with the mask `published` they do not matter.
        """
        table, observed = self.step_table(train_steps), self.condition_film(condition)

        def together(x: Tensor, z: Tensor, k: Tensor) -> Tensor:
            return self.together(x, z, table.index_select(0, k) + observed)[1]

        return foresee(together, actions, self._foreseen().shape, NoiseSchedule(train_steps))

    def shown(self, future: FutureWindows) -> Tensor:
        """Return what was seen (B, Tf, E), as `foresee` says it."""
        ahead = self._foreseen()
        return ahead.standard(ahead.read(future))

    def distance(self, found: Tensor, seen: Tensor) -> Tensor:
        """Return the mean squared difference (...) of two observations (..., E), each modality the same."""
        return self._foreseen().distance(found, seen)

    def packed(self, x: Tensor, z: Tensor) -> Tensor:
        """Return actions (B, T, A) and observations to come (B, Tf, E) as rows (B, T A + Tf E)."""
        return torch.cat([x.flatten(1), z.flatten(1)], dim=1)

    def unpacked(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return what `packed` has put together."""
        steps, size = self._foreseen().shape
        x, z = rows.split([self.horizon * self.action_dim, steps * size], dim=1)
        return x.view(-1, self.horizon, self.action_dim), z.view(-1, steps, size)

    def _foreseen(self) -> Ahead:
        if self.ahead is None:
            raise ConfigError("a denoiser of kind 'joint' foresees nothing unless it is told what is seen")
        return self.ahead

    def _future(self, windows: Windows) -> FutureWindows:
        future, steps = windows.future, len(self.future_steps)
        if future is None or future.mask.shape[1] != steps:
            found = 0 if future is None else future.mask.shape[1]
            raise ConfigError(
                f"a denoiser of kind 'joint' with future_steps={list(self.future_steps)} needs batches with "
                f"{steps} observations to come, got {found}"
            )
        return future


def _mix(query: Tensor, keys_and_values: list[Tensor], sees: Tensor | None) -> Tensor:
    key, value = keys_and_values
    return functional.scaled_dot_product_attention(query, key, value, attn_mask=sees)


def _masks(known: Tensor, there: Tensor, published: bool) -> tuple[Tensor | None, Tensor | None]:
    """Return what actions and what observations to come attend to, (B, 1, 1 or rows, keys); None: all."""
    tokens = there.shape[1]
    own = there[:, None] | torch.eye(tokens, dtype=torch.bool, device=there.device)  # (B, N, N)
    if published:
        return torch.cat([torch.ones_like(known), there], dim=1)[:, None, None], own[:, None]
    return None, torch.cat([known[:, None].expand(-1, tokens, -1), own], dim=2)[:, None]
