"""What a gradient step minimises, chosen in config/train."""

from typing import TYPE_CHECKING

from drift_core.kinds import one_of
from drift_core.objectives.denoising import DENOISING, DenoisingObjective
from drift_core.objectives.objective import Objective

__all__ = ["DENOISING", "OBJECTIVES", "DenoisingObjective", "Objective", "ObjectiveConfig"]

OBJECTIVES: tuple[type[Objective], ...] = (DenoisingObjective,)

if TYPE_CHECKING:
    ObjectiveConfig = Objective
else:
    ObjectiveConfig = one_of(OBJECTIVES)
