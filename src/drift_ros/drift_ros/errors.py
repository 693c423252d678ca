"""Errors of the ROS border; each names the thing, its value and what is allowed."""


class EncodingError(ValueError):
    """An image has an encoding or a size that cannot be converted."""


class SessionError(RuntimeError):
    """A server did not appear, refused, or did not answer within its limit."""
