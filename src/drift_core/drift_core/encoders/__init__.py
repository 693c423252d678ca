"""Networks that turn camera frames into features, one copy per camera."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from drift_core.encoders.encoder import Encoder
from drift_core.encoders.keypoint_resnet import KeypointResNet, KeypointResNetConfig
from drift_core.encoders.random_shift import random_shift
from drift_core.encoders.resnet import ResNet18, ResNetConfig
from drift_core.encoders.small_cnn import SmallCnn, SmallCnnConfig
from drift_core.errors import ShapeError
from drift_core.kinds import one_of
from drift_core.observation.spec import CameraSpec
from drift_core.share import Portion

__all__ = [
    "ENCODERS",
    "CameraEncoder",
    "Encoder",
    "EncoderConfig",
    "KeypointResNet",
    "KeypointResNetConfig",
    "ResNet18",
    "ResNetConfig",
    "SmallCnn",
    "SmallCnnConfig",
    "make_encoder",
    "random_shift",
]

ENCODERS: dict[type, Callable[..., Encoder]] = {
    SmallCnnConfig: SmallCnn,
    ResNetConfig: ResNet18,
    KeypointResNetConfig: KeypointResNet,
}

if TYPE_CHECKING:
    EncoderConfig = Any
else:
    EncoderConfig = one_of(ENCODERS)


def make_encoder(config: EncoderConfig) -> Encoder:
    """Return the network of one camera."""
    return ENCODERS[type(config)](config)


class CameraEncoder(nn.Module):
    """One encoder per camera; the features of all cameras of a frame, in the order of the specification."""

    def __init__(self, config: EncoderConfig, cameras: tuple[CameraSpec, ...]) -> None:
        super().__init__()
        self.cameras = cameras
        self.networks = nn.ModuleDict({camera.name: make_encoder(config) for camera in cameras})
        self.feature_dim = sum(network.feature_dim for network in self._networks())

    def forward(
        self,
        images: dict[str, Tensor],
        shift_px: int = 0,
        generator: torch.Generator | None = None,
        among: Portion | None = None,
    ) -> Tensor:
        """Return features (F, D) of `images`, by camera (F, 3, H, W) uint8, shifted at random.

        `among`: as of `random_shift`.
        """
        parts = []
        for camera, network in zip(self.cameras, self._networks(), strict=True):
            frames = images.get(camera.name)
            expected = (3, camera.height, camera.width)
            if frames is None:
                raise ShapeError(f"images of camera {camera.name!r} are missing, got {sorted(images)}")
            if frames.ndim != 4 or tuple(frames.shape[1:]) != expected or frames.dtype != torch.uint8:
                raise ShapeError(
                    f"images of camera {camera.name!r} must be (F, {', '.join(map(str, expected))}) uint8, "
                    f"got {tuple(frames.shape)} {frames.dtype}"
                )
            if shift_px:
                if generator is None:
                    raise ShapeError(f"shift_px={shift_px} needs a generator, got None")
                frames = random_shift(frames, shift_px, generator, among)
            parts.append(network(frames))
        return torch.cat(parts, dim=1)

    def network(self, camera: str) -> Encoder:
        """Return the encoder of one camera."""
        network = self.networks[camera]
        assert isinstance(network, Encoder)
        return network

    def _networks(self) -> list[Encoder]:
        return [self.network(camera.name) for camera in self.cameras]
