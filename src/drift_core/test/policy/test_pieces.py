"""Pieces of a checkpoint file: together they are the file, and nothing else can be asked for."""

import hashlib
import os

import pytest
from drift_core.pieces import PIECE_MAX_BYTES, NotThereError
from drift_core.policy.pieces import read_piece
from hypothesis import given
from hypothesis import strategies as st

NAME = "policy_000012.safetensors"


@given(content=st.binary(max_size=200), length=st.integers(1, 64))
def test_pieces_of_any_length_make_up_the_file_and_say_what_file_it_is(tmp_path_factory, content, length):
    folder = tmp_path_factory.mktemp("pieces")
    (folder / NAME).write_bytes(content)
    pieces = [read_piece(folder, NAME, first, length) for first in range(0, len(content) + 1, length)]
    assert b"".join(piece.data for piece in pieces) == content
    assert {(piece.file_bytes, piece.file_sha256) for piece in pieces} == {
        (len(content), hashlib.sha256(content).hexdigest())
    }
    assert all(piece.sha256 == hashlib.sha256(piece.data).hexdigest() for piece in pieces)


def test_a_file_that_was_replaced_has_another_digest(tmp_path):
    path = tmp_path / NAME
    path.write_bytes(b"old")
    before = read_piece(tmp_path, NAME, 0, 0)
    path.write_bytes(b"new")
    os.utime(path, ns=(1, 1))
    assert before.data == b"" and before.file_bytes == 3
    assert read_piece(tmp_path, NAME, 0, 0).file_sha256 == hashlib.sha256(b"new").hexdigest()


@pytest.mark.parametrize(
    "name",
    [
        "../policy_000012.safetensors",
        "/etc/passwd",
        "LATEST",
        "resume_1.safetensors",
        "policy_000012.json",
        "policy_000012.safetensors\n",
        "policy_\u0661\u0661\u0661\u0661\u0661\u0661.safetensors",
        "",
    ],
)
def test_what_is_no_name_of_a_checkpoint_is_refused_even_where_there_is_such_a_file(tmp_path, name):
    with pytest.raises(ValueError, match="must be policy_NNNNNN.safetensors or delta_NNNNNN.safetensors"):
        read_piece(tmp_path / "sub", name, 0, 10)


def test_offset_and_length_are_checked_and_a_missing_version_is_named(tmp_path):
    (tmp_path / NAME).write_bytes(b"12345")
    assert read_piece(tmp_path, NAME, 5, 10).data == b"" and read_piece(tmp_path, NAME, 3, 10).data == b"45"
    with pytest.raises(ValueError, match="offset=6 must lie in 0..5, the size of policy_000012.safetensors"):
        read_piece(tmp_path, NAME, 6, 1)
    with pytest.raises(ValueError, match=f"length={PIECE_MAX_BYTES + 1} must lie in 0..1048576"):
        read_piece(tmp_path, NAME, 0, PIECE_MAX_BYTES + 1)
    with pytest.raises(NotThereError, match="delta_000013.safetensors: there is no such checkpoint"):
        read_piece(tmp_path, "delta_000013.safetensors", 0, 1)
