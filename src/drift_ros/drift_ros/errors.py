"""Errors of the ROS border; each names the thing, its value and what is allowed."""

from typing import Any


class NumberError(ValueError):
    """A number in a message stands for nothing."""


class SessionError(RuntimeError):
    """A server did not appear, refused, failed, died, or did not answer within its limit.

    `reason`: what the server itself said; where it said nothing, the whole text.
    """

    def __init__(self, text: str, reason: str = "") -> None:
        super().__init__(text)
        self.reason = reason or text


def error_name(answer: Any) -> str:
    """Return the name of `answer.error_code` as its service or action defines it."""
    for name in dir(type(answer)):
        if name.isupper() and getattr(answer, name) == answer.error_code:
            return name
    return f"error {answer.error_code}"
