"""What can be wrong with what drift is given: each message names the thing, its value and what is allowed."""


class DriftError(Exception):
    """Anything drift refuses on purpose."""


class ConfigError(DriftError, ValueError):
    """A configuration value, key or name that is not allowed."""


class CheckpointError(DriftError):
    """A checkpoint that cannot be trusted or does not fit."""


class ShapeError(DriftError, ValueError):
    """An array of the wrong shape or type."""


class DataError(DriftError):
    """Recorded data that is missing, broken or contradicts itself."""
