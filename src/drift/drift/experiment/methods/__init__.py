"""The methods that are compared, by name; each file has those of one study or more."""

from drift.experiment.methods import paper, ranks, subspaces
from drift.experiment.methods.method import Method

__all__ = ["METHODS", "Method"]

METHODS: dict[str, Method] = paper.METHODS | ranks.METHODS | subspaces.METHODS
