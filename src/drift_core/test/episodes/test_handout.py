"""What a recorder hands out of its store, and a store that follows it by asking for pieces."""

import hashlib
import json
from dataclasses import replace
from functools import partial

import pytest
from drift_config.errors import ConfigError
from drift_core import fetching
from drift_core.episodes import EpisodeStore, Excerpts
from drift_core.episodes.handout import Handout
from drift_core.episodes.mirror import Mirror
from drift_core.episodes.source import RemoteSource
from drift_core.fetching import MalformedError, NoAnswerError, SpoiltError
from drift_core.pieces import PIECE_MAX_BYTES, NotThereError, piece_of_bytes
from episode_folders import put as put_folder

PIECE = 1000
put = partial(put_folder, size=3 * PIECE)


class Line:
    """Between a recorder and who asks it: counts what is asked, and may be cut or spoil what comes."""

    def __init__(self, store):
        self.handout, self.asked, self.cut_after = Handout(store), [], None
        self.spoil = lambda file, piece: piece

    def __call__(self, episode, file, offset, length):
        if self.cut_after is not None and len(self.asked) >= self.cut_after:
            raise NoAnswerError("no answer from the recorder")
        self.asked.append((episode, file, offset, length))
        return self.spoil(file, self.handout(episode, file, offset, length))

    def offsets(self, file):
        return [offset for _, name, offset, length in self.asked if name == file and length]


@pytest.fixture
def case(tmp_path, monkeypatch):
    """A store, one that follows it, the line between them, and a look."""
    monkeypatch.setattr(fetching, "PIECE_BYTES", PIECE)
    there, here = EpisodeStore(tmp_path / "there"), EpisodeStore(tmp_path / "here")
    there.root.mkdir(), here.root.mkdir()
    line = Line(there)
    source = RemoteSource(line)
    return there, here, line, lambda: Mirror(source, here).sync()


def same(there, here, name):
    one, other = ({p.name: p.read_bytes() for p in (s.root / name).iterdir()} for s in (there, here))
    return one == other and len(one) == 3


def test_episodes_come_whole_and_a_look_at_what_has_not_changed_is_one_question(case):
    there, here, line, sync = case
    assert sync().episodes == 0, "a recorder with nothing yet is no error"
    put(there.root, "e1"), put(there.root, "e2")
    done = sync()
    assert (done.episodes, done.size_bytes) == (2, 2 * (3 * PIECE + 2 + 200))
    assert here.ids() == ["e1", "e2"] and same(there, here, "e1") and same(there, here, "e2")
    line.asked.clear()
    assert sync().episodes == 0 and line.asked == [("", "", 0, 0)]


def test_corrections_count_until_their_episode_is_finished_and_labels_follow(case):
    there, here, _, sync = case
    (there.root / ".e1.part").mkdir()
    put(there.root / ".corrections", "e1.1", size=10)
    assert sync().corrections == 1 and Excerpts(here).ids() == ["e1.1"]
    (there.root / ".e1.part").rmdir()
    put(there.root, "e1")
    assert sync().episodes == 1 and same(there, here, "e1") and Excerpts(here).store.ids() == []
    (there.root / "e1" / "episode.json").write_bytes(b'{"outcome": "failure"}')
    done = sync()
    assert (done.relabelled, done.size_bytes) == (1, 22) and same(there, here, "e1")


def test_a_file_that_was_cut_off_goes_on_where_it_stopped(case):
    there, here, line, sync = case
    put(there.root, "e1")
    line.cut_after = 7  # size and content of both listings, the size of the camera's file, two of its pieces
    with pytest.raises(NoAnswerError, match="no answer from the recorder"):
        sync()
    assert here.ids() == [] and here.open_ids() == ["e1"]
    assert line.offsets("camera_front.arrow") == [0, PIECE]
    line.cut_after = None
    line.asked.clear()
    assert sync().episodes == 1 and same(there, here, "e1")
    assert line.offsets("camera_front.arrow") == [2 * PIECE]


def test_a_piece_that_was_damaged_on_the_way_is_asked_for_again(case):
    there, here, line, sync = case
    put(there.root, "e1")
    harm = iter([True, True])
    line.spoil = lambda file, piece: (
        replace(piece, data=bytes(len(piece.data))) if file[:6] == "camera" and next(harm, False) else piece
    )
    sync()
    assert same(there, here, "e1")
    assert line.offsets("camera_front.arrow") == [0, 0, PIECE, 2 * PIECE], "the first harm met no data"


def test_a_file_that_stays_damaged_is_named_and_no_episode_is_made_of_it(case):
    there, here, line, sync = case
    put(there.root, "e1")

    def lie(file, piece):
        zeros = bytes(len(piece.data))
        if file != "camera_front.arrow":
            return piece
        return replace(piece, data=zeros, sha256=hashlib.sha256(zeros).hexdigest())

    line.spoil = lie
    with pytest.raises(SpoiltError, match=r"camera_front.arrow: what has come over is not what its sha256="):
        sync()
    assert here.ids() == []
    line.spoil = lambda file, piece: piece
    assert sync().episodes == 1 and same(there, here, "e1")


def test_an_episode_that_is_dropped_while_it_comes_is_left_out(case):
    there, here, line, sync = case
    put(there.root, "e1"), put(there.root, "e2", size=10)

    def drop(file, piece):
        if file == "camera_front.arrow" and "e1" in there.ids():
            there.delete("e1")
        return piece

    line.spoil = drop
    assert sync().episodes == 1 and here.ids() == ["e2"] and here.open_ids() == []


@pytest.mark.parametrize(
    ("episode", "file"),
    [
        ("..", "secret"), ("../there", "secret"), ("/etc", "passwd"), (".e9.part", "steps.arrow"),
        (".dropped/e1", "steps.arrow"), (".corrections/../e1", "steps.arrow"), ("e1/..", "steps.arrow"),
        ("e1", "../../secret"), ("e1", "/etc/passwd"), ("e1", ".mirrored"), ("e1", "linked.arrow"),
        ("", "steps.arrow"), ("e1\0", "steps.arrow"), ("linked", ""),
    ],
)  # fmt: skip
def test_nothing_but_files_of_episodes_is_handed_out(case, tmp_path, episode, file):
    there, *_ = case
    put(there.root, "e1")
    (tmp_path / "secret").write_text("secret")
    (there.root / "e1" / "linked.arrow").symlink_to(tmp_path / "secret")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "steps.arrow").write_text("secret")
    (there.root / "linked").symlink_to(tmp_path / "outside")
    handout = Handout(there)
    with pytest.raises((ValueError, NotThereError)):
        handout(episode, file, 0, 10)
    assert set(json.loads(handout("", "", 0, PIECE_MAX_BYTES).data)["finished"]) == {"e1"}


@pytest.mark.parametrize(
    "said",
    [
        b"nonsense",
        b'{"open_ids": ["../x"], "corrections": {}, "finished": {}}',
        b'{"open_ids": [], "corrections": {"e1.x": ""}, "finished": {}}',
        b'{"open_ids": [], "corrections": {}, "finished": {"/etc": ""}}',
        b'{"open_ids": [], "corrections": {}, "finished": {}, "more": 1}',
    ],
)
def test_a_listing_that_names_a_path_or_is_none_is_refused_before_anything_is_written(case, said):
    _, here, line, sync = case
    line.handout = lambda episode, file, offset, length: piece_of_bytes(said, "listing", offset, length)
    with pytest.raises((ConfigError, MalformedError)):
        sync()
    assert list(here.root.iterdir()) == []


def test_names_and_pieces_of_another_length_than_allowed_are_refused_by_name(case):
    there, *_ = case
    put(there.root, "e1")
    handout = Handout(there)
    with pytest.raises(ValueError, match=r"episode='\.\./e1' must be the id of an episode"):
        handout("../e1", "steps.arrow", 0, 1)
    with pytest.raises(ValueError, match=f"length={PIECE_MAX_BYTES + 1} must lie in 0..{PIECE_MAX_BYTES}"):
        handout("e1", "steps.arrow", 0, PIECE_MAX_BYTES + 1)
    with pytest.raises(ValueError, match=r"offset=201 must lie in 0..200, the size of steps.arrow"):
        handout("e1", "steps.arrow", 201, 1)
    with pytest.raises(NotThereError, match="e2: there is no such episode in"):
        handout("e2", "", 0, 1)
    with pytest.raises(FileNotFoundError):
        handout("e1", "camera_wrist.arrow", 0, 1)
