"""The service trainer/read_checkpoint: checkpoints for policy nodes that do not see this disk."""

from array import array
from functools import partial
from pathlib import Path

from drift_core.policy.pieces import PIECE_MAX_BYTES, Piece, UnknownCheckpointError, read_piece
from drift_interfaces.srv import ReadCheckpoint
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.node import Node
from rclpy.task import Future

from trainer_node.jobs import Jobs

assert PIECE_MAX_BYTES == ReadCheckpoint.Request.MAX_BYTES


class CheckpointServer:
    """Answer with pieces of files, which another thread reads."""

    def __init__(self, node: Node, folder: Path, jobs: Jobs) -> None:
        self._folder, self._jobs = folder, jobs
        # a group of its own: while a piece is read, the default group would let nothing else run
        waiting = MutuallyExclusiveCallbackGroup()
        # a result that another thread sets does not wake the executor
        self._wake = node.create_guard_condition(lambda: None)
        node.create_service(
            ReadCheckpoint, "trainer/read_checkpoint", self._on_request, callback_group=waiting
        )

    async def _on_request(
        self, request: ReadCheckpoint.Request, response: ReadCheckpoint.Response
    ) -> ReadCheckpoint.Response:
        read = Future()
        job = self._jobs.ask(partial(read_piece, self._folder, request.name, request.offset, request.length))
        job.add_done_callback(lambda done: (read.set_result(done), self._wake.trigger()))
        done = await read
        error = done.exception()
        match error:
            case None:
                _fill(response, done.result())
            case UnknownCheckpointError():
                response.error_code = ReadCheckpoint.Response.NOT_FOUND
            case ValueError():
                response.error_code = ReadCheckpoint.Response.BAD_REQUEST
            case OSError():
                response.error_code = ReadCheckpoint.Response.UNREADABLE
            case _:
                raise error
        response.error_msg = "" if error is None else str(error)
        return response


def _fill(response: ReadCheckpoint.Response, piece: Piece) -> None:
    response.data, response.sha256 = array("B", piece.data), piece.sha256
    response.file_bytes, response.file_sha256 = piece.file_bytes, piece.file_sha256
