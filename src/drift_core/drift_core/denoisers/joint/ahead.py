"""Observations to come as tokens of a transformer: in, out, and how far two of them are apart."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from drift_core.denoisers.joint.modalities import Modality
from drift_core.denoisers.windows import FutureWindows, Windows
from drift_core.share import Total

_DECAY = 0.99  # per step, of what is known about the spread of a modality: the encoder learns meanwhile
_LEAST_SPREAD = 0.01  # of a number that hardly ever changes


class Ahead(nn.Module):
    """Tf observations z (B, Tf, E), each number less its mean and by its spread; E of all modalities.

    N tokens: by modality, then by step, then within it.
    """

    weight: Tensor
    first: Tensor
    second: Tensor

    def __init__(self, modalities: Sequence[Modality], steps: int, width: int) -> None:
        super().__init__()
        self.modalities, self.steps = tuple(modalities), steps
        self.sizes = [modality.tokens * modality.dim for modality in modalities]
        self.shape = (steps, sum(self.sizes))
        self.enters = nn.ModuleList(nn.Linear(modality.dim, width) for modality in modalities)
        self.leaves = nn.ModuleList(nn.Linear(width, modality.dim) for modality in modalities)
        self.counts = [steps * modality.tokens for modality in modalities]  # of tokens
        self.position = nn.Parameter(0.02 * torch.randn(sum(self.counts), width))
        # sums over what was seen in training, the older the less
        self.register_buffer("weight", torch.zeros(1))
        self.register_buffer("first", torch.zeros(self.shape[1]))
        self.register_buffer("second", torch.zeros(self.shape[1]))

    def enter(self, z: Tensor) -> Tensor:
        """Return the tokens (B, N, width) of `z` (B, Tf, E)."""
        parts = z.split(self.sizes, dim=-1)
        tokens = [
            enter(part.reshape(z.shape[0], count, modality.dim))
            for part, count, enter, modality in zip(
                parts, self.counts, self.enters, self.modalities, strict=True
            )
        ]
        return torch.cat(tokens, dim=1) + self.position

    def leave(self, tokens: Tensor) -> Tensor:
        """Return z (B, Tf, E) of `tokens` (B, N, width)."""
        parts = tokens.split(self.counts, dim=1)
        z = [
            leave(part).reshape(tokens.shape[0], self.steps, size)
            for part, size, leave in zip(parts, self.sizes, self.leaves, strict=True)
        ]
        return torch.cat(z, dim=-1)

    def there(self, mask: Tensor) -> Tensor:
        """Return which tokens (B, N) belong to observations that there are, `mask` (B, Tf)."""
        each = [mask.repeat_interleave(modality.tokens, dim=1) for modality in self.modalities]
        return torch.cat(each, dim=1)

    def read(self, future: FutureWindows) -> Tensor:
        """Return what was seen (B, Tf, E), in its own units."""
        return torch.cat([modality.read(future) for modality in self.modalities], dim=-1).float()

    @torch.no_grad()
    def learn(self, seen: Tensor, mask: Tensor, total: Total) -> None:
        """Take note of the mean and the spread of what was `seen` (B, Tf, E), where `mask` (B, Tf).

        `total`: of a sum, over all processes that share the batch.
        """
        counted = mask[..., None].to(seen)
        sums = (counted.sum().view(1), (seen * counted).sum((0, 1)), (seen.square() * counted).sum((0, 1)))
        for known, new in zip((self.weight, self.first, self.second), sums, strict=True):
            known.mul_(_DECAY).add_(total(new))

    def standard(self, seen: Tensor) -> Tensor:
        """Return what was `seen` (..., E) less its mean and by its spread, as far as that is known."""
        weight = self.weight.clamp(min=1e-6)
        mean = self.first / weight
        spread = (self.second / weight - mean.square()).clamp(min=_LEAST_SPREAD**2).sqrt()
        return (seen - mean) / torch.where(self.weight > 0.0, spread, 1.0)

    def loss_terms(self, found: Tensor, target: Tensor, mask: Tensor, windows: Windows) -> dict[str, Tensor]:
        """Return "future_<modality>": the mean squared error of each, where `mask` (B, Tf)."""
        errors = (found - target).square().split(self.sizes, dim=-1)
        return {
            f"future_{modality.name}": windows.mean(error.mean(dim=-1), mask)
            for modality, error in zip(self.modalities, errors, strict=True)
        }

    def distance(self, found: Tensor, seen: Tensor) -> Tensor:
        """Return the mean squared difference (...) of two observations (..., E), each modality the same."""
        errors = (found - seen).square().split(self.sizes, dim=-1)
        return torch.stack([error.mean(dim=-1) for error in errors]).mean(dim=0)
