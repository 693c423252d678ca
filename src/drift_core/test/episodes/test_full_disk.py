"""A disk that becomes full: the caller is told, what was recorded is kept, and nothing else is left."""

import resource
from contextlib import contextmanager

import numpy as np
import pytest
from drift_core.episodes import EpisodeMeta, EpisodeStore, EpisodeWriter, read_episode, read_meta, writer
from drift_core.episodes.reader import read_joints
from drift_core.episodes.sink import Reserve
from drift_core.observation.spec import CameraSpec

META = EpisodeMeta(
    id="e1", robot="panda", task="place", seed=7, kind="demonstration", cameras=(CameraSpec("top", 96, 96),),
    dt_s=0.1, started_s=100.0,
)  # fmt: skip
NOISE = np.random.default_rng(0).integers(0, 256, (100, 96, 96, 3), dtype=np.uint8)  # 27 kB each as PNG
LIMIT_BYTES = 1_000_000


def limit_files(size_bytes):
    """Let no file of this process grow beyond `size_bytes`: writing further fails, as on a full disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


@contextmanager
def small_files(size_bytes):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    limit_files(size_bytes)
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def small_reserve(monkeypatch):
    monkeypatch.setattr(writer, "_RESERVE_BYTES", 100_000)


@pytest.fixture
def room_in_the_reserve(small_reserve, monkeypatch):
    """Giving up the reserve makes room, as on a disk that is full."""
    give_up = Reserve.give_up

    def give_up_and_grow(reserve):
        limit_files(3 * LIMIT_BYTES)
        return give_up(reserve)

    monkeypatch.setattr(Reserve, "give_up", give_up_and_grow)


def add_frames(open_writer, count):
    for n in range(count):
        open_writer.add_joints(np.zeros(7), 0.04, 100.0 + n / 10, 5.0 + n / 10)
        open_writer.add_frame("top", NOISE[n], 100.0 + n / 10, 5.0 + n / 10)


def left(tmp_path):
    return sorted(path.name for path in tmp_path.iterdir())


def test_a_folder_without_room_is_refused_before_anything_is_recorded(tmp_path):
    with small_files(LIMIT_BYTES):
        for _ in range(2):
            with pytest.raises(OSError, match=r"16 MiB must be free to record an episode.*\.e1\.part"):
                EpisodeWriter(tmp_path, META)
            assert left(tmp_path) == []


def test_what_was_recorded_until_the_disk_was_full_is_kept(tmp_path, room_in_the_reserve):
    open_writer = EpisodeWriter(tmp_path, META)
    with small_files(LIMIT_BYTES):
        with pytest.raises(OSError, match=r"File too large.*\.e1\.part"):
            add_frames(open_writer, 100)
        with pytest.raises(OSError, match="File too large"):  # and from then on
            open_writer.add_joints(np.zeros(7), 0.0, 0.0, 0.0)
        open_writer.close("failure")
    episode = EpisodeStore(tmp_path).read("e1")
    # batches of 2 MiB, 76 frames of 27.7 kB: the first one does not fit into 1 MB without the reserve
    assert len(episode.frames["top"]) == 76
    np.testing.assert_array_equal(episode.frames["top"].image(75), NOISE[75])
    assert left(tmp_path) == ["e1"]
    assert "reserve" not in left(tmp_path / "e1")


def test_a_disk_that_is_full_only_at_the_end_costs_nothing(tmp_path, room_in_the_reserve):
    open_writer = EpisodeWriter(tmp_path, META)
    add_frames(open_writer, 60)  # 1.6 MB, all of it still to be written
    with small_files(LIMIT_BYTES):
        open_writer.close("success")
    assert len(EpisodeStore(tmp_path).read("e1").frames["top"]) == 60


@pytest.mark.parametrize("frames", [60, 100])
def test_where_the_reserve_is_not_enough_the_files_stay_and_closing_says_where(
    tmp_path, small_reserve, frames
):
    open_writer = EpisodeWriter(tmp_path, META)
    with small_files(LIMIT_BYTES):
        if frames > 76:
            with pytest.raises(OSError, match="File too large"):
                add_frames(open_writer, frames)
        else:
            add_frames(open_writer, frames)
        with pytest.raises(OSError, match=r"File too large: the episode is not finished.*\.e1\.part"):
            open_writer.close("success")
    open_writer.abort()  # does no harm
    assert left(tmp_path) == [".e1.part"]
    files = ["camera_top.arrow", "chunks.arrow", "episode.json", "joints.arrow", "steps.arrow"]
    assert left(tmp_path / ".e1.part") == files
    # what fitted is whole: the joints have all their rows
    assert len(read_joints(tmp_path / ".e1.part" / "joints.arrow")) == min(frames, 76)


def test_dropping_an_episode_writes_nothing_more_and_frees_the_room(tmp_path, small_reserve):
    open_writer = EpisodeWriter(tmp_path, META)
    with small_files(LIMIT_BYTES):
        with pytest.raises(OSError):
            add_frames(open_writer, 100)
        open_writer.abort()
    assert left(tmp_path) == []
    EpisodeWriter(tmp_path, META).close("success")
    assert left(tmp_path) == ["e1"]


def test_a_folder_that_is_taken_away_is_an_error_of_closing(tmp_path):
    open_writer = EpisodeWriter(tmp_path / "episodes", META)
    add_frames(open_writer, 3)
    (tmp_path / "episodes").rename(tmp_path / "elsewhere")
    with pytest.raises(FileNotFoundError, match="the episode is not finished"):
        open_writer.close("success")
    assert left(tmp_path) == ["elsewhere"]
    assert len(read_joints(tmp_path / "elsewhere" / ".e1.part" / "joints.arrow")) == 3


def test_where_only_the_last_rename_fails_every_file_is_whole_and_stays(tmp_path, monkeypatch):
    open_writer = EpisodeWriter(tmp_path, META)
    add_frames(open_writer, 3)
    (tmp_path / "e1").mkdir()  # in between, by somebody else
    (tmp_path / "e1" / "file").touch()
    with pytest.raises(OSError, match=r"Directory not empty: the episode is not finished.*\.e1\.part"):
        open_writer.close("success")
    part = tmp_path / ".e1.part"
    assert read_meta(part).outcome == "success" and len(read_episode(part).frames["top"]) == 3
