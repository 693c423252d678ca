"""ResNet-18, spatial softmax over few maps, a layer behind it: the encoder of LeRobot's diffusion policy.

So that what was trained there can be loaded (`drift_formats.lerobot.policy`). Colours are normalised by
`mean` and `std`, which are part of the weights; pictures may be scaled and cut before.
"""

from typing import Annotated, Literal

import torch
from drift_config.strict import STRICT
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn
from torch.nn import functional

from drift_core.encoders.resnet import ResNetTrunk, group_norm
from drift_core.encoders.small_cnn import expected_position

Side = Annotated[int, Field(gt=0)]  # [pixel]


@dataclass(frozen=True, config=STRICT)
class KeypointResNetConfig:
    """Sizes of `KeypointResNet`."""

    kind: Literal["resnet18_keypoints"] = "resnet18_keypoints"
    keypoints: Annotated[int, Field(gt=0)] = 32
    resize: tuple[Side, Side] | None = None  # height and width that pictures are scaled to
    crop: tuple[Side, Side] | None = None  # height and width that are cut around the centre, after that
    norm: Literal["group", "frozen_batch"] = "group"
    group_size: Annotated[int, Field(gt=0)] = 16  # channels per group of a GroupNorm; divides 64


class FrozenBatchNorm(nn.Module):
    """BatchNorm with the mean and the variance that it has once learned (F, C, H, W)."""

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Return (F, C, H, W)."""
        return functional.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias)


class KeypointResNet(ResNetTrunk):
    """(F, 3, H, W) uint8 -> (F, 2 keypoints)."""

    mean: Tensor
    std: Tensor

    def __init__(self, config: KeypointResNetConfig) -> None:
        super().__init__(group_norm(config.group_size) if config.norm == "group" else FrozenBatchNorm)
        self.config, self.resize, self.crop = config, config.resize, config.crop
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406])[:, None, None])  # of ImageNet
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225])[:, None, None])
        self.to_maps = nn.Conv2d(512, config.keypoints, 1)
        self.feature_dim = 2 * config.keypoints
        self.out = nn.Linear(self.feature_dim, self.feature_dim)

    def forward(self, frames: Tensor) -> Tensor:
        """Return features (F, D)."""
        x = (frames.to(self.mean.dtype) / 255.0 - self.mean) / self.std
        if self.resize is not None:
            x = functional.interpolate(x, size=self.resize, mode="bilinear", antialias=True)
        if self.crop is not None:
            height, width = self.crop
            top, left = round((x.shape[2] - height) / 2.0), round((x.shape[3] - width) / 2.0)
            x = x[:, :, top : top + height, left : left + width]
        return functional.relu(self.out(expected_position(self.to_maps(self.maps(x)))))
