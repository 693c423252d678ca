"""Bags whose writer was killed, in a process that is really killed."""

import os
import signal
import subprocess
import sys

import pytest
from drift_core.errors import DataError
from drift_formats.bags.repair import broken_off, repair
from drift_formats.bags.writer import BagWriter
from mcap.reader import NonSeekingReader
from rosbags.rosbag2 import Reader

_KILLED = """
import os, signal, sys
from drift_formats.bags.message_types import installed
from drift_formats.bags.metadata import Topic
from drift_formats.bags.writer import BagWriter

writer = BagWriter(sys.argv[1])
writer.note("drift_episode", {"episode": "one"})
topic = Topic("/data", installed("sensor_msgs/msg/JointState"))
for chunk in range(int(sys.argv[2])):
    for n in range(3):
        writer.write(topic, bytes([0, 1, 0, 0, chunk, n]) + bytes(400_000), chunk, n)
    writer.flush()
writer.write(topic, b"lost", 99, 99)
os.kill(os.getpid(), signal.SIGKILL)
"""


def killed(folder, chunks):
    done = subprocess.run(
        [sys.executable, "-c", _KILLED, str(folder), str(chunks)], env=os.environ, timeout=60
    )
    assert done.returncode == -signal.SIGKILL
    return folder


def contents(folder):
    with Reader(folder) as bag:
        return [(stamp_ns, bytes(data[4:6])) for _, stamp_ns, data in bag.messages()]


def test_a_bag_that_was_killed_after_two_chunks_gives_all_of_both(tmp_path):
    folder = killed(tmp_path / "bag", 2)
    assert broken_off(folder)
    with pytest.raises(FileNotFoundError):
        Reader(folder).open()
    told = repair(folder)
    assert (told.messages, told.broken_chunks, told.custom) == (6, [], {"episode": "one"})
    assert contents(folder) == [(chunk, bytes([chunk, n])) for chunk in (0, 1) for n in range(3)]
    assert not broken_off(folder) and repair(folder).messages == 6
    assert sorted(path.name for path in folder.iterdir()) == ["bag_0.mcap", "metadata.yaml"]


def test_a_bag_that_was_killed_before_its_first_chunk_is_whole_and_empty(tmp_path):
    folder = killed(tmp_path / "bag", 0)
    told = repair(folder)
    assert told.messages == 0 and contents(folder) == []


def test_a_file_cut_off_anywhere_gives_the_messages_of_its_whole_chunks(tmp_path, messages, joint_topic):
    writer = BagWriter(tmp_path / "bag")
    ends = []
    for n in range(3):
        writer.write(joint_topic, messages.joint_state(n, ["j"], [float(n)]), n, n)
        writer.flush()
        ends.append(writer.path.stat().st_size)
    writer.close()
    whole = writer.path.read_bytes()
    for size in (0, 8, 20, ends[0] - 200, ends[0], ends[1] - 1, ends[1] + 9, ends[2], len(whole) - 1):
        folder = tmp_path / f"cut_{size}"
        folder.mkdir()
        (folder / "cut_0.mcap").write_bytes(whole[:size])
        told = repair(folder)
        assert told.kept == []
        with (folder / "cut_0.mcap").open("rb") as stream:
            read = [m.log_time for *_, m in NonSeekingReader(stream).iter_messages(log_time_order=False)]
        # the index of a chunk stands behind it: a chunk whose index is cut off is whole
        chunk_ends = [end - 31 - 9 for end in ends]
        assert read == list(range(told.messages)), size
        assert told.messages >= sum(end <= size for end in ends)
        assert told.messages <= sum(end <= size for end in chunk_ends)


def test_a_chunk_whose_bits_are_wrong_is_left_out_and_named(tmp_path, messages, joint_topic):
    writer = BagWriter(tmp_path / "bag")
    for n in range(3):
        writer.write(joint_topic, messages.joint_state(n, ["a_long_name"], [float(n)]), n, n)
        writer.flush()
    writer.close()
    whole = writer.path.read_bytes()
    at = whole.index(b"a_long_name", whole.index(b"a_long_name") + 1)
    writer.path.write_bytes(whole[:at] + b"X" + whole[at + 1 :])
    told = repair(tmp_path / "bag")
    assert (told.messages, told.broken_chunks) == (2, ["bag_0.mcap"])
    assert told.kept == [tmp_path / "bag" / "bag_0.mcap.original"]
    assert told.kept[0].read_bytes() == whole[:at] + b"X" + whole[at + 1 :]
    assert [stamp_ns for stamp_ns, _ in contents(tmp_path / "bag")] == [0, 2]


def three_chunks(folder, messages, joint_topic):
    """Return the writer of a bag of three messages, not closed yet, and where its second chunk begins."""
    writer = BagWriter(folder)
    begins = 0
    for n in range(3):
        begins = writer.path.stat().st_size if n == 1 else begins
        writer.write(joint_topic, messages.joint_state(n, ["j"], [float(n)]), n, n)
        writer.flush()
    return writer, begins


@pytest.mark.parametrize(("finished", "at"), [(True, 1), (True, 37), (False, 37)])
def test_of_a_file_that_is_damaged_in_the_middle_the_original_is_kept(
    tmp_path, messages, joint_topic, finished, at
):
    writer, begins = three_chunks(tmp_path / "bag", messages, joint_topic)
    writer.close() if finished else writer.abandon()
    damaged = bytearray(writer.path.read_bytes())
    assert damaged[begins] == 6  # a chunk: its length at 1, the length of its compression's name at 37
    damaged[begins + at + 3] ^= 0x40
    writer.path.write_bytes(damaged)
    for kept in ("bag_0.mcap.original", "bag_0.mcap.original.2"):
        told = repair(tmp_path / "bag")
        assert (told.messages, told.kept) == (1, [tmp_path / "bag" / kept])
        assert told.kept[0].read_bytes() == damaged
        writer.path.write_bytes(damaged)


def test_a_bag_that_is_being_recorded_is_left_alone(tmp_path, messages, joint_topic):
    writer, _ = three_chunks(tmp_path / "bag", messages, joint_topic)
    with pytest.raises(DataError, match=r"bag_0\.mcap: is being recorded"):
        repair(tmp_path / "bag")
    writer.write(joint_topic, messages.joint_state(3, ["j"], [3.0]), 3, 3)
    writer.close()
    assert [stamp_ns for stamp_ns, _ in contents(tmp_path / "bag")] == [0, 1, 2, 3]
    assert sorted(path.name for path in (tmp_path / "bag").iterdir()) == ["bag_0.mcap", "metadata.yaml"]
    assert repair(tmp_path / "bag").messages == 4


def test_nothing_else_is_taken_for_a_bag(tmp_path):
    with pytest.raises(DataError, match="must be a folder with .mcap files"):
        repair(tmp_path)
    (tmp_path / "x.mcap").write_bytes(b"something else that somebody needs")
    with pytest.raises(DataError, match="x.mcap is no MCAP file"):
        repair(tmp_path)
    assert (tmp_path / "x.mcap").read_bytes() == b"something else that somebody needs"
