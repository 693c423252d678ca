"""A trainer's store that is kept in step with a recorder's on another machine, and what it says of that."""

import time

import pytest
from drift_core.episodes import EpisodeStore
from drift_core.episodes.handout import Handout
from drift_core.episodes.source import RemoteSource
from drift_core.fetching import NoAnswerError
from trainer_node import following
from trainer_node.following import StoreFollower, claim_to_follow
from trainer_node.jobs import Jobs

LIMIT_S = 60.0


class Recorder:
    """A store that hands out; silent when told so."""

    def __init__(self, root):
        root.mkdir()
        self.store, self.silent = EpisodeStore(root), False
        self._handout = Handout(self.store)

    def __call__(self, *asked):
        if self.silent:
            raise NoAnswerError("no answer from the recorder")
        return self._handout(*asked)

    def put(self, name):
        beside = self.store.root.with_name("beside")
        beside.mkdir()
        (beside / "episode.json").write_bytes(b"{}")
        (beside / "steps.arrow").write_bytes(name.encode() * 100)
        beside.rename(self.store.root / name)


@pytest.fixture
def followed(tmp_path, monkeypatch):
    """A recorder, the store that follows it, and what follows."""
    monkeypatch.setattr(following, "_LOOK_S", 0.01)
    recorder, here, logged = Recorder(tmp_path / "there"), EpisodeStore(tmp_path / "here"), []
    here.root.mkdir()
    follower, jobs = StoreFollower(RemoteSource(recorder), here, 1e9, logged.append), Jobs(1, logged.append)
    jobs.run(follower.follow)
    yield recorder, here, follower, logged
    follower.stop()
    jobs.close()


def until(condition):
    end_s = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.005)


def test_what_was_there_when_training_was_asked_for_is_here_when_it_begins(followed):
    recorder, here, follower, logged = followed
    recorder.put("e1")
    asked_s = time.monotonic()
    until(lambda: follower.in_step(asked_s))
    assert here.ids() == ["e1"] and follower.episodes == 1 and follower.trouble() == ""
    recorder.silent = True
    until(follower.trouble)
    recorder.put("e2")
    asked_s = time.monotonic()
    assert not follower.in_step(asked_s)
    assert "the recorder's store is not followed for 0 s: no answer from the recorder" == follower.trouble()
    recorder.silent = False
    until(lambda: follower.in_step(asked_s))
    assert here.ids() == ["e1", "e2"] and follower.trouble() == "" and logged == []


def test_a_recorder_that_stays_silent_is_not_waited_for(followed, monkeypatch):
    recorder, _, follower, _ = followed
    recorder.silent = True
    until(follower.trouble)
    asked_s = time.monotonic()
    assert not follower.in_step(asked_s)
    monkeypatch.setattr(following, "_SILENT_S", 0.0)
    until(lambda: follower.in_step(asked_s))


def test_what_was_recorded_here_and_broken_off_is_said_once(followed):
    recorder, here, follower, logged = followed
    (here.root / ".mine.part").mkdir()
    (here.root / ".mine.part" / "steps.arrow").write_bytes(b"mine")
    recorder.put("mine")
    recorder.put("e1")
    until(lambda: here.ids() == ["e1"])
    asked_s = time.monotonic()
    until(lambda: follower.in_step(asked_s))
    (said,) = logged
    assert said.startswith("left out: ") and "recorded here and broken off" in said


def test_a_thread_that_ends_is_said(followed, monkeypatch):
    _, _, follower, logged = followed
    monkeypatch.setattr(follower._mirror, "sync", lambda: 1 / 0)
    until(lambda: "ZeroDivisionError" in follower.trouble() and logged)
    assert "ZeroDivisionError" in logged[0]


def test_a_store_into_which_the_recorder_itself_writes_follows_nobody(tmp_path):
    store, told = EpisodeStore(tmp_path / "episodes"), []
    with store.claim():
        assert claim_to_follow(store, told.append) is None
    assert told == [f"{store.root} is being recorded into, on this disk: it is trained on as it is"]
    with claim_to_follow(store, told.append) as claim:
        assert claim is not None and len(told) == 1
