"""What an engine runs: the pieces of a network that take most of the time, each with fixed shapes."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable

import torch
from torch import Tensor, nn

from drift_core.denoisers import make_denoiser
from drift_core.denoisers.denoiser import Denoiser
from drift_core.encoders import CameraEncoder, Encoder, make_encoder
from drift_core.observation.spec import CameraSpec

Run = Callable[..., Tensor]  # inputs of a part -> its output
TRUNK = "trunk"


class Part(nn.Module, ABC):
    """A module for batch size 1: `part(*inputs) -> Tensor`."""

    kind: str  # in words
    inputs: tuple[str, ...]  # their names

    @property
    @abstractmethod
    def architecture(self) -> Hashable:
        """Return what two parts share whose weights can be exchanged."""

    @abstractmethod
    def example(self, seed: int) -> tuple[Tensor, ...]:
        """Return random inputs, on the device of the weights."""

    @abstractmethod
    def twin(self) -> "Part":
        """Return a new part of the same architecture, on the CPU."""


class TrunkPart(Part):
    """What of a denoiser runs at every denoising step: x (1, *latent_shape), FiLM values -> the like of x."""

    kind, inputs = TRUNK, ("x", "film")

    def __init__(self, denoiser: Denoiser) -> None:
        super().__init__()
        self.denoiser = denoiser

    def forward(self, x: Tensor, film: Tensor) -> Tensor:
        """Return the output (1, *latent_shape)."""
        return self.denoiser.trunk(x, film)

    @property
    def architecture(self) -> Hashable:
        """Return the sizes."""
        net = self.denoiser
        return TRUNK, net.config, net.horizon, net.action_dim, net.condition_dim, net.seen

    def example(self, seed: int) -> tuple[Tensor, ...]:
        """Return x (1, *latent_shape) and FiLM values (1, sum of film_sizes)."""
        net = self.denoiser
        x = _normal(net, seed, *net.latent_shape)
        return x, 0.3 * _normal(net, seed + 1, sum(net.film_sizes))

    def twin(self) -> "TrunkPart":
        """Return another one with new weights."""
        net = self.denoiser
        sizes = (net.config, net.horizon, net.action_dim, net.condition_dim, net.seen)
        return TrunkPart(make_denoiser(*sizes).eval())


class CameraPart(Part):
    """The encoder of one camera: frame (1, 3, H, W) uint8 -> features (1, D)."""

    kind, inputs = "encoder", ("frame",)

    def __init__(self, encoder: Encoder, camera: CameraSpec) -> None:
        super().__init__()
        self.encoder, self.camera = encoder, camera

    def forward(self, frame: Tensor) -> Tensor:
        """Return features (1, D)."""
        features: Tensor = self.encoder(frame)
        return features

    @property
    def architecture(self) -> Hashable:
        """Return the sizes."""
        return self.encoder.config, self.camera.height, self.camera.width

    def example(self, seed: int) -> tuple[Tensor, ...]:
        """Return one frame of noise."""
        size = (1, 3, self.camera.height, self.camera.width)
        frame = torch.randint(0, 256, size, dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))
        return (frame.to(_device(self)),)

    def twin(self) -> "CameraPart":
        """Return another one with new weights."""
        return CameraPart(make_encoder(self.encoder.config).eval(), self.camera)


def parts_of(network: Denoiser | CameraEncoder) -> dict[str, Part]:
    """Return the parts by name: the trunk of a denoiser, or one encoder by camera."""
    if isinstance(network, Denoiser):
        return {TRUNK: TrunkPart(network)}
    return {camera.name: CameraPart(network.network(camera.name), camera) for camera in network.cameras}


def _normal(module: nn.Module, seed: int, *shape: int) -> Tensor:
    return torch.randn(1, *shape, generator=torch.Generator().manual_seed(seed)).to(_device(module))


def _device(module: nn.Module) -> torch.device:
    return next(module.parameters()).device
