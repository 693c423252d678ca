"""The loss of a diffusion policy (arXiv 2303.04137): what the network predicts, against what it should."""

from typing import Literal

import torch
from drift_config.strict import STRICT
from pydantic.dataclasses import dataclass
from torch import Tensor

from drift_core.objectives.objective import Objective
from drift_core.policy.batch import Batch
from drift_core.policy.policy import DiffusionPolicy


@dataclass(frozen=True, config=STRICT)
class DenoisingObjective(Objective):
    """Squared error of the denoised labels ("denoising"), and what further heads of the network add to it."""

    kind: Literal["denoising"] = "denoising"

    def terms(
        self,
        policy: DiffusionPolicy,
        batch: Batch,
        generator: torch.Generator,
        noise_draws: int = 1,
        shift_px: int = 0,
        reference: DiffusionPolicy | None = None,
    ) -> dict[str, Tensor]:
        """Return the network's own terms."""
        return policy.loss_terms(batch, generator, noise_draws, shift_px)


DENOISING = DenoisingObjective()
