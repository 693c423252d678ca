"""The service trainer/read_checkpoint, as a thread other than the executor's asks it."""

import threading

from drift_core.policy.pieces import Piece
from drift_interfaces.srv import ReadCheckpoint
from rclpy.node import Node

from drift_policy_node.candidate import CandidateFault, RefusedError
from drift_policy_node.fetch import NoAnswerError

_ANSWER_S = 3.0  # for a piece; the first one waits for the digest of the file
_FAULTS = {
    ReadCheckpoint.Response.NOT_FOUND: CandidateFault.NOT_FOUND,
    ReadCheckpoint.Response.BAD_REQUEST: CandidateFault.INVALID,
    ReadCheckpoint.Response.UNREADABLE: CandidateFault.NOT_FETCHED,
}


class TrainerFiles:
    """Call it with name, offset and length; no lock is held while it waits for the executor."""

    def __init__(self, node: Node) -> None:
        self._client = node.create_client(ReadCheckpoint, "trainer/read_checkpoint")

    def __call__(self, name: str, offset: int, length: int) -> Piece:
        """Return a piece; NoAnswerError where none comes, RefusedError where the trainer says why not."""
        if not self._client.service_is_ready():
            raise NoAnswerError
        answered = threading.Event()
        future = self._client.call_async(ReadCheckpoint.Request(name=name, offset=offset, length=length))
        future.add_done_callback(lambda _: answered.set())
        if not answered.wait(_ANSWER_S):
            self._client.remove_pending_request(future)
            raise NoAnswerError
        answer = future.result()
        if answer.error_code:
            fault = _FAULTS.get(answer.error_code, CandidateFault.NOT_FETCHED)
            raise RefusedError(fault, f"the trainer says: {answer.error_msg}")
        return Piece(answer.data.tobytes(), answer.sha256, answer.file_bytes, answer.file_sha256)
