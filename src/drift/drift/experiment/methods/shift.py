"""Who learns again when something has changed; the bootstrapping is at full rank, so that all begin alike."""

from drift.experiment.courses.recovery import CORRECTED, UNCORRECTED
from drift.experiment.methods.method import Method, full_rank, full_rank_first

METHODS = {
    "shifted_left": Method("DRIFT-DAgger, form left", CORRECTED, full_rank_first, ours_alone=True),
    "shifted_full": Method("HG-DAgger at full rank", CORRECTED, full_rank, ours_alone=True),
    "shifted_uncorrected": Method(
        "form left, trained on without corrections", UNCORRECTED, full_rank_first, ours_alone=True
    ),
}
