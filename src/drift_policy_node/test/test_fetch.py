"""Versions of a trainer on another disk: fetched in pieces beside the running policy, or refused by name."""

import errno
import hashlib
import itertools
import os
import shutil
import threading
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from drift_core import fetching
from drift_core.policy.checkpoint_folder import checkpoint_path, read_latest
from drift_core.policy.pieces import read_piece
from drift_policy_node import exchange, fetch
from drift_policy_node.candidate import CandidateFault, RefusedError
from drift_policy_node.fetch import Fetcher

PIECE = 4096


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    monkeypatch.setattr(fetching, "PIECE_BYTES", PIECE)
    monkeypatch.setattr(fetch, "_RETRY_S", 0.01)


@pytest.fixture
def apart(rig):
    """A rig that runs version 1 of its own disk, beside a trainer with another disk."""
    rig.trainer.answers = True
    rig.run(6)
    return rig, rig.trainer.bench


def announce_alone(rig, written, seen_here=False):
    """Announce what was written; its folder is not seen here unless said so.

    The answers come later.
    """
    path, sha256 = written
    answers = []
    path = path if seen_here else Path("/disk/of/the/trainer") / path.name
    rig.runtime.exchange.request(path, sha256, True, answers.append)
    return answers


def announce(rig, written, seen_here=False):
    """Announce, and run until it drives or is refused."""
    answers = announce_alone(rig, written, seen_here)
    rig.run(6)
    return answers


def here(rig):
    return rig.bench.folder / "checkpoints"


def there(rig):
    return sorted(path.name for path in here(rig).iterdir())


def test_a_version_on_another_disk_is_fetched_in_pieces_and_drives(apart):
    rig, bench = apart
    path, sha256 = bench.checkpoint(2)
    (answer,) = announce(rig, (path, sha256))
    assert (answer.fault, answer.version, rig.chunks[-1].version) == (None, 2, 2)
    fetched = here(rig) / path.name
    assert fetched.read_bytes() == path.read_bytes() and rig.runtime.status(0.0).path == str(fetched)
    size = path.stat().st_size
    offsets = range(0, size, PIECE)
    assert rig.trainer.asked == [
        (path.name, 0, 0),
        *((path.name, offset, min(PIECE, size - offset)) for offset in offsets),
    ]
    latest = read_latest(here(rig))
    assert (latest.file, latest.sha256, latest.version) == (path.name, sha256, 2)
    assert there(rig) == ["LATEST", "policy_000001.safetensors", "policy_000002.safetensors"]


def test_a_version_that_the_disk_here_shows_is_not_asked_for(apart):
    rig, bench = apart
    (answer,) = announce(rig, rig.bench.checkpoint(2), seen_here=True)
    assert (answer.fault, answer.version, rig.trainer.asked) == (None, 2, [])


def test_another_file_under_the_announced_path_is_neither_taken_for_it_nor_overwritten(apart):
    rig, bench = apart
    written, other = bench.checkpoint(2), rig.bench.checkpoint(2, rig.bench.policy(9))
    before = other[0].read_bytes()
    (answer,) = announce(rig, (other[0], written[1]), seen_here=True)
    assert (answer.fault, rig.runtime.exchange.version) == (CandidateFault.NOT_FETCHED, 1)
    assert other[0].read_bytes() == before


def test_a_delta_whose_base_is_missing_brings_the_whole_one_and_the_next_rests_on_it(apart):
    rig, bench = apart
    stream = bench.stream(11)
    base, second, third = next(stream), next(stream), next(stream)
    (answer,) = announce(rig, second)
    assert (answer.fault, answer.version, rig.chunks[-1].version) == (None, 12, 12)
    names = [name for name, _ in itertools.groupby(name for name, _, _ in rig.trainer.asked)]
    assert names == [second[0].name, base[0].name], "each once"
    rig.trainer.asked.clear()
    (answer,) = announce(rig, third)
    assert (answer.fault, rig.chunks[-1].version) == (None, 13)
    assert {name for name, _, _ in rig.trainer.asked} == {third[0].name}


def test_a_delta_on_a_disk_that_is_seen_finds_its_base_where_the_trainer_is(apart):
    rig, bench = apart
    stream = bench.stream(11)
    base, second = next(stream), next(stream)
    beside = rig.bench.folder / "elsewhere" / second[0].name
    beside.parent.mkdir()
    shutil.copy(second[0], beside)
    (answer,) = announce(rig, (beside, second[1]), seen_here=True)
    assert (answer.fault, answer.version) == (None, 12)
    assert here(rig).joinpath(base[0].name).read_bytes() == base[0].read_bytes()


def test_a_fetch_goes_on_where_it_stopped_when_the_trainer_is_back(apart):
    rig, bench = apart
    path, sha256 = bench.checkpoint(2)
    rig.trainer.dies_at = 4  # the size and three pieces have come
    answers = announce(rig, (path, sha256))
    chunks = len(rig.chunks)
    rig.run(6)
    assert answers == [] and len(rig.chunks) > chunks and rig.chunks[-1].version == 1
    rig.runtime.exchange.step(None, time.monotonic())
    text = rig.runtime.status(time.monotonic() + 3.0).text
    size_mb = path.stat().st_size / 1e6
    assert f"fetching {path.name}, 0.0 of {size_mb:.1f} MB: no answer from the trainer for 3 s" in text
    rig.trainer.asked.clear()
    rig.trainer.dies_at, rig.trainer.answers = None, True
    rig.run(6)
    assert [(answer.fault, answer.version) for answer in answers] == [(None, 2)]
    assert rig.trainer.asked[0] == (path.name, 3 * PIECE, PIECE), "nothing comes twice"


def test_a_node_that_is_started_again_goes_on_with_what_has_come(make_rig, apart):
    rig, bench = apart
    path, sha256 = bench.checkpoint(2)
    rig.trainer.dies_at = 4
    announce(rig, (path, sha256))
    rig.runtime.close()
    assert f".{path.name}.{sha256}.part" in there(rig)
    again = make_rig()
    again.trainer.answers = True
    (answer,) = announce(again, (path, sha256))
    assert (answer.fault, answer.version) == (None, 2)
    assert again.trainer.asked[:2] == [(path.name, 0, 0), (path.name, 3 * PIECE, PIECE)]


def test_what_was_kept_and_is_spoilt_is_fetched_anew(apart):
    rig, bench = apart
    path, sha256 = bench.checkpoint(2)
    (here(rig) / f".{path.name}.{sha256}.part").write_bytes(bytes(2 * PIECE))
    (answer,) = announce(rig, (path, sha256))
    assert (answer.fault, answer.version) == (None, 2)


def gone(rig, path, monkeypatch):
    path.unlink()


def another(rig, path, monkeypatch):
    rig.trainer.bench.checkpoint(2, rig.bench.policy(77))


def becomes_another(rig, path, monkeypatch):
    changed = iter([False, False])
    rig.trainer.spoil = lambda piece: (
        piece if not next(changed, True) else replace(piece, file_sha256="0" * 64)
    )


def truncated(rig, path, monkeypatch):
    rig.trainer.spoil = lambda piece: replace(piece, data=piece.data[:-1]) if piece.data else piece


def garbled(rig, path, monkeypatch):
    rig.trainer.spoil = lambda piece: replace(piece, data=bytes(len(piece.data)))


def lying(rig, path, monkeypatch):
    def spoil(piece):
        zeros = bytes(len(piece.data))
        return replace(piece, data=zeros, sha256=hashlib.sha256(zeros).hexdigest())

    rig.trainer.spoil = spoil


def full(rig, path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=100))


def full_at_last(rig, path, monkeypatch):
    def fsync(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fsync)


REFUSALS = [
    (gone, CandidateFault.NOT_FOUND, "there is no such checkpoint"),
    (another, CandidateFault.HASH_MISMATCH, "of the trainer's file must be"),
    (becomes_another, CandidateFault.HASH_MISMATCH, "became another file there"),
    (truncated, CandidateFault.INVALID, f"truncated, {PIECE - 1} bytes came of {PIECE} at 0"),
    (garbled, CandidateFault.HASH_MISMATCH, f"the {PIECE} bytes at 0 are not what their sha256="),
    (lying, CandidateFault.HASH_MISMATCH, "what has come over is not what its sha256="),
    (full, CandidateFault.NOT_FETCHED, "no room in"),
    (full_at_last, CandidateFault.NOT_FETCHED, "cannot be fetched: No space left on device"),
]


@pytest.mark.parametrize(
    ("harm", "fault", "said"), REFUSALS, ids=lambda value: getattr(value, "__name__", "")
)
def test_what_cannot_be_had_is_refused_by_name_and_the_old_policy_drives_on(
    apart, monkeypatch, harm, fault, said
):
    rig, bench = apart
    path, sha256 = bench.checkpoint(2)
    harm(rig, path, monkeypatch)
    (answer,) = announce(rig, (path, sha256))
    assert (answer.fault, answer.version) == (fault, 1) and said in answer.message
    chunks = len(rig.chunks)
    rig.run(6)
    assert len(rig.chunks) > chunks and rig.chunks[-1].version == 1
    assert rig.runtime.status(rig.now_s).last_refusal == answer.message
    assert "policy_000002.safetensors" not in there(rig)
    monkeypatch.undo()
    rig.trainer.spoil = lambda piece: piece
    assert announce(rig, bench.checkpoint(3))[0].version == 3, "and the next one is taken"


@pytest.mark.parametrize("name", ["LATEST", "..", "policy_1.safetensors", "policy_000002.safetensors.part"])
def test_nothing_but_a_checkpoint_is_asked_for_or_written(apart, name):
    rig, bench = apart
    (answer,) = announce(rig, (bench.folder / name, "0" * 64))
    assert answer.fault == CandidateFault.INVALID and "must be policy_NNNNNN.safetensors" in answer.message
    assert rig.trainer.asked == []


def test_a_silent_trainer_is_said_once_and_asked_on(apart):
    rig, bench = apart
    rig.trainer.answers = False
    written = bench.checkpoint(2)
    answers = announce(rig, written)
    for later_s in (9.0, 11.0, 12.0):
        rig.runtime.exchange.step(None, time.monotonic() + later_s)
    assert [(answer.fault, answer.version) for answer in answers] == [(CandidateFault.NOT_FETCHED, 1)]
    assert answers[0].message.endswith("the trainer is asked for it, and does not answer")
    rig.trainer.answers = True
    rig.run(6)
    assert (answers[1].fault, answers[1].version, rig.runtime.exchange.refusal) == (None, 2, "")


def test_a_newer_version_takes_the_place_of_one_whose_trainer_fell_silent(apart):
    rig, bench = apart
    rig.trainer.dies_at = 4
    answers = announce(rig, bench.checkpoint(2))
    path, sha256 = bench.checkpoint(3)
    rig.runtime.exchange.request(Path("/disk/of/the/trainer") / path.name, sha256, True, answers.append)
    rig.step_until(lambda: answers)
    assert answers[0].fault == CandidateFault.NOT_FETCHED and "announced a newer one" in answers[0].message
    rig.trainer.dies_at, rig.trainer.answers = None, True
    rig.run(6)
    assert (answers[1].fault, answers[1].version) == (None, 3)


def test_only_what_runs_ran_before_or_is_its_base_stays_of_what_was_fetched(apart):
    rig, bench = apart
    stream = bench.stream(11)
    for version in range(11, 16):
        written = next(stream)
        if version > 11:
            assert announce(rig, written)[0].version == version
    assert there(rig) == [
        "LATEST",
        "delta_000014.safetensors",
        "delta_000015.safetensors",
        "policy_000001.safetensors",
        "policy_000011.safetensors",
    ]
    assert rig.runtime.roll_back() and rig.runtime.exchange.version == 14


def test_a_version_that_has_come_while_another_was_loaded_is_not_deleted_before_it_drives(apart, monkeypatch):
    rig, bench = apart
    first, second = bench.checkpoint(2), bench.checkpoint(3)
    go_on, load = threading.Event(), exchange.load_candidate

    def slow(path, *others):
        if path == here(rig) / first[0].name:
            assert go_on.wait(20.0)
        return load(path, *others)

    monkeypatch.setattr(exchange, "load_candidate", slow)
    coming = threading.Event()
    rig.trainer.spoil = lambda piece: piece if coming.wait(20.0) else None
    answers = []
    for written in (first, second):  # the second while the first is being fetched
        answers.append(announce_alone(rig, written))
        rig.step_until(lambda: rig.trainer.asked)
    rig.step()
    coming.set()
    rig.step_until(lambda: second[0].name in there(rig))
    go_on.set()
    rig.run(6)
    assert [(answer.fault, answer.version) for (answer,) in answers] == [(None, 2), (None, 3)]


def test_a_checkpoint_of_one_s_own_is_not_overwritten_by_another_of_its_name(apart):
    rig, bench = apart
    own = here(rig) / "policy_000001.safetensors"
    before = own.read_bytes()
    stream = bench.stream()
    next(stream)
    (answer,) = announce(rig, next(stream))
    assert (answer.fault, answer.version) == (CandidateFault.NOT_FETCHED, 1)
    assert answer.message == (
        f"{own} is not the trainer's {own.name}, and is not overwritten: move it, or use another run folder"
    )
    assert own.read_bytes() == before


def test_a_digest_that_is_none_names_no_file(apart):
    rig, bench = apart
    stream = bench.stream(11)
    next(stream)
    rig.trainer.spoil = lambda piece: replace(piece, file_sha256="../" * 3 + "x")
    (answer,) = announce(rig, next(stream))
    assert (answer.fault, answer.version) == (CandidateFault.INVALID, 1)
    assert "must be 64 of 0-9 and a-f" in answer.message


def test_a_node_that_is_started_again_without_a_trainer_runs_what_it_fetched(make_rig, apart):
    rig, bench = apart
    stream = bench.stream(11)
    next(stream)
    _, sha256 = written = next(stream)
    announce(rig, written)
    again = make_rig().runtime.exchange
    again.load_now(*again.first())
    assert (again.version, again.current.sha256) == (12, sha256)


def test_a_fetch_keeps_to_its_rate_and_ends_when_the_node_is_stopped(tmp_path, bench):
    path, sha256 = bench.checkpoint(2)
    ask = lambda *where: read_piece(path.parent, *where)  # noqa: E731
    size, began_s = path.stat().st_size, time.monotonic()
    Fetcher(tmp_path / "here", ask, limit_bytes_s=5.0 * size).fetch([path.name], {path.name: sha256})
    assert time.monotonic() - began_s >= 0.2
    slow, said = Fetcher(tmp_path / "slow", ask, limit_bytes_s=1.0), []

    def run():
        try:
            slow.fetch([path.name], {})
        except RefusedError as error:
            said.append(str(error))

    thread = threading.Thread(target=run)
    thread.start()
    slow.stop()
    thread.join(5.0)
    assert said == [f"{path.name}: the node is being stopped"]
    assert not checkpoint_path(tmp_path / "slow", 2).exists()
