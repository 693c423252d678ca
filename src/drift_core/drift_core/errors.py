"""What can be wrong with what learning is given; each message names the thing and what is allowed."""

from drift_config.errors import DriftError


class CheckpointError(DriftError):
    """A checkpoint that cannot be trusted or does not fit."""


class ShapeError(DriftError, ValueError):
    """An array of the wrong shape or type."""


class DataError(DriftError):
    """Recorded data that is missing, broken or contradicts itself."""


class EncodingError(DriftError, ValueError):
    """An image has an encoding or a size that cannot be converted."""


class CalibrationError(DriftError):
    """A measurement that does not determine what was asked; the message says what is needed."""
