"""What drift refuses on purpose: each message names the thing, its value and what is allowed."""


class DriftError(Exception):
    """Anything drift refuses on purpose."""


class ConfigError(DriftError, ValueError):
    """A configuration value, key or name that is not allowed."""
