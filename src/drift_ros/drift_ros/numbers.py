"""Numbers in messages that stand for one of a few things."""

from enum import IntEnum
from typing import TypeVar

from drift_ros.errors import NumberError

E = TypeVar("E", bound=IntEnum)


def member(kind: type[E], field: str, number: int) -> E:
    """Return what the `number` in a message's `field` stands for; NumberError names the numbers allowed."""
    try:
        return kind(number)
    except ValueError:
        allowed = ", ".join(f"{int(one)} ({one.name})" for one in kind)
        raise NumberError(f"{field}={number} must be one of: {allowed}") from None
