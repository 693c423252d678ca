"""Versions that come as deltas while the policy runs."""

import json

import pytest
from drift_core.policy.checkpoint_folder import checkpoint_path
from drift_policy_node.candidate import CandidateFault
from safetensors.torch import load, save


def announce(rig, written):
    answers = []
    rig.runtime.exchange.request(*written, True, answers.append)
    rig.run(6)
    return answers[0]


@pytest.fixture
def driven(make_rig, bench):
    """A rig that runs version 1 of a stream, which goes on with deltas."""
    rig, stream = make_rig(), bench.stream()
    rig.runtime.exchange.load_now(*next(stream))
    rig.run(6)
    assert rig.chunks[-1].version == 1
    return rig, stream


def test_deltas_are_swapped_in_and_rest_on_what_is_in_memory(driven):
    rig, stream = driven
    second, third = next(stream), next(stream)
    assert [path.name for path, _ in (second, third)] == [
        "delta_000002.safetensors",
        "delta_000003.safetensors",
    ]
    checkpoint_path(second[0].parent, 1).unlink()
    for version, written in ((2, second), (3, third)):
        answer = announce(rig, written)
        assert (answer.fault, answer.version, rig.chunks[-1].version) == (None, version, version)
        assert rig.runtime.status(rig.now_s).sha256 == written[1]


def test_a_delta_may_skip_others(driven):
    rig, stream = driven
    next(stream)
    assert announce(rig, next(stream)).version == 3


def test_a_delta_is_rolled_back_and_stays_so(driven, make_rig, bench):
    rig, stream = driven
    announce(rig, next(stream))
    third = next(stream)
    announce(rig, third)
    assert rig.runtime.roll_back() and rig.runtime.exchange.version == 2
    rig.run(6)
    assert rig.chunks[-1].version == 2
    assert announce(rig, third).fault == CandidateFault.ROLLED_BACK
    again = make_rig().runtime.exchange  # LATEST names the third
    again.load_now(*again.first())
    assert again.version == 2 and again.current.path.name == "delta_000002.safetensors"
    assert announce(rig, next(stream)).version == 4


def test_a_node_that_starts_reads_delta_and_base_from_the_folder(make_rig, bench):
    stream = bench.stream()
    next(stream)
    written = next(stream)
    exchange = make_rig().runtime.exchange
    exchange.load_now(*exchange.first())
    assert (exchange.current.path, exchange.current.sha256, exchange.version) == (*written, 2)


def cut(path, base):
    path.write_bytes(path.read_bytes()[:-20])


def not_finite(path, base):
    rewrite(path, lambda tensors: [tensor.fill_(float("inf")) for tensor in tensors.values()])


def other_values(path, base):
    rewrite(path, lambda tensors: [tensor.add_(1.0) for tensor in tensors.values()])


def other_base(path, base):
    rewrite(path, lambda tensors: None, {"base": "0" * 64})


def no_base(path, base):
    base.unlink()
    rewrite(path, lambda tensors: None, {"base_version": 7})


def rewrite(path, change, digests=None):
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["drift"])
    header["digests"] |= digests or {}
    tensors = load(data)
    change(tensors)
    path.write_bytes(save(tensors, metadata={"drift": json.dumps(header)}))


@pytest.mark.parametrize(
    ("harm", "fault", "said"),
    [
        (cut, CandidateFault.INVALID, "not a whole safetensors file"),
        (not_finite, CandidateFault.INVALID, "must be finite"),
        (other_values, CandidateFault.HASH_MISMATCH, "digest of the delta"),
        (other_base, CandidateFault.INCOMPATIBLE, "rests on version 1 with the digest 0000"),
        (no_base, CandidateFault.INVALID, "its base cannot be had"),
    ],
)
def test_a_bad_delta_is_refused_by_name_and_the_old_policy_drives_on(driven, harm, fault, said):
    rig, stream = driven
    path, _ = next(stream)
    harm(path, checkpoint_path(path.parent, 1))
    answers = []
    rig.runtime.exchange.request(path, "", False, answers.append)  # without a hash, which would find it first
    rig.run(6)
    assert (answers[0].fault, answers[0].version) == (fault, 1)
    assert path.name in answers[0].message and said in answers[0].message
    assert rig.chunks[-1].version == 1 and rig.runtime.status(rig.now_s).last_refusal == answers[0].message
    assert announce(rig, next(stream)).version == 3 or harm is no_base
