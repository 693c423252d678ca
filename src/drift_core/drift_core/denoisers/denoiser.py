"""What all networks share: `net(x_k (B,T,A), k (B,), condition (B,C)) -> (B,T,A)`, with hoisted FiLM.

Every block is scaled and shifted by FiLM = W_t mish(e_k) + W_o mish(condition) + b. The first term depends on
the step alone (a table of K rows once per set of weights), the second on the observation alone (once per
observation), and only `trunk` runs at every denoising step.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from drift_core.denoisers.seen import Seen
from drift_core.denoisers.windows import Noise, Noised, Windows
from drift_core.errors import ShapeError

# (x (B,T,A), all FiLM values (B, sum of film_sizes)) -> output (B,T,A)
Trunk = Callable[[Tensor, Tensor], Tensor]


class SizeConfig(Hashable, Protocol):
    """The sizes of one kind of network, frozen."""

    @property
    def kind(self) -> str:
        """Return the name of the kind, as in config/train."""

    @property
    def step_dim(self) -> int:
        """Return the size of the embedding of the diffusion step."""


class StepEmbedding(nn.Module):
    """Sinusoidal embedding of the diffusion step and a two-layer network: (B,) -> (B, dim)."""

    frequencies: Tensor

    def __init__(self, dim: int) -> None:
        super().__init__()
        half = dim // 2
        rates = torch.exp(-math.log(10_000.0) / (half - 1) * torch.arange(half, dtype=torch.float32))
        self.register_buffer("frequencies", rates, persistent=False)
        self.first = nn.Linear(2 * half, 4 * dim)
        self.second = nn.Linear(4 * dim, dim)

    def forward(self, k: Tensor) -> Tensor:
        """Return (B, dim) for steps `k` (B,)."""
        angle = k[:, None].to(self.frequencies) * self.frequencies[None, :]  # (B, dim / 2)
        return self.second(functional.mish(self.first(torch.cat([angle.sin(), angle.cos()], dim=-1))))


class Film(nn.Module):
    """The `size` FiLM values of one block, as a step part and an observation part."""

    def __init__(self, step_dim: int, condition_dim: int, size: int) -> None:
        super().__init__()
        self.step = nn.Linear(step_dim, size)
        self.condition = nn.Linear(condition_dim, size, bias=False)
        self.size = size


class ConditionNet(nn.Module):
    """Two layers that combine what the cameras and the joints say, before FiLM: (B, C) -> (B, width).

    FiLM alone is linear in mish(condition), so that a small network would have to compare "where is the hand"
    with "where is the object" in its trunk.
    """

    def __init__(self, condition_dim: int, width: int) -> None:
        super().__init__()
        self.first = nn.Linear(condition_dim, width)
        self.second = nn.Linear(width, width)

    def forward(self, condition: Tensor) -> Tensor:
        """Return (B, width)."""
        return self.second(mish(self.first(condition)))


class Denoiser(nn.Module, ABC):
    """A network whose every conditioning goes through `films`; subclasses give `trunk`."""

    traceable = True  # its trunk can be exported and captured: it does not itself take gradients
    foresees = False  # it is made of what is seen, too, and denoises observations to come
    seen: Seen | None = None

    def __init__(
        self,
        config: SizeConfig,
        horizon: int,
        action_dim: int,
        condition_dim: int,
        film_sizes: list[int],
        condition_width: int | None = None,
    ) -> None:
        """`condition_width`: of a hidden layer between condition and FiLM; None: FiLM sees the condition."""
        super().__init__()
        self.config, self.horizon, self.action_dim = config, horizon, action_dim
        self.embedding = StepEmbedding(config.step_dim)
        self.condition_net = None if condition_width is None else ConditionNet(condition_dim, condition_width)
        film_dim = condition_dim if condition_width is None else condition_width
        self.films = nn.ModuleList(Film(config.step_dim, film_dim, size) for size in film_sizes)
        self.film_sizes = film_sizes
        self.condition_dim = condition_dim
        self._table: tuple[tuple[object, ...], Tensor] | None = None

    @property
    def latent_shape(self) -> tuple[int, ...]:
        """Return what `trunk` takes and returns, without the batch: here (T, A)."""
        return (self.horizon, self.action_dim)

    @abstractmethod
    def trunk(self, x: Tensor, film: Tensor) -> Tensor:
        """Return the output (B, T, A) for `x` (B, T, A) and all FiLM values `film` (B, sum of film_sizes)."""

    def forward(self, x: Tensor, k: Tensor, condition: Tensor) -> Tensor:
        """Return the output (B, T, A)."""
        return self.trunk(x, self.step_film(k) + self.condition_film(condition))

    def loss_terms(self, windows: Windows, noise: Noise) -> dict[str, Tensor]:
        """Return what a gradient step may minimise: scalars by name, means over what may be trained on.

        Here "denoising": the squared error of the output. A network with further heads adds their terms, each
        a sum over the windows divided by a `windows.total`, as `windows.mean` makes it.
        """
        noised = noise.add(windows.actions)
        return {"denoising": self.denoising_loss(windows, noise, noised, self.step_film(noised.k))}

    def denoising_loss(self, windows: Windows, noise: Noise, noised: Noised, step_film: Tensor) -> Tensor:
        """Return the mean squared error of the output, given the FiLM part of the steps (B draws, ...)."""
        # The observation part of FiLM is the same for all draws, so it is computed once per window.
        observed = noise.repeat(self.condition_film(windows.condition))
        output = self.trunk(noised.x, step_film + observed)
        error = functional.mse_loss(output, noised.target, reduction="none").mean(dim=-1)  # (B draws, T)
        return windows.mean(error, noise.repeat(windows.mask))

    def step_film(self, k: Tensor) -> Tensor:
        """Return the FiLM part of the steps `k` (B,): (B, sum of film_sizes)."""
        embedded = functional.mish(self.embedding(k))
        return torch.cat([film.step(embedded) for film in self._each_film()], dim=-1)

    def condition_film(self, condition: Tensor) -> Tensor:
        """Return the FiLM part of the observation's `condition` (B, C): (B, sum of film_sizes)."""
        if condition.shape[-1] != self.condition_dim:
            raise ShapeError(f"condition must be (B, {self.condition_dim}), got {tuple(condition.shape)}")
        hidden = condition if self.condition_net is None else self.condition_net(condition)
        active = mish(hidden)
        return torch.cat([film.condition(active) for film in self._each_film()], dim=-1)

    def step_table(self, train_steps: int) -> Tensor:
        """Return the FiLM part of every step (K, sum of film_sizes), anew when weights have changed."""
        tensors = [t for part in self._of_the_step() for t in (*part.parameters(), *part.buffers())]
        key = (train_steps, *version_of(tensors))
        if self._table is None or self._table[0] != key:
            steps = torch.arange(train_steps, device=tensors[0].device)
            self._table = (key, self.step_film(steps).detach())
        return self._table[1]

    def hoist(
        self,
        condition: Tensor,
        train_steps: int,
        trunk: Trunk | None = None,
        generator: torch.Generator | None = None,
    ) -> Callable[[Tensor, Tensor], Tensor]:
        """Return `denoise(x, k)` for one observation; what does not depend on x is computed here.

        `trunk`: another implementation of this network's own, such as a compiled one. The step part carries
        no gradient: train with `forward`. `generator`: of noise, where more than x is denoised; here unused.
        """
        run, table = trunk or self.trunk, self.step_table(train_steps)
        observed = self.condition_film(condition)

        def denoise(x: Tensor, k: Tensor) -> Tensor:
            return run(x, table.index_select(0, k) + observed)  # table[k] would wake all threads

        return denoise

    def _of_the_step(self) -> list[nn.Module]:
        """Return the modules on which the FiLM part of a step depends."""
        return [self.embedding, *(film.step for film in self._each_film())]

    def _each_film(self) -> list[Film]:
        return [film for film in self.films if isinstance(film, Film)]


def version_of(tensors: Iterable[Tensor]) -> tuple[object, ...]:
    """Return something that is equal as long as the `tensors` are the same and nobody has written to them."""
    return tuple((id(t), t._version, t.data_ptr()) for t in tensors)


def mish(x: Tensor) -> Tensor:
    """Return x tanh(softplus(x)) (Misra, arXiv 1908.08681).

    Exported to ONNX as a quotient of exponentials: the exporter's softplus and tanh take 7 % of a step.
    """
    if not torch.onnx.is_in_onnx_export():
        return functional.mish(x)
    grown = x.clamp(max=20.0).exp()  # beyond 20, mish(x) is x in float32
    ratio = grown * (grown + 2.0)
    return x * (ratio / (ratio + 2.0))


def modulate(h: Tensor, film: Tensor) -> Tensor:
    """Return `h` (B, C, ...) scaled by 1 + the first and shifted by the second half of `film` (B, 2C)."""
    scale, shift = film.chunk(2, dim=-1)
    if h.ndim == 3:
        scale, shift = scale[:, :, None], shift[:, :, None]
    return torch.addcmul(h + shift, h, scale)
