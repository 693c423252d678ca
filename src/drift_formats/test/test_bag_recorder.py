"""The thread that records bags: what it cannot write is counted and said, and nobody waits for it."""

import itertools
import resource
import threading
from contextlib import contextmanager

import pytest
from drift_formats.bags import open_bag
from drift_formats.bags.mcap_file import McapScan
from drift_formats.bags.recorder import BagRecorder
from drift_formats.bags.writer import BagWriter
from mcap.records import Message, Metadata
from rosbags.rosbag2 import Reader


@pytest.fixture
def said():
    return []


@pytest.fixture
def make(tmp_path, said):
    recorders = []

    def make(**options):
        options = {"queue_bytes": 1 << 20, "keep_free_bytes": 0} | options
        recorders.append(BagRecorder(tmp_path, said.append, **options))
        return recorders[-1]

    yield make
    for recorder in recorders:
        recorder.close()


def wait_until(condition, limit_s=20.0):
    waiting = threading.Event()
    for _ in range(int(limit_s / 0.01)):
        if condition():
            return
        waiting.wait(0.01)
    raise AssertionError("it did not come to that")


def test_two_bags_one_after_the_other_and_one_that_is_thrown_away(tmp_path, make, said, joint_topic):
    recorder = make()
    recorder.put(joint_topic, b"before", 1, 1)
    for bag, data in (("first", b"1111"), ("second", b"2222"), ("third", b"3333")):
        recorder.begin(bag, {"drift_episode": {"id": bag}})
        recorder.put(joint_topic, data, 5, 4)
        recorder.drop() if bag == "second" else recorder.end({"drift_end": {"outcome": "success"}})
    recorder.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first", "third"] and said == []
    with Reader(tmp_path / "third") as bag:
        assert [data for *_, data in bag.messages()] == [b"3333"]
        assert bag.storage.metadata.custom == {"outcome": "success", "lost_messages": "0"}
    notes = [
        record for record in McapScan(tmp_path / "third" / "third_0.mcap") if isinstance(record, Metadata)
    ]
    assert [note.name for note in notes] == ["drift_episode", "drift_end", "rosbag2"]


def test_what_does_not_fit_into_the_queue_is_left_out_counted_and_said(
    tmp_path, make, said, monkeypatch, joint_topic
):
    go_on, write = threading.Event(), BagWriter.write
    monkeypatch.setattr(
        BagWriter, "write", lambda *arguments: (go_on.wait(20.0), write(*arguments))
    )  # a slow disk
    now_s = 100.0
    recorder = make(queue_bytes=10 * (1000 + 200), clock=lambda: now_s)
    recorder.begin("bag", {})
    for _ in range(25):
        recorder.put(joint_topic, bytes(1000), 1, 1)
    assert recorder.losses.total == 15
    # said with the first, and again when half a second has passed
    assert said == ["bag bag: 1 messages left out so far, more than can be written (/joint_states 1)"]
    now_s = 100.5
    recorder.put(joint_topic, bytes(1000), 1, 1)
    assert said[1:] == ["bag bag: 16 messages left out so far, more than can be written (/joint_states 16)"]
    go_on.set()
    recorder.end({})
    recorder.close()
    records = list(McapScan(tmp_path / "bag" / "bag_0.mcap"))
    assert sum(isinstance(record, Message) for record in records) == 10
    (lost,) = [r.metadata for r in records if isinstance(r, Metadata) and r.name == open_bag.LOST_NOTE]
    assert lost == {"/joint_states": "16"}
    with Reader(tmp_path / "bag") as bag:
        assert bag.storage.metadata.custom == {"lost_messages": "16"}


def test_a_bag_gives_way_to_what_is_more_important(make, said, joint_topic):
    busy = False
    recorder = make(pressed=lambda: busy)
    recorder.begin("bag", {})
    recorder.put(joint_topic, bytes(100_000), 1, 1)
    busy = True
    recorder.put(joint_topic, bytes(100_000), 1, 1)
    assert recorder.losses.total == 1 and len(said) == 1
    recorder.put(joint_topic, bytes(1000), 1, 1)  # no disk feels it
    assert recorder.losses.total == 1


def test_pictures_are_left_out_before_what_is_small(make, monkeypatch, joint_topic):
    go_on, write = threading.Event(), BagWriter.write
    monkeypatch.setattr(BagWriter, "write", lambda *arguments: (go_on.wait(20.0), write(*arguments)))
    recorder = make(queue_bytes=800_000)  # pictures may take 700,000 of it
    recorder.begin("bag", {})
    for _ in range(8):
        recorder.put(joint_topic, bytes(99_800), 1, 1)
    assert recorder.losses.total == 1
    for _ in range(10):
        recorder.put(joint_topic, bytes(9_800), 1, 1)
    assert recorder.losses.total == 1
    recorder.put(joint_topic, bytes(9_800), 1, 1)
    assert recorder.losses.total == 2
    go_on.set()


def test_what_has_been_written_is_in_the_file_within_a_second_though_nothing_more_comes(
    tmp_path, make, joint_topic
):
    recorder = make()
    recorder.begin("bag", {})
    recorder.put(joint_topic, b"data", 1, 1)
    path = tmp_path / "bag" / "bag_0.mcap"
    wait_until(lambda: path.is_file() and any(isinstance(r, Message) for r in McapScan(path)), 2.0)


def test_a_bag_ends_whole_where_the_disk_is_nearly_full(tmp_path, make, said, joint_topic):
    recorder = make(keep_free_bytes=1 << 60)
    recorder.begin("bag", {})
    recorder.put(joint_topic, b"data", 1, 1)
    wait_until(lambda: (tmp_path / "bag" / "metadata.yaml").is_file())
    recorder.put(joint_topic, b"more", 2, 2)
    wait_until(lambda: recorder.losses.total == 1)
    assert len(said) == 1 and "are kept for the episode" in said[0]
    with Reader(tmp_path / "bag") as bag:
        assert bag.message_count == 1


def test_a_bag_that_cannot_be_made_is_said_and_all_of_it_counts_as_left_out(
    tmp_path, make, said, joint_topic
):
    (tmp_path / "bag").write_text("in the way")
    recorder = make()
    recorder.begin("bag", {})
    recorder.put(joint_topic, b"data", 1, 1)
    wait_until(lambda: recorder.losses.total == 1)
    assert len(said) == 1 and "is broken off" in said[0] and "File exists" in said[0]
    recorder.end({})
    assert (tmp_path / "bag").read_text() == "in the way"


@contextmanager
def files_of_at_most(size):
    """Let writing fail beyond a size, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("dropped", [False, True])
def test_after_a_bag_that_the_disk_has_refused_the_next_one_is_recorded(
    tmp_path, make, said, joint_topic, dropped
):
    seconds = itertools.count()  # each look at the clock is a second later: every chunk is flushed at once
    recorder = make(clock=lambda: float(next(seconds)))
    with files_of_at_most(8000):
        recorder.begin("first", {})
        for _ in range(100):
            recorder.put(joint_topic, bytes(200), 1, 1)  # small: what cannot be written stays in the buffer
        wait_until(lambda: recorder.losses.total > 0)
    recorder.drop() if dropped else recorder.end({})
    recorder.begin("second", {})
    recorder.put(joint_topic, b"data", 1, 1)
    recorder.end({})
    recorder.close()
    assert [line for line in said if "broken off" in line] == [
        f"bag {tmp_path / 'first'} is broken off: [Errno 27] File too large"
    ]
    assert (tmp_path / "first").exists() is not dropped
    with Reader(tmp_path / "second") as bag:
        assert bag.message_count == 1


def test_whatever_befalls_a_bag_it_is_said_and_the_next_one_is_recorded(
    tmp_path, make, said, monkeypatch, joint_topic
):
    def fail(*arguments):
        raise RuntimeError("nobody thought of this")

    recorder = make(queue_bytes=300)  # for one message: what is no longer held is room for the next
    with monkeypatch.context() as patched:
        patched.setattr(BagWriter, "write", fail)
        recorder.begin("first", {})
        recorder.put(joint_topic, bytes(100), 1, 1)
        wait_until(lambda: said)
    assert said == [f"bag {tmp_path / 'first'} is broken off: RuntimeError('nobody thought of this')"]
    recorder.end({})
    recorder.begin("second", {})
    recorder.put(joint_topic, bytes(100), 1, 1)
    recorder.end({})
    recorder.close()
    with Reader(tmp_path / "second") as bag:
        assert bag.message_count == 1


def test_what_was_left_out_is_said_also_where_nothing_more_is_left_out_and_where_the_bag_is_dropped(
    make, said, monkeypatch, joint_topic
):
    go_on, write = threading.Event(), BagWriter.write
    monkeypatch.setattr(BagWriter, "write", lambda *arguments: (go_on.wait(20.0), write(*arguments)))
    now_s = 100.0
    recorder = make(queue_bytes=1000 + 200, clock=lambda: now_s)
    recorder.begin("bag", {})
    for _ in range(3):
        recorder.put(joint_topic, bytes(1000), 1, 1)
    assert len(said) == 1 and "1 messages left out so far" in said[0]
    now_s = 100.5
    go_on.set()
    wait_until(lambda: len(said) == 2)
    assert "2 messages left out so far" in said[1]
    go_on.clear()
    recorder.begin("other", {})
    for _ in range(3):
        recorder.put(joint_topic, bytes(1000), 1, 1)
    recorder.drop()
    go_on.set()
    assert [line.partition(",")[0] for line in said[2:]] == [
        "bag other: 1 messages left out so far",
        "bag other: 2 messages left out so far",
    ]
