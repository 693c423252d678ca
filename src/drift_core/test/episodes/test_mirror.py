"""A store that follows another one: whole episodes or nothing, nothing twice, whatever breaks off."""

import os
import shutil

import pytest
from drift_core.episodes import EpisodeMeta, EpisodeStore, EpisodeWriter, Excerpts
from drift_core.episodes.dropped import Dropped
from drift_core.episodes.mirror import Mirror
from drift_core.episodes.source import FolderSource
from drift_core.errors import DataError
from episode_folders import put

MIB = 1 << 20


class BrokenOffError(Exception):
    """The connection is gone, or the process killed."""


@pytest.fixture
def stores(tmp_path):
    """A store and an empty one, and a function that lets the second look once at the first."""
    there, here = tmp_path / "there", tmp_path / "here"
    for root in (there, here):
        root.mkdir()

    def sync(**options):
        return Mirror(FolderSource(EpisodeStore(there)), EpisodeStore(here), **options).sync()

    return there, here, sync


def content(root, name):
    return {path.name: path.read_bytes() for path in (root / name).iterdir()}


def test_finished_episodes_come_once_and_byte_by_byte(stores):
    there, here, sync = stores
    put(there, "e1"), put(there, "e2")
    done = sync()
    assert (done.episodes, done.size_bytes) == (2, 2 * (3 * MIB + 2 + 200))
    assert EpisodeStore(here).ids() == ["e1", "e2"] and not EpisodeStore(here).open_ids()
    assert all(content(here, name) == content(there, name) for name in ("e1", "e2"))
    put(there, "e3", size=10)
    done = sync()
    assert (done.episodes, done.size_bytes) == (1, 10 + 2 + 200)


def test_what_breaks_off_shows_no_half_episode_and_whole_files_do_not_come_again(stores):
    there, here, sync = stores
    put(there, "e1")
    (there / "e1" / "camera_wrist.arrow").write_bytes(os.urandom(4 * MIB))
    pieces = []

    def wait(_):
        pieces.append(1)
        if len(pieces) == 5:  # the front camera has 3, the wrist camera has 2 of its 4
            raise BrokenOffError

    with pytest.raises(BrokenOffError):
        sync(wait=wait)
    assert EpisodeStore(here).ids() == []
    done = sync()
    assert done.size_bytes == 4 * MIB + 2 + 200, "not the front camera"
    assert content(here, "e1") == content(there, "e1")


def test_a_limit_is_kept_by_waiting_for_what_came_too_fast(stores):
    there, _, sync = stores
    put(there, "e1")
    waited = []
    sync(limit_bytes_s=MIB, wait=waited.append)
    # Three pieces of a second each, and two of nearly nothing; reading takes some of it.
    assert 2.0 < sum(waited) <= 3.1


def test_corrections_of_an_open_episode_count_until_it_is_finished(stores):
    there, here, sync = stores
    (there / ".e1.part").mkdir()
    put(there / ".corrections", "e1.1", size=10)
    put(there / ".corrections", "gone.1", size=10)  # of an episode that is not open any more
    assert sync().corrections == 1
    assert Excerpts(EpisodeStore(here)).ids() == ["e1.1"] and EpisodeStore(here).ids() == []
    put(there / ".corrections", "e1.2", size=10)
    assert sync().corrections == 1 and Excerpts(EpisodeStore(here)).ids() == ["e1.1", "e1.2"]
    (there / ".e1.part").rmdir()
    put(there, "e1")
    assert sync().episodes == 1
    assert Excerpts(EpisodeStore(here)).store.ids() == [] and EpisodeStore(here).ids() == ["e1"]


def test_what_was_dropped_here_does_not_come_again_until_it_is_restored(stores):
    there, here, sync = stores
    put(there, "e1", size=10)
    put(there, "e2", size=10)
    assert sync().episodes == 2
    store = EpisodeStore(here)
    Dropped(store).drop("e1")
    assert (sync().episodes, store.ids()) == (0, ["e2"])
    Dropped(store).restore("e1")
    assert (sync().episodes, store.ids()) == (0, ["e1", "e2"])


def test_an_open_episode_that_is_dropped_there_is_not_open_here_any_more(stores):
    there, here, sync = stores
    put(there, "e0", size=10)
    (there / ".e1.part").mkdir()
    sync()
    assert EpisodeStore(here).open_ids() == ["e1"]
    (there / ".e1.part").rmdir()
    sync()
    assert EpisodeStore(here).open_ids() == []


def test_what_is_said_of_an_episode_afterwards_comes_too_and_nothing_is_deleted(stores):
    there, here, sync = stores
    put(there, "e1"), put(there, "e2")
    sync()
    (there / "e1" / "episode.json").write_bytes(b'{"outcome": "failure"}')
    EpisodeStore(there).delete("e2")
    done = sync()
    assert (done.episodes, done.relabelled) == (0, 1)
    assert content(here, "e1")["episode.json"] == b'{"outcome": "failure"}'
    assert EpisodeStore(here).ids() == ["e1", "e2"]


def test_an_episode_that_vanishes_while_it_comes_is_left_out(stores):
    there, here, sync = stores
    put(there, "e1"), put(there, "e2", size=10)
    done = sync(wait=lambda _: (there / "e1").exists() and EpisodeStore(there).delete("e1"))
    assert done.episodes == 1
    assert EpisodeStore(here).ids() == ["e2"] and not EpisodeStore(here).open_ids()


def test_a_source_that_is_not_there_and_what_is_no_file_are_refused(stores, tmp_path):
    there, here, sync = stores
    put(there, "e1", size=10)
    (there / "e1" / "steps.arrow").unlink()
    (there / "e1" / "steps.arrow").symlink_to("/etc/passwd")
    with pytest.raises(DataError, match=r"steps.arrow must be a file"):
        sync()
    there.rename(tmp_path / "unmounted")
    with pytest.raises(DataError, match="is no folder, or not mounted"):
        sync()
    assert EpisodeStore(here).ids() == []


def test_what_a_recorder_has_left_here_is_not_touched_and_nothing_comes_into_it(stores):
    there, here, sync = stores
    put(there, "e1", size=10), put(there, "e2", size=10)
    for name in ("e1", "mine"):
        put(here, f".{name}.part", size=20)
    before = [content(here, f".{name}.part") for name in ("e1", "mine")]
    done = sync()
    assert (done.episodes, EpisodeStore(here).ids()) == (1, ["e2"])
    assert [content(here, f".{name}.part") for name in ("e1", "mine")] == before
    (text,) = done.left_out
    assert text.startswith(f"{here / '.e1.part'}: recorded here and broken off")


@pytest.mark.parametrize("before_its_end", [False, True])
def test_a_disk_that_goes_away_takes_nothing_with_it_that_has_come(stores, tmp_path, before_its_end):
    there, here, sync = stores
    put(there, "e1")
    (there / "e1" / "camera_wrist.arrow").write_bytes(os.urandom(MIB))
    (there / ".e2.part").mkdir()

    def unmount(_):
        if there.exists() and (here / ".e1.part" / "camera_front.arrow").exists():
            there.rename(tmp_path / "away")
            there.mkdir()  # the folder on which it was mounted
            if before_its_end:
                raise BrokenOffError

    with pytest.raises((BrokenOffError, DataError)):
        sync(wait=unmount)
    with pytest.raises(DataError, match=r"there holds no episode, or is not mounted"):
        sync()
    assert EpisodeStore(here).open_ids() == ["e1", "e2"]
    there.rmdir()
    (tmp_path / "away").rename(there)
    assert sync().size_bytes < 3 * MIB, "the front camera was there"
    assert content(here, "e1") == content(there, "e1")


def test_what_had_come_of_an_episode_that_was_changed_meanwhile_is_not_used(stores):
    there, here, sync = stores
    put(there, "e1")
    camera = there / "e1" / "camera_front.arrow"

    def wait(_):
        if (here / ".e1.part" / "camera_front.arrow").exists():
            raise BrokenOffError

    with pytest.raises(BrokenOffError):
        sync(wait=wait)
    camera.write_bytes(os.urandom(3 * MIB))
    (there / "e1" / "episode.json").write_bytes(b'{"repaired": "yes"}')
    sync()
    assert content(here, "e1") == content(there, "e1")


def test_an_episode_of_which_more_than_the_label_was_changed_is_left_as_it_is_and_named(stores):
    there, here, sync = stores
    put(there, "e1", meta=b'{"outcome": "success", "files": [1]}', size=10)
    sync()
    before = content(here, "e1")
    (there / "e1" / "steps.arrow").write_bytes(b"less")
    (there / "e1" / "episode.json").write_bytes(b'{"outcome": "failure", "files": [2]}')
    done = sync()
    assert (done.relabelled, content(here, "e1")) == (0, before)
    (text,) = done.left_out
    assert text.startswith(f"{here / 'e1'}: changed there in more than outcome, score and weight")
    EpisodeStore(here).delete("e1")
    assert sync().episodes == 1 and content(here, "e1") == content(there, "e1")


def test_one_that_was_killed_behind_its_rename_leaves_no_mark(stores):
    there, here, sync = stores
    put(there, "e1", size=10)
    sync()
    (here / "e1" / ".mirrored").write_bytes(b"{}")
    sync()
    assert content(here, "e1") == content(there, "e1")


def test_an_episode_whose_files_are_not_those_of_its_description_does_not_come_and_is_named(stores):
    there, here, sync = stores
    for name in ("bad", "good"):
        EpisodeWriter(there, EpisodeMeta(name, "point", "dot", 0, "demonstration", (), 0.1, 0.0)).close(
            "success"
        )
    steps = there / "bad" / "steps.arrow"
    whole = steps.read_bytes()
    steps.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    done = sync()
    assert (done.episodes, EpisodeStore(here).ids()) == (1, ["good"])
    (text,) = done.left_out
    assert text.startswith("bad: steps.arrow: SHA-256 ")
    assert text.endswith(
        f"damaged there (drift data check), or on the way: delete {here / '.bad.part'} to fetch it anew"
    )
    steps.write_bytes(whole)
    shutil.rmtree(here / ".bad.part")
    assert sync().left_out == [] and content(here, "bad") == content(there, "bad")
