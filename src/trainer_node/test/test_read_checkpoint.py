"""The trainer's checkpoints over the network: what may be asked for, and what the answer says."""

import hashlib
import time

import pytest
from drift_interfaces.srv import ReadCheckpoint
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from trainer_node.jobs import Jobs
from trainer_node.ros.hand_out import serve_checkpoints

NAME, CONTENT = "policy_000012.safetensors", bytes(range(256)) * 5_000
ANSWER = ReadCheckpoint.Response


@pytest.fixture
def read(ros, tmp_path):
    """Ask a server of a folder with one checkpoint: `read(name, offset, length)`."""
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / NAME).write_bytes(CONTENT)
    (tmp_path / "policy_000001.safetensors").write_bytes(b"outside")
    node, executor, jobs = Node("trainer"), SingleThreadedExecutor(), Jobs(1, print)
    serve_checkpoints(node, tmp_path / "checkpoints", jobs)
    client = node.create_client(ReadCheckpoint, "trainer/read_checkpoint")
    executor.add_node(node)

    def ask(name, offset, length):
        limit_s = time.monotonic() + 15.0
        while not client.service_is_ready():
            assert time.monotonic() < limit_s, "no service"
            executor.spin_once(timeout_sec=0.05)
        answer = client.call_async(ReadCheckpoint.Request(name=name, offset=offset, length=length))
        executor.spin_until_future_complete(answer, 15.0)
        return answer.result()

    yield ask
    executor.shutdown()
    jobs.close()
    node.destroy_node()


def test_pieces_of_at_most_one_mebibyte_make_up_the_file_with_its_digest(read):
    most = ReadCheckpoint.Request.MAX_BYTES
    assert most == 2**20 and most < len(CONTENT) < 2 * most
    first, second = read(NAME, 0, most), read(NAME, most, most)
    assert first.data.tobytes() + second.data.tobytes() == CONTENT
    for piece in (first, second):
        assert (piece.error_code, piece.error_msg, piece.file_bytes) == (ANSWER.NONE, "", len(CONTENT))
        assert piece.file_sha256 == hashlib.sha256(CONTENT).hexdigest()
        assert piece.sha256 == hashlib.sha256(piece.data.tobytes()).hexdigest()


def test_what_cannot_be_read_is_refused_by_name(read, tmp_path):
    (tmp_path / "checkpoints" / "delta_000014.safetensors").mkdir()
    asked = {
        ("policy_000013.safetensors", 0, 1): (ANSWER.NOT_FOUND, "there is no such checkpoint"),
        ("../policy_000001.safetensors", 0, 1): (ANSWER.BAD_REQUEST, "must be policy_NNNNNN"),
        ("LATEST", 0, 1): (ANSWER.BAD_REQUEST, "must be policy_NNNNNN"),
        (NAME, 0, 2**20 + 1): (ANSWER.BAD_REQUEST, "length=1048577 must lie in 0..1048576"),
        (NAME, len(CONTENT) + 1, 1): (ANSWER.BAD_REQUEST, "must lie in 0..1280000"),
        ("delta_000014.safetensors", 0, 1): (ANSWER.UNREADABLE, "Is a directory"),
    }
    for question, (code, text) in asked.items():
        answer = read(*question)
        assert answer.error_code == code and text in answer.error_msg, question
        assert len(answer.data) == 0 and answer.file_sha256 == ""
