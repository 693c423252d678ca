"""The methods that are compared, by name; each file has those of one study or more."""

from drift.experiment.methods import forgetting, gates, labels, nodes, paper, ranks, shift, subspaces, timing
from drift.experiment.methods.method import Method

__all__ = ["METHODS", "Method"]

METHODS: dict[str, Method] = {
    name: method
    for axis in (paper, ranks, subspaces, labels, timing, gates, forgetting, shift, nodes)
    for name, method in axis.METHODS.items()
}
