"""Errors of the simulation."""

from drift_core.errors import ConfigError, DriftError

__all__ = ["ConfigError", "DriftError", "SimulationError"]


class SimulationError(DriftError):
    """The simulation was used in a way that cannot work, such as rendering from a second thread."""
