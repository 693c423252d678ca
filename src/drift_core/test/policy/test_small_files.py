"""The JSON files beside checkpoints: LATEST, ROLLED_BACK and what a version has learned from."""

import json

import pytest
from drift_core.errors import CheckpointError
from drift_core.policy.checkpoint_folder import LATEST, read_latest
from drift_core.policy.rollback import ROLLED_BACK, read_rolled_back
from drift_core.training.provenance import load_provenance

FILES = [
    (LATEST, read_latest),
    (ROLLED_BACK, read_rolled_back),
    ("policy_000003.json", lambda folder: load_provenance(folder / "delta_000003.safetensors")),
]


@pytest.mark.parametrize("name, read", FILES)
def test_each_is_none_where_it_is_missing_and_named_where_it_is_damaged(tmp_path, name, read):
    assert read(tmp_path) is None
    path = tmp_path / name
    for content, fault in (
        (b"{", "not valid JSON: Expecting property name"),
        (b'"\xff"', "not valid JSON: 'utf-"),
        (b"[" * 100_000, "not valid JSON: maximum recursion depth"),
        (b'{"colour": 3}', "colour=3 is unknown"),
    ):
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match=f"{name}: .*{fault}"):
            read(tmp_path)
    path.unlink()
    path.mkdir()
    with pytest.raises(CheckpointError, match=f"{name}: cannot be read: Is a directory"):
        read(tmp_path)


@pytest.mark.parametrize("sha256", ["a" * 63, "A" * 64, "g" * 64])
def test_a_hash_is_64_lower_case_hex_digits_everywhere(tmp_path, sha256):
    (tmp_path / LATEST).write_text(
        f'{{"file": "policy_000001.safetensors", "sha256": "{sha256}", "version": 1}}'
    )
    rolled_back = {"left": [sha256], "file": "x", "sha256": 64 * "a"}
    (tmp_path / ROLLED_BACK).write_text(json.dumps(rolled_back))
    for read in (read_latest, read_rolled_back):
        with pytest.raises(CheckpointError, match=sha256):
            read(tmp_path)
