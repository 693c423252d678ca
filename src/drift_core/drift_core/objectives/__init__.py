"""What a gradient step minimises, chosen in config/train."""

from typing import TYPE_CHECKING

from drift_core.kinds import one_of
from drift_core.objectives.branched import BranchedObjective
from drift_core.objectives.d3po import D3poObjective
from drift_core.objectives.denoising import DENOISING, DenoisingObjective
from drift_core.objectives.objective import Objective
from drift_core.objectives.pairs import PairObjective
from drift_core.objectives.set_supervised import SetSupervisedObjective

__all__ = [
    "DENOISING",
    "OBJECTIVES",
    "PAIR_OBJECTIVES",
    "WRITTEN_OBJECTIVES",
    "AnyObjectiveConfig",
    "BranchedObjective",
    "D3poObjective",
    "DenoisingObjective",
    "Objective",
    "ObjectiveConfig",
    "PairObjective",
    "PairObjectiveConfig",
    "SetSupervisedObjective",
]

OBJECTIVES: tuple[type[Objective], ...] = (DenoisingObjective,)  # of labels
PAIR_OBJECTIVES: tuple[type[PairObjective], ...] = (D3poObjective, SetSupervisedObjective)  # of preferences
# that the state of a round can name
WRITTEN_OBJECTIVES: tuple[type[Objective], ...] = (*OBJECTIVES, *PAIR_OBJECTIVES, BranchedObjective)

if TYPE_CHECKING:
    ObjectiveConfig = Objective
    PairObjectiveConfig = PairObjective
    AnyObjectiveConfig = Objective
else:
    ObjectiveConfig = one_of(OBJECTIVES)
    PairObjectiveConfig = one_of(PAIR_OBJECTIVES)
    AnyObjectiveConfig = one_of(WRITTEN_OBJECTIVES)
