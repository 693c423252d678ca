"""Checkpoints that come while the policy runs, and those that do not."""

import threading
import time

import pytest
from drift_core.policy.rollback import ROLLED_BACK
from drift_policy_node.candidate import CandidateFault, load_candidate


def test_a_new_checkpoint_is_swapped_in_and_can_be_rolled_back(rig, bench):
    rig.run(6)
    path, sha256 = bench.checkpoint(2)
    answers = []
    rig.runtime.exchange.request(path, sha256, True, answers.append)
    rig.run(8)
    assert [(answer.fault, answer.version) for answer in answers] == [(None, 2)]
    assert rig.chunks[-1].version == 2 and rig.runtime.status(rig.now_s).swaps == 1
    assert rig.runtime.roll_back()
    rig.run(6)
    assert rig.chunks[-1].version == 1


def test_the_running_checkpoint_is_not_loaded_again_when_it_is_announced(rig, bench):
    path, sha256 = bench.checkpoint(1)
    rig.runtime.exchange.request(path, sha256, True, pytest.fail)
    rig.run(4)
    assert rig.runtime.status(rig.now_s).swaps == 0


def test_the_same_checkpoint_twice_is_one_swap_and_the_one_before_stays_at_hand(rig, bench):
    rig.run(6)
    path, sha256 = bench.checkpoint(2)
    answers = []
    for announced in (False, True, False):
        rig.runtime.exchange.request(path, sha256, announced, answers.append)
    rig.run(10)
    assert [(answer.fault, answer.version) for answer in answers] == [(None, 2)] * 3
    assert [answer.message for answer in answers] == ["", *[f"{path} runs already"] * 2]
    assert rig.runtime.status(rig.now_s).swaps == 1
    assert rig.runtime.roll_back() and rig.runtime.exchange.version == 1


def test_what_was_rolled_back_does_not_come_back_by_an_announcement_but_on_request(rig, bench):
    rig.run(6)
    path, sha256 = bench.checkpoint(2)
    exchange, answers = rig.runtime.exchange, []
    exchange.request(path, sha256, True, answers.append)
    rig.run(6)
    rig.runtime.roll_back()
    exchange.request(path, sha256, True, answers.append)
    rig.run(6)
    assert (answers[-1].fault, answers[-1].version) == (CandidateFault.ROLLED_BACK, 1)
    assert answers[-1].message == rig.runtime.status(rig.now_s).last_refusal
    assert "policy_000002.safetensors: it was rolled back" in answers[-1].message
    exchange.request(*bench.checkpoint(3), True, answers.append)  # another one is welcome
    rig.run(6)
    assert (answers[-1].fault, exchange.version) == (None, 3)
    exchange.request(path, sha256, False, answers.append)
    rig.run(6)
    assert (answers[-1].fault, exchange.version) == (None, 2)
    rig.runtime.roll_back()
    rig.runtime.roll_back()  # and on again, by hand: version 2 is wanted
    exchange.request(*bench.checkpoint(3), True, answers.append)
    rig.run(6)
    assert (answers[-1].fault, exchange.version) == (CandidateFault.ROLLED_BACK, 2)


def test_a_rollback_outlives_the_node(make_rig, bench):
    first, (path, sha256) = bench.checkpoint(1), bench.checkpoint(2)

    def start():
        exchange = make_rig().runtime.exchange
        exchange.load_now(*exchange.first())
        return exchange

    exchange = start()
    assert exchange.version == 2 and not (path.parent / ROLLED_BACK).exists()
    exchange.load_now(*first)
    exchange.load_now(path, sha256)
    assert exchange.roll_back() and exchange.version == 1
    rig = make_rig()  # started again
    again, answers = rig.runtime.exchange, []
    assert again.first() == first
    again.load_now(*again.first())
    again.request(path, sha256, True, answers.append)  # announcements are latched
    rig.run(6)
    assert (answers[-1].fault, again.version) == (CandidateFault.ROLLED_BACK, 1)
    again.load_now(path, sha256)  # asked for
    assert not (path.parent / ROLLED_BACK).exists() and start().version == 2


def test_a_newer_checkpoint_than_the_one_rolled_back_is_run_at_the_start(rig, bench):
    exchange = rig.runtime.exchange
    exchange.load_now(*bench.checkpoint(2))
    exchange.roll_back()
    newer = bench.checkpoint(3)
    assert exchange.first() == newer
    exchange.load_now(*newer)
    exchange.roll_back()  # two are left now
    assert exchange.first() == (exchange.current.path, exchange.current.sha256)
    assert exchange.version == 1


def test_a_rollback_that_cannot_be_written_down_holds_and_says_so(rig, bench):
    exchange = rig.runtime.exchange
    path, sha256 = bench.checkpoint(2)
    exchange.load_now(path, sha256)
    (path.parent / ROLLED_BACK).mkdir()
    assert exchange.roll_back() and exchange.version == 1
    text = rig.runtime.status(rig.now_s).text
    assert "ROLLED_BACK cannot be written: Is a directory; a restart undoes the rollback" in text


def test_an_announcement_without_a_hash_is_refused(rig, bench):
    answers = []
    rig.runtime.exchange.request(bench.checkpoint(2)[0], "", True, answers.append)
    rig.run(4)
    assert (answers[0].fault, answers[0].version) == (CandidateFault.HASH_MISMATCH, 1)
    assert "policy_000002.safetensors: announced without its SHA-256" in answers[0].message


def test_an_announcement_that_is_refused_leaves_the_one_that_waits(make_rig, bench):
    first, left = bench.checkpoint(1), bench.checkpoint(2)
    exchange = make_rig().runtime.exchange
    exchange.load_now(*first)
    exchange.load_now(*left)
    assert exchange.roll_back()
    rig = make_rig()  # started again: what ran instead is announced, then LATEST
    again, good, bad = rig.runtime.exchange, [], []
    again.request(*first, True, good.append)
    again.request(*left, True, bad.append)
    again.request(bench.checkpoint(3)[0], "", True, bad.append)
    assert [answer.fault for answer in bad] == [CandidateFault.ROLLED_BACK, CandidateFault.HASH_MISMATCH]
    rig.run(6)
    assert [(answer.fault, answer.version) for answer in good] == [(None, 1)] and again.version == 1


def test_an_announcement_that_is_rolled_back_while_it_waits_is_refused_when_its_turn_comes(
    make_rig, bench, monkeypatch
):
    rig = make_rig()
    exchange, answers = rig.runtime.exchange, []
    exchange.load_now(*bench.checkpoint(1))
    exchange.load_now(*bench.checkpoint(2))
    release = hanging_loader(monkeypatch)
    exchange.request(*bench.checkpoint(3), False, answers.append)
    exchange.step(None, time.monotonic())
    exchange.request(*bench.checkpoint(1), True, answers.append)
    assert exchange.roll_back() and exchange.roll_back(), "to version 1, and on again"
    release.set()
    rig.settle()
    assert [answer.fault for answer in answers] == [None, CandidateFault.ROLLED_BACK]
    assert exchange.version == 3


def hanging_loader(monkeypatch):
    """Let the loader hang until the returned event is set."""
    release = threading.Event()

    def hang(*args):
        release.wait(20.0)
        return load_candidate(*args)

    monkeypatch.setattr("drift_policy_node.exchange.load_candidate", hang)
    return release


def test_a_loader_that_hangs_is_named_and_nobody_waits_for_it(make_rig, bench, monkeypatch):
    rig = make_rig(load_limit_s=0.2)
    exchange, answers = rig.runtime.exchange, []
    exchange.load_now(*bench.checkpoint(1))
    release = hanging_loader(monkeypatch)
    exchange.request(bench.checkpoint(2)[0], "", False, answers.append)
    exchange.request(bench.checkpoint(3)[0], "", False, answers.append)
    exchange.request(*bench.checkpoint(4), True, answers.append)
    exchange.step(None, time.monotonic())
    assert answers == [] and exchange.trouble(time.monotonic()) == ""
    started_s = time.monotonic()
    assert "policy_000002.safetensors has been running for" in rig.runtime.status(started_s + 0.3).text
    exchange.step(None, started_s + 0.3)
    assert [answer.fault for answer in answers] == [CandidateFault.INVALID] * 2
    assert answers[0].message.endswith("s and is given up") and "not looked at" in answers[1].message
    release.set()
    rig.settle()
    assert [answer.fault for answer in answers[2:]] == [None] and exchange.version == 4
    assert exchange.trouble(time.monotonic()) == "" and exchange.swaps == 1


def test_an_announced_checkpoint_that_takes_long_is_named_and_swapped_in_at_last(
    make_rig, bench, monkeypatch
):
    rig = make_rig(load_limit_s=0.2)
    exchange, answers = rig.runtime.exchange, []
    exchange.load_now(*bench.checkpoint(1))
    release = hanging_loader(monkeypatch)
    exchange.request(*bench.checkpoint(2), True, answers.append)
    exchange.step(None, time.monotonic())
    exchange.step(None, time.monotonic() + 0.3)
    assert answers == [] and "policy_000002" in exchange.trouble(time.monotonic() + 0.3)
    release.set()
    rig.settle()
    assert [answer.fault for answer in answers] == [None] and exchange.version == 2


def test_a_loader_thread_that_ends_is_reported_and_replaced(rig, bench, monkeypatch):
    def leave(*args):
        raise SystemExit(3)

    answers = []
    monkeypatch.setattr("drift_policy_node.exchange.load_candidate", leave)
    rig.runtime.exchange.request(*bench.checkpoint(2), True, answers.append)
    rig.run(2)
    assert answers[0].fault == CandidateFault.INVALID and answers[0].message.endswith(
        "safetensors: SystemExit: 3"
    )
    assert "SystemExit: 3" in rig.runtime.take_crashes()[0]
    monkeypatch.undo()
    rig.runtime.exchange.request(*bench.checkpoint(2), True, answers.append)
    rig.run(4)
    assert answers[1].fault is None and rig.runtime.exchange.version == 2


def test_of_several_waiting_announcements_only_the_newest_is_loaded(rig, bench):
    answers = []
    for version in (2, 3, 4):
        rig.runtime.exchange.request(*bench.checkpoint(version), True, answers.append)
    rig.run(4)
    assert [answer.version for answer in answers] == [4]


def test_without_a_checkpoint_the_runtime_waits_and_says_so(make_rig, bench):
    rig = make_rig()
    rig.run(8)
    assert rig.chunks == [] and rig.runtime.status(rig.now_s).text == "no checkpoint yet"
    rig.runtime.exchange.request(*bench.checkpoint(5), True, lambda answer: None)
    rig.run(8)
    assert rig.chunks[-1].version == 5 and rig.runtime.status(rig.now_s).swaps == 0
