"""What all image encoders share: `net(frames (F, 3, H, W) uint8) -> features (F, feature_dim)`."""

from abc import ABC, abstractmethod
from collections.abc import Hashable

from torch import Tensor, nn


class Encoder(nn.Module, ABC):
    """A network for the frames of one camera."""

    config: Hashable  # its sizes, frozen
    feature_dim: int  # D

    @abstractmethod
    def forward(self, frames: Tensor) -> Tensor:
        """Return features (F, D)."""
