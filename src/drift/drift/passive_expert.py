"""Keep the scripted expert's hands off the stick for a while."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from drift_ros.errors import SessionError

if TYPE_CHECKING:
    from drift_ros.session import SessionClient


@contextmanager
def passive_expert(client: "SessionClient") -> Iterator[None]:
    """Let it take over again afterwards, however the block ends."""
    client.allow_takeovers(False)
    try:
        yield
    except BaseException:
        with suppress(SessionError):  # what ended the block is what matters
            client.allow_takeovers(True)
        raise
    client.allow_takeovers(True)
