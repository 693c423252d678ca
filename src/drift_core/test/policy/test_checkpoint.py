"""Checkpoints: whole and verified, or refused with a reason."""

import dataclasses
import json

import pytest
import torch
from drift_core.denoisers import MlpConfig
from drift_core.encoders import SmallCnnConfig
from drift_core.errors import CheckpointError
from drift_core.observation.spec import CameraSpec, ObservationSpec
from drift_core.policy.checkpoint import HashMismatchError, load_checkpoint, load_latest, save_checkpoint
from drift_core.policy.checkpoint_folder import (
    LATEST,
    CheckpointInfo,
    checkpoint_path,
    next_version,
    read_latest,
)
from drift_core.policy.policy import DiffusionPolicy, PolicyConfig
from safetensors.torch import load, save

SPEC = ObservationSpec((CameraSpec("front", 16, 16),), state_dim=13, observation_steps=1, dt_s=0.1)
CONFIG = PolicyConfig(
    SPEC, 10, "tcp_pose", 8, 4, SmallCnnConfig(channels=8, maps=2), MlpConfig(width=16, blocks=1, step_dim=8)
)
INFO = CheckpointInfo(
    task="place",
    robot="panda",
    version=12,
    parent=11,
    rank=0.125,
    effective_rank=0.4,
    step=2000,
    loss=0.0238,
    reason="online round 1",
    created_s=1.8e9,
)


def policy(seed=0):
    torch.manual_seed(seed)
    made = DiffusionPolicy(CONFIG)
    made.normalizer.state_centre[:] = torch.randn(13)
    return made


def saved(folder, seed=0):
    path = checkpoint_path(folder, INFO.version)
    return path, save_checkpoint(path, policy(seed), INFO)


def rewrite(path, change_tensors=None, change_header=None):
    """Write the file again with something changed, as a foreign or older program might have."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["drift"])
    tensors = load(data)
    if change_tensors:
        change_tensors(tensors)
    if change_header:
        change_header(header)
    path.write_bytes(save(tensors, metadata={"drift": json.dumps(header)}))


def test_a_checkpoint_describes_itself(tmp_path):
    path, sha256 = saved(tmp_path)
    loaded = load_checkpoint(path, sha256)
    assert path.name == "policy_000012.safetensors"
    assert loaded.info == INFO and loaded.sha256 == sha256
    assert loaded.policy.config == CONFIG and not loaded.policy.training
    for key, value in policy().state_dict().items():
        assert torch.equal(loaded.policy.state_dict()[key], value), key


def test_the_same_weights_give_the_same_file(tmp_path):
    assert saved(tmp_path / "a")[1] == saved(tmp_path / "b")[1]


def test_latest_names_the_file_its_hash_and_version(tmp_path):
    path, sha256 = saved(tmp_path)
    latest = read_latest(tmp_path)
    assert (latest.file, latest.sha256, latest.version) == (path.name, sha256, 12)
    assert load_latest(tmp_path).info == INFO
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [
        LATEST,
        path.name,
    ]  # nothing temporary is left


def test_a_file_beside_the_line_does_not_become_the_latest(tmp_path):
    save_checkpoint(tmp_path / "policy_000001.safetensors", policy(), INFO, latest=False)
    assert read_latest(tmp_path) is None
    with pytest.raises(CheckpointError, match="must contain a file LATEST"):
        load_latest(tmp_path)


def test_versions_count_up_within_a_folder(tmp_path):
    assert next_version(tmp_path / "missing") == 1
    assert next_version(tmp_path) == 1
    for name in ("policy_000002.safetensors", "policy_000010.safetensors", "other_000099.safetensors"):
        (tmp_path / name).touch()
    assert next_version(tmp_path) == 11


def test_a_wrong_hash_is_refused(tmp_path):
    path, _ = saved(tmp_path)
    with pytest.raises(HashMismatchError, match=f"must be {'0' * 64}"):
        load_checkpoint(path, "0" * 64)


@pytest.mark.parametrize("share", [0.0, 0.0005, 0.3, 0.9, 0.999])
def test_a_truncated_file_is_refused(tmp_path, share):
    path, _ = saved(tmp_path)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(CheckpointError, match=r"policy_000012.safetensors: not a whole safetensors file"):
        load_checkpoint(path)


@pytest.mark.parametrize("place", [0, 3, 9, 200, 1500, 4000, -1])
def test_a_flipped_bit_is_found_with_the_hash_and_never_raises_anything_else_without(tmp_path, place):
    path, sha256 = saved(tmp_path)
    data = bytearray(path.read_bytes())
    data[place] ^= 0x10
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match="sha256="):
        load_checkpoint(path, sha256)
    try:
        load_checkpoint(path)  # a flipped bit in a weight or a text is not visible without the hash
    except CheckpointError:
        pass


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CheckpointError, match="policy_000001.safetensors: cannot be read: No such file"):
        load_checkpoint(checkpoint_path(tmp_path, 1))


def test_a_missing_and_an_unknown_key_are_named(tmp_path):
    path, _ = saved(tmp_path)

    def rename(tensors):
        tensors["denoiser.renamed"] = tensors.pop("denoiser.leave.bias")

    rewrite(path, rename)
    with pytest.raises(
        CheckpointError, match="'denoiser.leave.bias' is missing; key 'denoiser.renamed' is unknown"
    ):
        load_checkpoint(path)


def test_a_wrong_shape_and_a_wrong_type_are_named(tmp_path):
    path, _ = saved(tmp_path)
    rewrite(path, lambda t: t.update({"normalizer.state_centre": torch.zeros(12)}))
    with pytest.raises(
        CheckpointError, match=r"'normalizer.state_centre' must be \(13,\) torch.float32, got \(12,\)"
    ):
        load_checkpoint(path)
    rewrite(path, lambda t: t.update({"normalizer.state_centre": torch.zeros(13).half()}))
    with pytest.raises(CheckpointError, match=r"got \(13,\) torch.float16"):
        load_checkpoint(path)


def test_weights_that_are_not_finite_are_neither_loaded_nor_saved(tmp_path):
    path, _ = saved(tmp_path)
    rewrite(path, lambda t: t["denoiser.leave.bias"].fill_(float("nan")))
    with pytest.raises(CheckpointError, match="'denoiser.leave.bias' must be finite"):
        load_checkpoint(path)
    broken = policy()
    torch.nn.init.constant_(broken.denoiser.leave.bias, float("inf"))
    with pytest.raises(CheckpointError, match="'denoiser.leave.bias' must be finite"):
        save_checkpoint(tmp_path / "policy_000013.safetensors", broken, INFO)
    assert not (tmp_path / "policy_000013.safetensors").exists()


def test_modulated_weights_are_not_saved_as_plain_ones(tmp_path):
    modulated = policy()
    modulated.denoiser.leave = torch.nn.Sequential(modulated.denoiser.leave)
    with pytest.raises(CheckpointError, match="'denoiser.leave.weight' is missing"):
        save_checkpoint(tmp_path / "policy_000001.safetensors", modulated, INFO)


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda h: h.update(format=2), "format=2 must be 1"),
        (lambda h: h["policy"].update(width=3), "width"),
        (lambda h: h["policy"].pop("horizon"), "horizon"),
        # 400 TB of weights, which must not be asked for before their shapes are compared
        (lambda h: h["policy"]["denoiser"].update(width=10_000_000), r"must be \(10000000, "),
        (lambda h: h["policy"]["denoiser"].update(kind="perceiver"), "unet.*mlp.*transformer"),
        (lambda h: h["info"].update(rank=0.0), "rank"),
        (lambda h: h["info"].update(version="12"), "version"),
    ],
)
def test_a_header_that_does_not_fit_says_which_value(tmp_path, change, message):
    path, _ = saved(tmp_path)
    rewrite(path, change_header=change)
    with pytest.raises(CheckpointError, match=message):
        load_checkpoint(path)


def test_a_safetensors_file_of_another_program_is_refused(tmp_path):
    path = tmp_path / "policy_000001.safetensors"
    path.write_bytes(save({"weight": torch.zeros(3)}))
    with pytest.raises(CheckpointError, match="must have a key 'drift' in its safetensors metadata"):
        load_checkpoint(path)


def test_a_header_that_is_nested_without_end_is_refused(tmp_path):
    path = tmp_path / "policy_000001.safetensors"
    path.write_bytes(save({"weight": torch.zeros(3)}, metadata={"drift": 100_000 * "["}))
    with pytest.raises(CheckpointError, match="not valid JSON: maximum recursion depth exceeded"):
        load_checkpoint(path)


def test_a_broken_latest_is_refused(tmp_path):
    saved(tmp_path)
    (tmp_path / LATEST).write_text('{"file": "../elsewhere.safetensors", "sha256": "0", "version": 1}')
    with pytest.raises(CheckpointError, match="file"):
        read_latest(tmp_path)
    (tmp_path / LATEST).write_text('{"file": ')
    with pytest.raises(CheckpointError, match="not valid JSON"):
        read_latest(tmp_path)


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path, sha256 = saved(tmp_path)

    def full_disk(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        save_checkpoint(path, policy(seed=1), dataclasses.replace(INFO, step=3000))
    monkeypatch.undo()
    assert load_checkpoint(path, sha256).info == INFO
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [LATEST, path.name]
