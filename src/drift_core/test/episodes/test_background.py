"""Whoever records never waits for the disk; what becomes of a slow one, a full one and a forbidden one."""

import errno
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from drift_core.episodes import BackgroundWriter, EpisodeMeta, EpisodeStore, ImageEncoding, read_episode, sink
from drift_core.episodes.writer import EpisodeWriter
from drift_core.errors import DataError, ShapeError
from drift_core.observation.spec import CameraSpec

META = EpisodeMeta(
    id="e1", robot="panda", task="place", seed=7, kind="demonstration", cameras=(CameraSpec("top", 96, 96),),
    dt_s=0.1, started_s=100.0,
)  # fmt: skip
NOISE = np.random.default_rng(0).integers(0, 256, (100, 96, 96, 3), dtype=np.uint8)
FRAME_BYTES = 96 * 96 * 3  # 27,648, and a little more as PNG
BATCH = 76  # frames, 2 MiB as PNG


class Disk:
    """A disk that a test may hold, or that refuses; the time that passes meanwhile is told, too."""

    def __init__(self, monkeypatch):
        self.free, self.asked = threading.Event(), threading.Event()
        self.free.set()
        self.error = None
        self.now_s = 0.0
        write = os.write

        def write_when_free(descriptor, data):
            self.asked.set()
            assert self.free.wait(30.0)
            if self.error is not None:
                raise self.error
            return write(descriptor, data)

        monkeypatch.setattr(sink, "_write", write_when_free)

    def clock(self):
        return self.now_s


@pytest.fixture
def disk(monkeypatch):
    disk = Disk(monkeypatch)
    yield disk
    disk.free.set()


def add_frames(writer, begin, end):
    for n in range(begin, end):
        writer.add(writer.rows.frame("top", NOISE[n], 100.0 + n / 10, 5.0 + n / 10))


def until(condition):
    end_s = time.monotonic() + 20.0
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.005)


def rows_in(path):
    """How many rows of an open file can be read back, as after a kill."""
    try:
        return sum(batch.num_rows for batch in pa.ipc.open_stream(pa.py_buffer(path.read_bytes()[8:])))
    except (OSError, pa.ArrowException):
        return 0


def test_what_was_added_is_on_the_disk_a_second_later_though_the_episode_goes_on(tmp_path):
    writer = BackgroundWriter(tmp_path, META)
    add_frames(writer, 0, 3)
    writer.add(writer.rows.joints(np.zeros(7), 0.04, 100.0, 5.0))
    began_s = time.monotonic()
    part = tmp_path / ".e1.part"
    until(lambda: rows_in(part / "camera_top.arrow") == 3 and rows_in(part / "joints.arrow") == 1)
    assert time.monotonic() - began_s < 5.0, "a second, on an idle machine"
    add_frames(writer, 3, 5)
    episode = read_episode(writer.close("success"))
    assert len(episode.frames["top"]) == 5
    np.testing.assert_array_equal(episode.frames["top"].image(4), NOISE[4])


def test_a_disk_that_takes_nothing_keeps_nobody_waiting_and_is_told_of(tmp_path, disk):
    writer = BackgroundWriter(tmp_path, META, clock=disk.clock)
    assert (writer.trouble, writer.waiting_bytes, writer.stalled_s()) == ("", 0, 0.0)
    until(lambda: writer.stalled_s() == 0.0)
    disk.free.clear()
    disk.asked.clear()
    add_frames(writer, 0, 100)  # does not return, if adding waits for the disk
    assert disk.asked.wait(20.0)
    disk.now_s += 1.5
    assert writer.stalled_s() == 1.5 and writer.trouble == ""
    # 75 are in the batch that is not taken, with the row that made it full
    assert writer.waiting_bytes == (100 - (BATCH - 1)) * FRAME_BYTES
    disk.free.set()
    until(lambda: writer.waiting_bytes == 0)
    assert writer.stalled_s() == 0.0
    assert len(read_episode(writer.close("success")).frames["top"]) == 100


def test_the_folder_is_looked_at_also_while_there_is_always_more_to_write(tmp_path, monkeypatch):
    begun, add, now_s, looked_s = threading.Event(), EpisodeWriter.add, [0.0], []

    def add_for_a_tenth_of_a_second(writer, row):
        assert begun.wait(20.0)
        now_s[0] += 0.1
        add(writer, row)

    monkeypatch.setattr(EpisodeWriter, "add", add_for_a_tenth_of_a_second)
    monkeypatch.setattr(EpisodeWriter, "check_place", lambda writer: looked_s.append(now_s[0]))
    writer = BackgroundWriter(tmp_path, META, clock=lambda: now_s[0])
    add_frames(writer, 0, 20)  # 2 s
    begun.set()
    writer.close("success")
    assert len([at_s for at_s in looked_s if at_s < 1.9]) == 3


def test_when_too_much_waits_the_episode_ends_there_and_all_before_is_kept(tmp_path, disk):
    writer = BackgroundWriter(tmp_path, META, queue_bytes=10 * FRAME_BYTES, clock=disk.clock)
    for n in range(BATCH - 1):
        add_frames(writer, n, n + 1)
        until(lambda: writer.waiting_bytes == 0)
    disk.free.clear()
    add_frames(writer, BATCH - 1, BATCH + 9)  # one is being written, nine wait
    until(lambda: disk.asked.is_set() and writer.stalled_s() == 0.0)
    disk.now_s += 2.0
    with pytest.raises(
        OSError, match=r"more comes than this machine encodes and writes: 0 MB wait, none taken for 2.0 s"
    ):
        add_frames(writer, BATCH + 9, BATCH + 10)
    disk.free.set()
    until(lambda: writer.waiting_bytes == 0)
    with pytest.raises(OSError, match="more comes than"):  # and from then on
        add_frames(writer, BATCH + 10, BATCH + 11)
    assert writer.trouble.startswith("more comes than")
    frames = read_episode(writer.close("failure")).frames["top"]
    assert len(frames) == BATCH + 9
    np.testing.assert_array_equal(frames.image(BATCH + 8), NOISE[BATCH + 8])


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_a_disk_that_refuses_is_told_of_by_the_next_sample_and_what_it_took_stays(tmp_path, disk, number):
    writer = BackgroundWriter(tmp_path, META, clock=disk.clock)
    add_frames(writer, 0, BATCH)
    until(lambda: writer.waiting_bytes == 0)
    disk.error = OSError(number, "refused")
    add_frames(writer, 0, BATCH)
    until(lambda: writer.trouble)
    with pytest.raises(OSError, match="refused"):
        add_frames(writer, 0, 1)
    with pytest.raises(OSError, match=r"refused: the episode is not finished.*\.e1\.part"):
        writer.close("failure")
    assert rows_in(tmp_path / ".e1.part" / "camera_top.arrow") == BATCH
    assert EpisodeStore(tmp_path).ids() == []


@contextmanager
def taken_away(root: Path) -> Iterator[int]:
    elsewhere = root.rename(root.with_name("elsewhere"))
    yield errno.ENOENT
    elsewhere.rename(root)


@contextmanager
def replaced(root: Path) -> Iterator[int]:
    part = root / ".e1.part"
    elsewhere = part.rename(root / "elsewhere")
    part.mkdir()
    yield errno.ENOENT
    part.rmdir()
    elsewhere.rename(part)


@contextmanager
def read_only(root: Path) -> Iterator[int]:
    """Forbid to write into a folder; root is kept out by a read-only mount only, where mounts are allowed."""
    if os.geteuid():
        root.chmod(0o555)
        yield errno.EACCES
        root.chmod(0o755)
        return
    if subprocess.run(["mount", "--bind", root, root], capture_output=True).returncode:
        with taken_away(root) as number:
            yield number
        return
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", root], check=True)
        yield errno.EROFS
    finally:
        subprocess.run(["umount", "-l", root], check=True)


@pytest.mark.parametrize("lost", [taken_away, replaced, read_only])
def test_a_folder_that_is_lost_is_told_of_within_a_second_and_what_was_recorded_is_kept(tmp_path, lost):
    root = tmp_path / "episodes"
    writer = BackgroundWriter(root, META)
    add_frames(writer, 0, 3)
    until(lambda: rows_in(root / ".e1.part" / "camera_top.arrow") == 3)
    began_s = time.monotonic()
    with lost(root) as number:
        until(lambda: writer.trouble)
        assert time.monotonic() - began_s < 5.0, "a second, on an idle machine"
        assert f"[Errno {number}]" in writer.trouble and str(root) in writer.trouble
        with pytest.raises(OSError, match="Errno"):
            add_frames(writer, 3, 4)
        with pytest.raises(OSError, match="the episode is not finished, `drift data repair"):
            writer.close("failure")
    assert rows_in(root / ".e1.part" / "camera_top.arrow") == 3
    assert EpisodeStore(root).ids() == [] and EpisodeStore(root).open_ids() == ["e1"]


def test_an_episode_that_is_dropped_waits_for_nothing_that_is_queued(tmp_path):
    writer = BackgroundWriter(tmp_path, META)
    add_frames(writer, 0, 100)
    writer.abort()
    writer.abort()  # does no harm
    assert list(tmp_path.iterdir()) == []


def test_pictures_are_encoded_side_by_side_and_written_in_the_order_in_which_they_came(tmp_path, monkeypatch):
    encode, second_is_done = ImageEncoding.encode, threading.Event()

    def first_after_second(encoding, image):
        if np.array_equal(image, NOISE[0]):
            assert second_is_done.wait(20.0), "only one picture at a time"
        data = encode(encoding, image)
        if np.array_equal(image, NOISE[1]):
            second_is_done.set()
        return data

    monkeypatch.setattr(ImageEncoding, "encode", first_after_second)
    writer = BackgroundWriter(tmp_path, META)
    add_frames(writer, 0, 20)
    frames = read_episode(writer.close("success")).frames["top"]
    assert frames.stamp_s.tolist() == [100.0 + n / 10 for n in range(20)]
    for n in range(20):
        np.testing.assert_array_equal(frames.image(n), NOISE[n])


def test_of_an_episode_that_is_dropped_no_further_picture_is_encoded(tmp_path, monkeypatch):
    encode, encoded, added = ImageEncoding.encode, [], threading.Event()

    def when_dropped(encoding, image):
        encoded.append(image)
        until(lambda: added.is_set() and not writer._queue)
        return encode(encoding, image)

    monkeypatch.setattr(ImageEncoding, "encode", when_dropped)
    writer = BackgroundWriter(tmp_path, META, encoders=2)
    add_frames(writer, 0, 100)
    added.set()
    until(lambda: len(encoded) == 2)
    writer.abort()
    assert len(encoded) == 2
    assert list(tmp_path.iterdir()) == []


def test_a_picture_that_cannot_be_encoded_ends_the_episode_there(tmp_path, monkeypatch):
    encode = ImageEncoding.encode

    def fails_at_the_third(encoding, image):
        if np.array_equal(image, NOISE[2]):
            raise DataError("an image (96, 96, 3) cannot be encoded as png")
        return encode(encoding, image)

    monkeypatch.setattr(ImageEncoding, "encode", fails_at_the_third)
    writer = BackgroundWriter(tmp_path, META)
    add_frames(writer, 0, 3)
    until(lambda: writer.trouble)
    assert writer.trouble == "an image (96, 96, 3) cannot be encoded as png"
    with pytest.raises(OSError, match="cannot be encoded as png"):
        add_frames(writer, 3, 4)
    assert len(read_episode(writer.close("failure")).frames["top"]) == 2


def test_what_does_not_fit_is_refused_at_once(tmp_path):
    writer = BackgroundWriter(tmp_path, META, ImageEncoding("jpeg"))
    with pytest.raises(ShapeError, match="camera top: image must be"):
        writer.add(writer.rows.frame("top", NOISE[0][:8], 100.0, 5.0))
    add_frames(writer, 0, 1)
    assert read_episode(writer.close("success")).frames["top"].encoding == ["jpeg"]


UNFINISHED = """
import sys
import numpy as np
sys.path.insert(0, sys.argv[2])
from test_background import META, add_frames
from drift_core.episodes import BackgroundWriter

writer = BackgroundWriter(sys.argv[1], META)
add_frames(writer, 0, 100)
raise ZeroDivisionError
"""


def test_a_program_that_ends_by_an_error_ends_as_such_and_what_it_recorded_is_on_the_disk(tmp_path):
    program = [sys.executable, "-c", UNFINISHED, str(tmp_path), os.path.dirname(__file__)]
    done = subprocess.run(program, capture_output=True, text=True, timeout=60.0)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (1, "ZeroDivisionError")
    assert rows_in(tmp_path / ".e1.part" / "camera_top.arrow") == BATCH
