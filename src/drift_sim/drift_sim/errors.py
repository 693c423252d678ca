"""Errors of the simulation."""

from drift_config.errors import DriftError


class SimulationError(DriftError):
    """The simulation was used in a way that cannot work, such as rendering from a second thread."""
