"""ResNet-18 (He et al., arXiv 1512.03385) with GroupNorm for BatchNorm and torchvision's names.

GroupNorm because running statistics do not go together with averaged weights and small correlated batches
(Diffusion Policy). The classifier `fc` is left out; everything else is called as in torchvision, so that its
convolution weights can be loaded.
"""

from collections.abc import Callable
from typing import Annotated, Literal

import torch
from drift_config.strict import STRICT
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn
from torch.nn import functional

from drift_core.encoders.encoder import Encoder
from drift_core.encoders.small_cnn import expected_position

Norm = Callable[[int], nn.Module]  # channels -> normalisation of maps with so many


@dataclass(frozen=True, config=STRICT)
class ResNetConfig:
    """Sizes of `ResNet18`."""

    kind: Literal["resnet18"] = "resnet18"
    pool: Literal["average", "spatial_softmax"] = "average"
    group_size: Annotated[int, Field(gt=0)] = 16  # channels per group of a GroupNorm; divides 64


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut."""

    def __init__(self, channels_in: int, channels_out: int, stride: int, norm: Norm) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, stride=stride, padding=1, bias=False)
        self.bn1 = norm(channels_out)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False)
        self.bn2 = norm(channels_out)
        self.downsample: nn.Sequential | None = None
        if stride != 1 or channels_in != channels_out:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels_in, channels_out, 1, stride=stride, bias=False),
                norm(channels_out),
            )

    def forward(self, x: Tensor) -> Tensor:
        """Return (F, C_out, h, w)."""
        shortcut = x if self.downsample is None else self.downsample(x)
        h = functional.relu(self.bn1(self.conv1(x)))
        return functional.relu(self.bn2(self.conv2(h)) + shortcut)


class ResNetTrunk(Encoder):
    """The convolutions, with `norm` behind each: `maps` gives (F, 512, H / 32, W / 32)."""

    def __init__(self, norm: Norm) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = norm(64)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = _layer(64, 64, 1, norm)
        self.layer2 = _layer(64, 128, 2, norm)
        self.layer3 = _layer(128, 256, 2, norm)
        self.layer4 = _layer(256, 512, 2, norm)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def maps(self, x: Tensor) -> Tensor:
        """Return the feature maps of pictures (F, 3, H, W) as the first convolution sees them."""
        x = self.maxpool(functional.relu(self.bn1(self.conv1(x))))
        return self.layer4(self.layer3(self.layer2(self.layer1(x))))


class ResNet18(ResNetTrunk):
    """(F, 3, H, W) uint8 -> (F, 512) by average, or (F, 1024) by spatial softmax."""

    mean: Tensor
    std: Tensor

    def __init__(self, config: ResNetConfig) -> None:
        super().__init__(group_norm(config.group_size))
        self.config = config
        # Mean and spread of ImageNet, which torchvision's weights expect.
        mean = 255.0 * torch.tensor([0.485, 0.456, 0.406])[:, None, None]
        std = 255.0 * torch.tensor([0.229, 0.224, 0.225])[:, None, None]
        self.register_buffer("mean", mean, persistent=False)
        self.register_buffer("std", std, persistent=False)
        self.pool = config.pool
        self.feature_dim = 512 if config.pool == "average" else 1024

    def forward(self, frames: Tensor) -> Tensor:
        """Return features (F, D)."""
        x = (frames.to(self.mean.dtype) - self.mean) / self.std
        x = self.maps(x)  # (F, 512, H / 32, W / 32)
        return x.mean(dim=(2, 3)) if self.pool == "average" else expected_position(x)


def group_norm(group_size: int) -> Norm:
    """Return what makes a GroupNorm with groups of that many channels."""
    return lambda channels: nn.GroupNorm(channels // group_size, channels)


def _layer(channels_in: int, channels_out: int, stride: int, norm: Norm) -> nn.Sequential:
    return nn.Sequential(
        BasicBlock(channels_in, channels_out, stride, norm),
        BasicBlock(channels_out, channels_out, 1, norm),
    )
