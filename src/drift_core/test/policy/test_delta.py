"""Factors in checkpoints, and deltas: what they hold, and which are refused by what name."""

import hashlib
import json
from dataclasses import replace

import pytest
import torch
from drift_core.denoisers import MlpConfig, UNetConfig
from drift_core.errors import CheckpointError
from drift_core.policy.checkpoint import (
    Base,
    HashMismatchError,
    load_checkpoint,
    load_latest,
    save_checkpoint,
    save_delta,
)
from drift_core.policy.checkpoint_folder import (
    CheckpointInfo,
    checkpoint_path,
    delta_path,
    next_version,
    read_info,
    read_latest,
)
from drift_core.policy.delta import (
    DigestMismatchError,
    WrongBaseError,
    apply_delta,
    changed_tensors,
    delta_digests,
)
from drift_core.policy.rollback import write_rolled_back
from drift_core.policy.versions import Versions
from drift_core.policy.weights import Weights
from drift_core.rank import Modulated
from drift_core.rank.schedule import ConstantRank
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load, save
from training_case import LEFT, USV, make_trainer, next_batch, next_round

INFO = CheckpointInfo(
    task="place", robot="panda", version=1, parent=0, rank=0.25, effective_rank=0.3, step=5, loss=None,
    reason="continuous", created_s=0.0,
)  # fmt: skip
UNET = UNetConfig(down_dims=(16, 32), groups=4, step_dim=16)
MLP = MlpConfig(width=24, blocks=1, step_dim=8)


def trained(modulation=LEFT, denoiser=MLP, rank=0.25):
    trainer = make_trainer(modulation, ConstantRank(rank), denoiser)
    trainer.run(next_batch, steps=3)
    return trainer


def a_base(**tensors):
    return Weights({name: torch.tensor(value) for name, value in tensors.items()})


def weights(seed=0):
    g = torch.Generator().manual_seed(seed)
    return Weights({
        "a.weight": torch.randn(3, 4, generator=g),
        "a.weight.right": torch.randn(1, 2, 4, generator=g),
        "a.weight.left": torch.randn(1, 3, 2, generator=g),
        "a.bias": torch.randn(3, generator=g),
    })  # fmt: skip


def test_the_digest_is_that_of_names_types_shapes_and_bytes():
    one = a_base(w=[1.0, 2.0])
    text = b"w torch.float32 [2]\n" + torch.tensor([1.0, 2.0]).numpy().tobytes()
    line = f"w {hashlib.sha256(text).hexdigest()}\n"
    assert one.digest == hashlib.sha256(line.encode()).hexdigest()
    others = [a_base(v=[1.0, 2.0]), a_base(w=[[1.0, 2.0]]), a_base(w=[1.0, -2.0]), a_base(w=[1, 2])]
    others.append(Weights({"w": torch.tensor([1.0, 2.0], dtype=torch.float64)}))
    assert len({weights.digest for weights in [one, *others]}) == 6


def test_the_digest_knows_no_order_of_names():
    assert a_base(a=1.0, b=2.0).digest == a_base(b=2.0, a=1.0).digest != a_base(a=2.0, b=1.0).digest


@pytest.mark.parametrize("denoiser", [MLP, UNET])
def test_a_checkpoint_of_form_left_keeps_its_factors_and_computes_the_same_to_the_bit(tmp_path, denoiser):
    trainer = trained(denoiser=denoiser)
    policy, kept = trainer.averaged()
    layers = [layer for layer in trainer.policy.modules() if isinstance(layer, Modulated) and not layer.dense]
    assert len(kept.factored) == len(layers) > 0
    sha256 = save_checkpoint(checkpoint_path(tmp_path, 1), policy, INFO, weights=kept)
    loaded = load_checkpoint(checkpoint_path(tmp_path, 1), sha256)
    assert loaded.weights.digest == kept.digest and loaded.base.weights is loaded.weights
    for name, value in policy.state_dict().items():
        assert torch.equal(loaded.policy.state_dict()[name], value), name


def test_what_is_no_product_of_averages_is_kept_merged(tmp_path):
    trainer = make_trainer(LEFT)  # the rank falls at step 8, after which the average has a part from before
    trainer.run(next_batch, steps=12)
    for made in (trainer, trained(USV)):
        policy, kept = made.averaged()
        assert kept.factored == [] and kept.tensors.keys() == policy.state_dict().keys()


def test_the_tensors_of_a_version_do_not_change_with_further_steps():
    trainer = trained()
    kept = trainer.averaged()[1]
    before = {name: tensor.clone() for name, tensor in kept.tensors.items()}
    trainer.run(next_batch, steps=3)
    assert all(torch.equal(kept.tensors[name], tensor) for name, tensor in before.items())


def test_the_next_version_of_a_trainer_is_a_delta_that_gives_its_weights_to_the_bit(tmp_path):
    trainer, versions = trained(denoiser=UNET), Versions(tmp_path)
    first, _ = versions.save(*trainer.averaged(), INFO)
    trainer.run(next_batch, steps=3)
    policy, kept = trainer.averaged()
    path, sha256 = versions.save(policy, kept, replace(INFO, version=2, parent=1))
    assert (first.name, path.name) == ("policy_000001.safetensors", "delta_000002.safetensors")
    assert read_latest(tmp_path).file == path.name and next_version(tmp_path) == 3
    assert read_info(path).version == 2
    loaded = load_latest(tmp_path)
    assert (loaded.info.version, loaded.base.version, loaded.sha256) == (2, 1, sha256)
    for name, value in policy.state_dict().items():
        assert torch.equal(loaded.policy.state_dict()[name], value), name
    assert not set(load(path.read_bytes())) & kept.frozen


def test_a_third_version_rests_on_the_whole_one_and_not_on_the_second(tmp_path):
    trainer, versions = trained(), Versions(tmp_path)
    for version in (1, 2, 3):
        versions.save(*trainer.averaged(), replace(INFO, version=version))
        trainer.run(next_batch, steps=2)
    delta_path(tmp_path, 2).unlink()
    assert load_latest(tmp_path).base.version == 1


def test_another_rank_and_new_directions_give_a_whole_checkpoint(tmp_path):
    trainer, versions = trained(), Versions(tmp_path)
    versions.save(*trainer.averaged(), INFO)
    trainer = next_round(trainer)  # new directions at the same rank
    trainer.run(next_batch, steps=2)
    assert versions.save(*trainer.averaged(), replace(INFO, version=2))[0].name == "policy_000002.safetensors"
    other = trained(rank=0.5)
    assert versions.save(*other.averaged(), replace(INFO, version=3))[0].name == "policy_000003.safetensors"


def test_a_base_that_somebody_took_away_gives_a_whole_checkpoint(tmp_path):
    trainer, versions = trained(), Versions(tmp_path)
    versions.save(*trainer.averaged(), INFO)[0].unlink()
    trainer.run(next_batch, steps=2)
    assert versions.save(*trainer.averaged(), replace(INFO, version=2))[0].name == "policy_000002.safetensors"


def names(folder):
    return sorted(path.stem for path in folder.glob("*.safetensors"))


def test_old_versions_go_but_none_that_latest_a_rollback_or_a_delta_needs(tmp_path):
    versions, trainer = Versions(tmp_path), trained()
    for version in range(1, 10):
        if version in (4, 7):  # new directions: whole
            trainer = next_round(trainer)
            trainer.run(next_batch, steps=1)
        written = versions.save(*trainer.averaged(), replace(INFO, version=version))
        if version == 5:
            write_rolled_back(tmp_path, {"0" * 64}, *written)
        trainer.run(next_batch, steps=1)
    kinds = ["policy", "delta", "delta"] * 3
    assert names(tmp_path) == sorted(f"{kind}_{n:06d}" for n, kind in enumerate(kinds, 1))
    gone = versions.delete(0, 9)
    assert {path.stem for path in gone} == {
        "policy_000001", "delta_000002", "delta_000003", "delta_000006", "delta_000008",
    }  # fmt: skip
    assert names(tmp_path) == ["delta_000005", "delta_000009", "policy_000004", "policy_000007"]
    for name in names(tmp_path):
        assert load_checkpoint(tmp_path / f"{name}.safetensors").info.version == int(name[-6:])
    write_rolled_back(tmp_path, set(), *written)
    assert [path.stem for path in versions.delete(0, 9)] == ["delta_000005", "policy_000004"]
    assert versions.delete(0, 9) == []


def test_old_versions_up_to_where_the_stream_began_stay(tmp_path):
    versions, trainer = Versions(tmp_path), trained()
    for version in (1, 2, 3):
        versions.save(*trainer.averaged(), replace(INFO, version=version))
        trainer = next_round(trainer)
        trainer.run(next_batch, steps=1)
    assert [path.stem for path in versions.delete(1, 3)] == ["policy_000002"]


@settings(max_examples=50, deadline=None)
@given(st.sets(st.sampled_from(["a.weight.left", "a.bias"])), st.integers(1, 5))
def test_a_delta_holds_what_differs_and_gives_the_result(names, seed):
    base, other = weights(), weights(seed)
    result = Weights(base.tensors | {name: other.tensors[name] for name in names})
    changed = changed_tensors(base, result)
    assert changed.keys() == names
    digests = delta_digests(1, base, changed)
    made = apply_delta(base, changed, digests)
    assert made.digest == digests.result == Weights(dict(made.tensors)).digest == result.digest
    assert base.digest == Weights(dict(base.tensors)).digest  # as it was


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.update({"a.bias": torch.tensor([1.0, float("nan"), 0.0])}), "'a.bias' must be finite"),
        (
            lambda t: t.update({"a.bias": torch.zeros(2)}),
            r"'a.bias' must be \(3,\) torch.float32, got \(2,\)",
        ),
        (lambda t: t.update({"a.bias": torch.zeros(3).double()}), "got .* torch.float64"),
        (lambda t: t.update({"b.bias": torch.zeros(3)}), "key 'b.bias' is unknown"),
        (lambda t: t.update({"a.weight.right": torch.zeros(1, 2, 4)}), "must not change without a whole"),
        (lambda t: t.update({"a.weight": torch.zeros(3, 4)}), "must not change without a whole"),
        (lambda t: t.pop("a.bias"), "digest of the delta"),
        (lambda t: t.update({"a.bias": torch.zeros(3)}), "digest of the delta"),
    ],
)
def test_a_delta_with_other_tensors_is_refused_by_name(change, said):
    base, result = weights(), weights()
    result.tensors["a.bias"] = result.tensors["a.bias"] + 1.0
    changed = changed_tensors(base, Weights(result.tensors))
    digests = delta_digests(1, base, changed)
    change(changed)
    with pytest.raises(CheckpointError, match=said):
        apply_delta(base, changed, digests)


def test_a_wrong_base_and_a_wrong_result_are_refused_by_name():
    base, changed = weights(), {"a.bias": torch.zeros(3)}
    digests = delta_digests(1, base, changed)
    with pytest.raises(WrongBaseError, match="rests on version 1 with the digest"):
        apply_delta(weights(1), changed, digests)
    with pytest.raises(DigestMismatchError, match="digest of the result"):
        apply_delta(base, changed, replace(digests, result="0" * 64))


@pytest.fixture
def stream(tmp_path):
    """A whole version and a delta on it."""
    trainer, versions = trained(), Versions(tmp_path)
    versions.save(*trainer.averaged(), INFO)
    trainer.run(next_batch, steps=2)
    return versions.save(*trainer.averaged(), replace(INFO, version=2))


def test_a_delta_that_is_cut_off_or_another_file_is_refused(stream):
    path, sha256 = stream
    whole = path.read_bytes()
    path.write_bytes(whole[:-10])
    with pytest.raises(HashMismatchError):
        load_checkpoint(path, sha256)
    for data in (whole[:-10], whole[:4], b""):
        path.write_bytes(data)
        with pytest.raises(CheckpointError, match="not a whole safetensors file"):
            load_checkpoint(path)


def test_a_base_that_is_missing_or_was_exchanged_is_refused(stream):
    path, _ = stream
    beside = checkpoint_path(path.parent, 1)
    policy, other = trained(rank=0.5).averaged()
    save_checkpoint(beside, policy, INFO, latest=False, weights=other)
    with pytest.raises(WrongBaseError, match="delta_000002.*rests on version 1"):
        load_checkpoint(path)
    beside.unlink()
    with pytest.raises(CheckpointError, match="delta_000002.*its base cannot be had: .*policy_000001"):
        load_checkpoint(path)


def test_what_becomes_of_a_loaded_policy_leaves_its_base_alone(stream):
    path, _ = stream
    loaded = load_checkpoint(path)
    with torch.no_grad():
        for tensor in loaded.policy.state_dict().values():
            tensor.fill_(0)
    for kept in (loaded.weights, loaded.base.weights):
        assert Weights(kept.tensors).digest == kept.digest


def test_a_base_at_hand_needs_no_file(stream):
    path, sha256 = stream
    base = load_checkpoint(path).base
    checkpoint_path(path.parent, 1).unlink()
    other = Base(base.version, base.config, Weights({"w": torch.zeros(1)}))
    assert load_checkpoint(path, sha256, [other, base]).base is base


def test_a_header_that_was_tampered_with_is_refused(stream):
    path, _ = stream
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["drift"])
    for key, value, said in (
        ("result", "0" * 64, "digest of the result"),
        ("delta", "0" * 64, "digest of the delta"),
        ("base_version", "../1", "base_version"),
        ("base_version", 0, "base_version"),
    ):
        changed = header | {"digests": header["digests"] | {key: value}}
        path.write_bytes(save(load(data), metadata={"drift": json.dumps(changed)}))
        with pytest.raises(CheckpointError, match=said):
            load_checkpoint(path)


def test_factors_without_each_other_or_of_another_rank_are_refused(stream):
    path = checkpoint_path(stream[0].parent, 1)
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    metadata = json.loads(data[8 : 8 + length])["__metadata__"]
    left = min(name for name in load(data) if name.endswith(".left"))
    right = left.replace(".left", ".right")
    for change, said in (
        (lambda t: t.pop(left), f"key '{left}' is missing"),
        (lambda t: t.pop(right), f"key '{right}' is missing"),
        (lambda t: t.update({left: t[left][..., :1].contiguous()}), f"'{right}' must be"),
        (lambda t: t.update({left: torch.zeros(1, 24, 1000)}), f"'{left}' must be"),
        (lambda t: t.update({left: t[left] / 0.0}), f"'{left}' must be finite"),
    ):
        tensors = load(data)
        change(tensors)
        path.write_bytes(save(tensors, metadata=metadata))
        with pytest.raises(CheckpointError, match=said.replace(".", r"\.")):
            load_checkpoint(path)


def test_what_needs_a_whole_checkpoint_is_not_written_as_a_delta(tmp_path):
    policy, kept = trained().averaged()
    other = trained(rank=0.5).averaged()[1]
    with pytest.raises(CheckpointError, match="needs a whole checkpoint"):
        save_delta(delta_path(tmp_path, 2), Base(1, policy.config, kept), other, INFO)
    assert not list(tmp_path.iterdir())
