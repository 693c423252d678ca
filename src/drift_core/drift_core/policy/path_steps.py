"""Updates of denoising paths as they happened, and how much better the chunk turned out than its rivals."""

from dataclasses import dataclass, fields

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class PathSteps:
    """N updates x_k -> x_{k_next}, drawn from a Gaussian around `mean`; all normalised."""

    condition: Tensor  # (N, C) that the chunk answers
    x: Tensor  # (N, T, A) before
    k: Tensor  # (N,) long
    x_next: Tensor  # (N, T, A) after
    k_next: Tensor  # (N,) long
    mean: Tensor  # (N, T, A) of the policy that made it
    advantage: Tensor  # (N,) score of the attempt less the mean of those that it is measured by

    def __len__(self) -> int:
        return len(self.k)

    def rows(self, index: Tensor) -> "PathSteps":
        """Return those that `index` counts."""
        return PathSteps(**{field.name: getattr(self, field.name)[index] for field in fields(self)})

    def to(self, device: torch.device | str) -> "PathSteps":
        """Return the same on `device`."""
        return PathSteps(**{field.name: getattr(self, field.name).to(device) for field in fields(self)})


def joined(parts: list[PathSteps]) -> PathSteps:
    """Return all `parts`, one behind the other."""
    names = [field.name for field in fields(PathSteps)]
    return PathSteps(**{name: torch.cat([getattr(part, name) for part in parts]) for name in names})
