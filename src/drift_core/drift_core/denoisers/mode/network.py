"""The network of MoDE: attention that hears the noise level, and experts that are chosen by it."""

from collections.abc import Callable, Sequence
from typing import Annotated, Literal

import torch
from drift_config.errors import ConfigError
from drift_config.strict import STRICT
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn
from torch.nn import functional

from drift_core.denoisers.denoiser import Denoiser, Trunk
from drift_core.denoisers.mode.cache import ExpertCache
from drift_core.denoisers.mode.experts import Experts
from drift_core.denoisers.mode.router import Router, balance, choose
from drift_core.denoisers.windows import Noise, Windows

Mix = Callable[[Tensor], Tensor]  # the experts of one block: h (B, 1 + T, width) -> the same shape


@dataclass(frozen=True, config=STRICT)
class ModeConfig:
    """Sizes of `ModeDenoiser`."""

    kind: Literal["mode"] = "mode"
    width: Annotated[int, Field(gt=0)] = 80
    heads: Annotated[int, Field(gt=0)] = 4
    blocks: Annotated[int, Field(gt=0)] = 4
    experts: Annotated[int, Field(gt=0)] = 4  # of each block
    top_k: Annotated[int, Field(gt=0)] = 2  # of them, that run at a step
    expand: Annotated[int, Field(gt=0)] = 4  # hidden layer of an expert, in units of the width
    balance: Annotated[float, Field(ge=0)] = 0.01  # what the term "balance" of the loss is multiplied by
    step_dim: Annotated[int, Field(ge=4, multiple_of=2)] = 64  # embedding of the diffusion step

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise ConfigError(f"width={self.width} must be a multiple of heads={self.heads}")
        if self.top_k > self.experts:
            raise ConfigError(f"top_k={self.top_k} must be at most experts={self.experts}")


class ModeBlock(nn.Module):
    """h + attention(norm(h) + film), then h + experts(norm(h))."""

    def __init__(self, config: ModeConfig) -> None:
        super().__init__()
        width = config.width
        self.heads = config.heads
        self.norm_attention = nn.LayerNorm(width, elementwise_affine=False)
        self.qkv = nn.Linear(width, 3 * width)
        self.project = nn.Linear(width, width)
        self.norm_experts = nn.LayerNorm(width, elementwise_affine=False)
        self.experts = Experts(config.experts, width, config.expand * width)

    def forward(self, h: Tensor, film: Tensor, mix: Mix) -> Tensor:
        """Return (B, 1 + T, width) for `h` of that shape and `film` (B, width)."""
        h = h + self._attend(self.norm_attention(h) + film[:, None, :])
        return h + mix(self.norm_experts(h))

    def _attend(self, h: Tensor) -> Tensor:
        batch, length, width = h.shape
        qkv = self.qkv(h).view(batch, length, 3, self.heads, width // self.heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)  # each (B, heads, 1 + T, width / heads)
        mixed = functional.scaled_dot_product_attention(query, key, value)
        return self.project(mixed.transpose(1, 2).reshape(batch, length, width))


class ModeDenoiser(Denoiser):
    """A token that says what was seen at which noise level, and one for each step of the chunk.

    FiLM values: of each block what attention hears, then that token, then the weights of the experts, which
    depend on the step alone. So the experts of a step are known before a chunk is denoised.
    """

    def __init__(self, config: ModeConfig, horizon: int, action_dim: int, condition_dim: int) -> None:
        width, sizes = config.width, [config.width] * (config.blocks + 1)
        super().__init__(config, horizon, action_dim, condition_dim, sizes, width)
        self.sizes = config
        self.film_sizes = [*sizes, config.blocks * config.experts]
        self.router = Router(config.step_dim, config.blocks, config.experts)
        self.enter = nn.Linear(action_dim, width)
        self.position = nn.Parameter(0.02 * torch.randn(horizon, width))
        self.blocks = nn.ModuleList(ModeBlock(config) for _ in range(config.blocks))
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.leave = nn.Linear(width, action_dim)
        self._cache = ExpertCache([block.experts for block in self._each_block()])

    def trunk(self, x: Tensor, film: Tensor) -> Tensor:
        """Return the output (B, T, A); each row runs its own experts."""
        weights = self._routes(film)
        mixes = [
            lambda h, n=n, block=block: block.experts(h, weights[:, n])
            for n, block in enumerate(self._each_block())
        ]
        return self._run(x, film, mixes)

    def step_film(self, k: Tensor) -> Tensor:
        """Return the FiLM part of the steps `k` (B,) with the weights of the likeliest experts."""
        return self._with_routes(k, choose(self.probabilities(k), self.sizes.top_k))

    def condition_film(self, condition: Tensor) -> Tensor:
        """Return the FiLM part of the `condition` (B, C), which has no say in which experts run."""
        return functional.pad(super().condition_film(condition), (0, self.film_sizes[-1]))

    def probabilities(self, k: Tensor) -> Tensor:
        """Return how likely the experts are at the steps `k` (B,): (B, blocks, experts)."""
        probabilities: Tensor = self.router(self.embedding(k))
        return probabilities

    def loss_terms(self, windows: Windows, noise: Noise) -> dict[str, Tensor]:
        """Return "denoising" and "balance"; in training the experts are drawn by their probabilities."""
        noised = noise.add(windows.actions)
        probabilities = self.probabilities(noised.k)
        drawn = noise.normal(probabilities, noise.draws) if self.training else None
        weights = choose(probabilities, self.sizes.top_k, drawn)
        film = self._with_routes(noised.k, weights)
        return {
            "denoising": self.denoising_loss(windows, noise, noised, film),
            "balance": self.sizes.balance * balance(probabilities, weights, windows.total),
        }

    def hoist(
        self,
        condition: Tensor,
        train_steps: int,
        trunk: Trunk | None = None,
        generator: torch.Generator | None = None,
    ) -> Callable[[Tensor, Tensor], Tensor]:
        """Return `denoise(x, k)` that runs the experts of step k as one, where all rows are at one step.

        With a `trunk`, and where gradients are asked for, as all networks do.
        """
        if trunk is not None or torch.is_grad_enabled():
            return super().hoist(condition, train_steps, trunk, generator)
        table, observed = self.step_table(train_steps), self.condition_film(condition)
        self._cache.follow(table, self._routes(table))

        def denoise(x: Tensor, k: Tensor) -> Tensor:
            film = table.index_select(0, k) + observed
            step = int(k[0])
            if len(k) > 1 and bool((k != step).any()):
                return self.trunk(x, film)
            return self._run(x, film, self._cache.at(step))

        return denoise

    def _run(self, x: Tensor, film: Tensor, mixes: Sequence[Mix]) -> Tensor:
        *per_block, token, _ = film.split(self.film_sizes, dim=-1)
        h = torch.cat([token[:, None, :].expand(len(x), -1, -1), self.enter(x) + self.position], dim=1)
        for block, values, mix in zip(self.blocks, per_block, mixes, strict=True):
            h = block(h, values, mix)
        return self.leave(self.norm(h[:, 1:]))

    def _with_routes(self, k: Tensor, weights: Tensor) -> Tensor:
        return torch.cat([super().step_film(k), weights.flatten(1)], dim=-1)

    def _routes(self, film: Tensor) -> Tensor:
        """Return the weights of the experts (B, blocks, experts) in all FiLM values (B, ...)."""
        return film[:, -self.film_sizes[-1] :].unflatten(1, (self.sizes.blocks, self.sizes.experts))

    def _of_the_step(self) -> list[nn.Module]:
        return [*super()._of_the_step(), self.router]

    def _each_block(self) -> list[ModeBlock]:
        return [block for block in self.blocks if isinstance(block, ModeBlock)]
