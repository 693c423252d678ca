"""A service that hands out files in pieces: ReadCheckpoint, ReadEpisode."""

from array import array
from collections.abc import Callable
from concurrent.futures import Future as ThreadFuture
from functools import partial
from typing import Any

from drift_core.pieces import PIECE_MAX_BYTES, NotThereError, Piece
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.node import Node
from rclpy.task import Future


class PieceServer:
    """Answer with pieces, which another thread reads."""

    def __init__(
        self,
        node: Node,
        kind: Any,
        service: str,
        read: Callable[[Any], Piece],
        ask: Callable[[Callable[[], Piece]], "ThreadFuture[Piece]"],
    ) -> None:
        """`read` makes of a request a piece, or raises NotThereError, ValueError or OSError.

        `ask` lets another thread do that.
        """
        if kind.Request.MAX_BYTES != PIECE_MAX_BYTES:
            raise ValueError(f"MAX_BYTES={kind.Request.MAX_BYTES} of {service} must be {PIECE_MAX_BYTES}")
        self._kind, self._read, self._ask = kind, read, ask
        # a group of its own: while a piece is read, the default group would let nothing else run
        waiting = MutuallyExclusiveCallbackGroup()
        # a result that another thread sets does not wake the executor
        self._wake = node.create_guard_condition(lambda: None)
        node.create_service(kind, service, self._on_request, callback_group=waiting)

    async def _on_request(self, request: Any, response: Any) -> Any:
        read = Future()
        job = self._ask(partial(self._read, request))
        job.add_done_callback(lambda done: (read.set_result(done), self._wake.trigger()))
        done = await read
        error = done.exception()
        match error:
            case None:
                _fill(response, done.result())
            case NotThereError():
                response.error_code = self._kind.Response.NOT_FOUND
            case ValueError():
                response.error_code = self._kind.Response.BAD_REQUEST
            case OSError():
                response.error_code = self._kind.Response.UNREADABLE
            case _:
                raise error
        response.error_msg = "" if error is None else str(error)
        return response


def _fill(response: Any, piece: Piece) -> None:
    response.data, response.sha256 = array("B", piece.data), piece.sha256
    response.file_bytes, response.file_sha256 = piece.file_bytes, piece.file_sha256
