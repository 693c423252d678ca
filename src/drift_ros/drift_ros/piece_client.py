"""A service that hands out files in pieces, as a thread other than the executor's asks it."""

import threading
from typing import Any

from drift_core.fetching import MalformedError, NoAnswerError, UnreadableError
from drift_core.pieces import NotThereError, Piece
from rclpy.node import Node

_ANSWER_S = 3.0  # for a piece; the first one waits for the digest of the file


class PieceClient:
    """Call it with the fields of a request; no lock is held while it waits for the executor."""

    def __init__(self, node: Node, kind: Any, service: str, server: str) -> None:
        """`server`: who serves it, in words."""
        self._kind, self._server = kind, server
        self._client = node.create_client(kind, service)

    def __call__(self, **request: Any) -> Piece:
        """Return a piece; NoAnswerError where none comes.

        NotThereError, MalformedError or UnreadableError say why the server does not give it.
        """
        if not self._client.service_is_ready():
            raise NoAnswerError(f"the {self._server} is not there")
        answered = threading.Event()
        future = self._client.call_async(self._kind.Request(**request))
        future.add_done_callback(lambda _: answered.set())
        if not answered.wait(_ANSWER_S):
            self._client.remove_pending_request(future)
            raise NoAnswerError(f"no answer from the {self._server}")
        answer, said = future.result(), f"the {self._server} says: "
        match answer.error_code:
            case self._kind.Response.NONE:
                return Piece(answer.data.tobytes(), answer.sha256, answer.file_bytes, answer.file_sha256)
            case self._kind.Response.NOT_FOUND:
                raise NotThereError(said + answer.error_msg)
            case self._kind.Response.BAD_REQUEST:
                raise MalformedError(said + answer.error_msg)
        raise UnreadableError(said + answer.error_msg)
