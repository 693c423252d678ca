"""Where labels come from: corrections, or as many labels of demonstrations."""

from drift.experiment.courses import equal_labels
from drift.experiment.methods.method import Method, full_rank

_OURS = "drift_left"

METHODS = {
    "bc_as_many_labels": Method(
        "behaviour cloning from as many labels", equal_labels.at_once(_OURS), full_rank
    ),
    "demonstrations_in_rounds": Method(
        "DRIFT-DAgger, as many labels of demonstrations in each round",
        equal_labels.in_rounds(_OURS, equal_labels.demonstrate_for_rounds),
    ),
}
