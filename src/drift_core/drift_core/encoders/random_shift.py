"""Random shift of training images by a few pixels (Yarats et al., arXiv 2107.09645), the edge repeated."""

import torch
from drift_config.errors import ConfigError
from torch import Tensor

from drift_core.share import Portion


def random_shift(
    frames: Tensor, pixels: int, generator: torch.Generator, among: Portion | None = None
) -> Tensor:
    """Return `frames` (F, C, H, W), each shifted by its own integer in [-pixels, pixels] per axis.

    `among`: which frames of a whole batch they are, for all of which numbers are drawn.
    """
    if pixels < 0:
        raise ConfigError(f"pixels={pixels} must be at least 0")
    if pixels == 0:
        return frames
    count, _, height, width = frames.shape
    drawn = (2, count if among is None else among.of)
    shift = torch.randint(-pixels, pixels + 1, drawn, generator=generator, device=generator.device)
    shift = shift.to(frames.device)
    if among is not None:
        shift = shift[:, among.rows]
    rows = (torch.arange(height, device=frames.device) + shift[0, :, None]).clamp(0, height - 1)  # (F, H)
    columns = (torch.arange(width, device=frames.device) + shift[1, :, None]).clamp(0, width - 1)  # (F, W)
    index = torch.arange(count, device=frames.device)[:, None, None]
    return frames.permute(0, 2, 3, 1)[index, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
