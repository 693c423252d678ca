"""Errors of drift_control. What happens in operation is a status, not an error."""


class ConfigError(ValueError):
    """A configuration value is missing, unknown or out of range; the message says what is allowed."""
