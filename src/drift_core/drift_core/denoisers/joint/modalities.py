"""What of an observation to come is denoised beside the actions: one file to look at for a further modality.

A modality makes `tokens` of `dim` numbers of what one observation shows.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal

from drift_config.errors import ConfigError
from drift_config.strict import STRICT
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor
from torch.nn import functional

from drift_core.denoisers.seen import Seen
from drift_core.denoisers.windows import FutureWindows
from drift_core.kinds import one_of


@dataclass(frozen=True, config=STRICT)
class FeaturesConfig:
    """What the encoder makes of the frames of all cameras."""

    kind: Literal["features"] = "features"


@dataclass(frozen=True, config=STRICT)
class StateConfig:
    """The normalised state: TCP, gripper, joints."""

    kind: Literal["state"] = "state"


@dataclass(frozen=True, config=STRICT)
class ImageConfig:
    """The frames of one camera, made small; also of one that shows depth as a picture."""

    camera: str
    kind: Literal["image"] = "image"
    size: Annotated[int, Field(ge=2, le=64)] = 16  # pixels, both ways
    patch: Annotated[int, Field(ge=1)] = 8  # pixels, both ways, of one token

    def __post_init__(self) -> None:
        if self.size % self.patch:
            raise ConfigError(f"size={self.size} of an image must be a multiple of patch={self.patch}")


class Modality(ABC):
    """One thing that is foreseen."""

    name: str
    tokens: int
    dim: int

    @abstractmethod
    def read(self, future: FutureWindows) -> Tensor:
        """Return (B, Tf, tokens * dim) of what was seen, without gradient."""


class _Features(Modality):
    name, tokens = "features", 1

    def __init__(self, config: FeaturesConfig, seen: Seen) -> None:
        if not seen.feature_dim:
            raise ConfigError("modality 'features' needs cameras, the task has none; allowed: state")
        self.dim = seen.feature_dim

    def read(self, future: FutureWindows) -> Tensor:
        return future.features.detach()


class _State(Modality):
    name, tokens = "state", 1

    def __init__(self, config: StateConfig, seen: Seen) -> None:
        self.dim = seen.state_dim

    def read(self, future: FutureWindows) -> Tensor:
        return future.state


class _Image(Modality):
    def __init__(self, config: ImageConfig, seen: Seen) -> None:
        if config.camera not in seen.cameras:
            there = ", ".join(seen.cameras) or "none"
            raise ConfigError(f"camera={config.camera!r} of a modality must be one of the task's: {there}")
        self.config, self.name = config, f"image_{config.camera}"
        self.tokens, self.dim = (config.size // config.patch) ** 2, 3 * config.patch**2

    def read(self, future: FutureWindows) -> Tensor:
        frames = future.images.get(self.config.camera)
        if frames is None:
            raise ConfigError(
                f"modality {self.name!r} needs frames in the batches: freeze_encoder must be false"
            )
        size, patch = self.config.size, self.config.patch
        small = functional.adaptive_avg_pool2d(frames.float() / 127.5 - 1.0, size)  # (F, 3, size, size)
        rows = small.unfold(2, patch, patch).unfold(3, patch, patch)  # (F, 3, n, n, patch, patch)
        return rows.permute(0, 2, 3, 1, 4, 5).flatten(1)[future.frame_index]


MODALITIES: dict[type, Callable[..., Modality]] = {
    FeaturesConfig: _Features,
    StateConfig: _State,
    ImageConfig: _Image,
}

if TYPE_CHECKING:
    ModalityConfig = Any
else:
    ModalityConfig = one_of(MODALITIES)


def make_modalities(configs: tuple[ModalityConfig, ...], seen: Seen) -> tuple[Modality, ...]:
    """Return what `configs` name; ConfigError where `seen` has no such thing, or one is named twice."""
    made = tuple(MODALITIES[type(config)](config, seen) for config in configs)
    names = [modality.name for modality in made]
    if len(set(names)) != len(names):
        raise ConfigError(f"modalities={names} must differ")
    return made
