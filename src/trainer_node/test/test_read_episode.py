"""A store that follows a recorder's over DDS: whole, cut off and back, and what is not handed out."""

import os
import threading
import time

import pytest
from drift_core.episodes import EpisodeStore
from drift_core.episodes.mirror import Mirror
from drift_core.episodes.source import RemoteSource
from drift_core.fetching import MalformedError, NoAnswerError, UnreadableError
from drift_core.pieces import NotThereError
from drift_interfaces.srv import ReadEpisode
from drift_ros import piece_client
from drift_ros.piece_client import PieceClient
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from trainer_node.jobs import Jobs
from trainer_node.ros.hand_out import serve_episodes

LIMIT_S = 60.0
MIB = 1 << 20


class Machine:
    """A node that a thread spins."""

    def __init__(self, name):
        self.node, self._executor = Node(name), SingleThreadedExecutor()
        self._executor.add_node(self.node)
        self._thread = threading.Thread(target=self._executor.spin)
        self._thread.start()

    def end(self):
        self._executor.shutdown()
        self._thread.join()
        self.node.destroy_node()


class Recorder(Machine):
    def __init__(self, store):
        super().__init__("trainer")
        self._jobs = Jobs(1, print)
        serve_episodes(self.node, store, self._jobs)

    def end(self):
        super().end()
        self._jobs.close()


@pytest.fixture
def stores(tmp_path):
    there, here = EpisodeStore(tmp_path / "there"), EpisodeStore(tmp_path / "here")
    there.root.mkdir(), here.root.mkdir()
    return there, here


@pytest.fixture
def ask(ros):
    follower = Machine("follower")
    client = PieceClient(follower.node, ReadEpisode, "trainer/read_episode", "recorder")

    def ask(episode, file, offset, length):
        return client(episode=episode, file=file, offset=offset, length=length)

    yield ask
    follower.end()


def put(store, name, size):
    folder = store.root / name
    folder.mkdir(parents=True)
    (folder / "episode.json").write_bytes(b"{}")
    (folder / "steps.arrow").write_bytes(name.encode() * 100)
    (folder / "camera_front.arrow").write_bytes(os.urandom(size))


def synced(mirror):
    """Look until an answer comes, as who follows does."""
    end_s = time.monotonic() + LIMIT_S
    while True:
        try:
            return mirror.sync()
        except NoAnswerError:
            assert time.monotonic() < end_s
            time.sleep(0.05)


def test_a_store_follows_a_recorder_that_goes_away_in_the_middle_and_comes_back(stores, ask, monkeypatch):
    monkeypatch.setattr(piece_client, "_ANSWER_S", 1.0)
    there, here = stores
    recorder = Recorder(there)
    put(there, "e1", 10)
    mirror = Mirror(RemoteSource(ask), here)
    assert synced(mirror).episodes == 1
    put(there, "e2", 3 * MIB)
    pieces = []

    def wait(_):
        pieces.append(1)
        if len(pieces) == 3:  # half of the camera's file
            recorder.end()

    with pytest.raises(NoAnswerError):
        Mirror(RemoteSource(ask), here, wait=wait).sync()
    with pytest.raises(NoAnswerError):
        mirror.sync()
    assert here.ids() == ["e1"] and here.open_ids() == ["e2"]
    recorder = Recorder(there)
    done = synced(mirror)
    assert (done.episodes, done.size_bytes) == (1, 3 * MIB // 2 + 2 + 200), (
        "what had come does not come again"
    )
    recorder.end()
    for name in ("e1", "e2"):
        one, other = ({p.name: p.read_bytes() for p in (s.root / name).iterdir()} for s in stores)
        assert one == other


def test_what_is_not_handed_out_is_refused_by_name(stores, ask):
    there, _ = stores
    put(there, "e1", 10)
    recorder = Recorder(there)
    synced(Mirror(RemoteSource(ask), stores[1]))
    for asked, error, text in (
        (
            ("../e1", "steps.arrow", 0, 1),
            MalformedError,
            r"the recorder says: episode='\.\./e1' must be the id",
        ),
        (("e1", "../e1/steps.arrow", 0, 1), MalformedError, "must be the name of a file"),
        (("e1", "steps.arrow", 0, MIB + 1), MalformedError, "length=1048577 must lie in 0..1048576"),
        (("e2", "steps.arrow", 0, 1), NotThereError, "e2: there is no such episode"),
        (("e1", "none.arrow", 0, 1), UnreadableError, "No such file"),
    ):
        with pytest.raises(error, match=text):
            ask(*asked)
    recorder.end()
