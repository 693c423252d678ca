"""What a person sees of a store, in numbers worked out by hand, and what one may say of it."""

import json
import subprocess
import sys
from dataclasses import asdict, replace

import cv2
import numpy as np
import pytest
from drift_core.episodes import EpisodeStore, EpisodeWriter, StepRecord
from drift_core.episodes.drives import Drive
from drift_core.errors import CheckpointError, DataError
from drift_core.observation.spec import CameraSpec
from drift_core.policy.checkpoint_folder import FORMAT
from drift_core.preferences import MARKS_FILE
from drift_core.review import (
    EpisodeList,
    ReviewShelf,
    checkpoint_lines,
    learned,
    progress_by_episode,
    progress_by_version,
    timeline_of,
)
from drift_core.training.budget import TrainedCorrection
from drift_core.training.provenance import Provenance, save_provenance
from recorded_episodes import EXPERT, HOLD, POLICY, record

HOLD_FLAG = 64


@pytest.fixture
def store(tmp_path):
    return EpisodeStore(tmp_path / "episodes")


@pytest.fixture
def shelf(store):
    return ReviewShelf(store)


def put(store, name, sources, **what):
    return record(store.root, name, sources, **what)


def test_a_line_says_who_drove_and_for_how_long(store, shelf):
    put(store, "m1", [POLICY] * 10 + [EXPERT] * 5 + [POLICY] * 10, outcome="success", score=0.7)
    line = shelf.line("m1")
    assert line.drives == (
        Drive("policy", 0.0, pytest.approx(0.2), 10, None, 3),
        Drive("expert", pytest.approx(0.2), pytest.approx(0.3), 5, 1, None),
        Drive("policy", pytest.approx(0.3), pytest.approx(0.48), 10, None, 3),
    )
    assert (line.outcome, line.score, line.take_overs, line.policy_versions) == ("success", 0.7, 1, (3,))
    assert (line.expert_s, line.driven_s) == (pytest.approx(0.1), pytest.approx(0.48))


def test_lines_stand_in_the_order_of_recording_and_a_broken_episode_is_named(store, shelf):
    put(store, "b", [POLICY] * 2, started_s=1000.0)
    put(store, "a", [POLICY] * 2, started_s=2000.0)
    put(store, "broken", [POLICY] * 2)
    (store.root / "broken" / "episode.json").write_text("{")
    lines, broken = shelf.lines()
    assert [line.id for line in lines] == ["b", "a"]
    assert list(broken) == ["broken"] and "episode.json: " in broken["broken"]


def test_an_episode_is_read_once_until_it_is_described_anew(store, monkeypatch):
    put(store, "m1", [POLICY] * 2)
    shelf, read = ReviewShelf(store), []
    original = EpisodeStore.meta
    monkeypatch.setattr(EpisodeStore, "meta", lambda self, name: read.append(name) or original(self, name))
    listed = EpisodeList(store)
    for _ in range(3):
        assert listed.lines()[0][0].outcome == "failure"
    assert read == ["m1"]
    shelf.relabel("m1", "success", None)
    assert listed.lines()[0][0].outcome == "success"


def test_the_timeline_has_take_overs_holds_and_frames_since_the_first_step(store, shelf):
    sources = [POLICY] * 5 + [HOLD] * 5 + [EXPERT] * 10
    flags = [0] * 5 + [HOLD_FLAG] * 5 + [0] * 10
    put(store, "m1", sources, flags=flags, frames_s=[0.0, 0.1, 0.25], wanted=True)
    timeline = shelf.timeline("m1")
    assert timeline.length_s == 0.38 and timeline.step == list(range(20))
    assert timeline.time_s[:3] == [0.0, 0.02, 0.04]
    assert timeline.take_overs_s == [0.2]
    assert timeline.holds_s == [(0.1, 0.2)]
    assert timeline.cameras == {"front": [0.0, 0.1, 0.25]}
    assert timeline.chunks_s == []
    tcp, joints, gripper = timeline.plots
    assert [plot.title for plot in timeline.plots] == ["TCP", "joints", "gripper"]
    assert [plot.unit for plot in timeline.plots] == ["m", "rad", "m"]
    z = {curve.what: curve.values for curve in tcp.curves if curve.name == "z"}
    assert z["commanded"][5] == 0.05 and z["wanted"][5] == 0.15  # 1 cm a step, and 10 cm above
    assert [curve.name for curve in joints.curves if curve.what == "measured"][-1] == "joint 7"
    assert {curve.what for curve in gripper.curves} == {"measured", "commanded", "wanted"}
    json.dumps(asdict(timeline), allow_nan=False)


def test_a_long_episode_has_six_hundred_points_with_both_ends(store, shelf):
    put(store, "m1", [POLICY] * 1500)
    timeline = shelf.timeline("m1")
    assert len(timeline.time_s) == 600 == len(timeline.plots[0].curves[0].values)
    assert (timeline.step[0], timeline.step[-1]) == (0, 1499) and timeline.time_s[-1] == 29.98


def test_joints_have_the_names_that_are_given_if_their_number_fits(store):
    put(store, "m1", [POLICY] * 2)
    episode = store.read("m1")
    names = [f"j{number}" for number in range(7)]
    assert [c.name for c in timeline_of(episode, names).plots[1].curves][:7] == names
    assert timeline_of(episode, names[:6]).plots[1].curves[0].name == "joint 1"


def test_what_was_never_known_is_null_and_an_episode_of_no_step_is_empty(store, shelf):
    put(store, "empty", [])
    empty = shelf.timeline("empty")
    assert (empty.length_s, empty.time_s, empty.plots, empty.drives) == (0.0, [], [], [])
    meta = replace(shelf.store.meta("empty"), id="gap")
    with EpisodeWriter(store.root, meta) as writer:
        q = np.zeros(8)
        for seq, known in ((0, q), (1, None)):
            writer.add_step(StepRecord(1000.0 + seq, seq, POLICY, 1, 0, 0, 3, -1.0, q, known, None, 0))
        writer.close("unknown")
    joints, gripper = shelf.timeline("gap").plots
    assert joints.curves[0].values == [0.0, None]
    assert gripper.curves[0].values == [0.0, None]


def test_a_frame_is_the_newest_at_the_step_and_the_first_before_there_was_one(store, shelf):
    put(store, "m1", [POLICY] * 20, frames_s=[0.1, 0.2, 0.3], brighter=10.0)  # grey 101, 102, 103
    levels = []
    for step in (0, 5, 9, 10, 19):
        image = cv2.imdecode(np.frombuffer(shelf.frame("m1", "front", step), np.uint8), cv2.IMREAD_COLOR)
        assert image.shape == (8, 12, 3)
        levels.append(round(image.mean()))
    assert levels == [101, 101, 101, 102, 103]


def test_a_wide_picture_is_shown_at_640(store, shelf):
    put(store, "m1", [POLICY])
    wide = replace(store.meta("m1"), id="wide", cameras=(CameraSpec("front", 100, 1280),))
    with EpisodeWriter(store.root, wide) as writer:
        q = np.zeros(8)
        writer.add_step(StepRecord(1000.0, 0, POLICY, 1, 0, 0, 3, -1.0, q, q, None, 0))
        writer.add_frame("front", np.zeros((100, 1280, 3), np.uint8), 1000.0, 1000.0)
        writer.close("unknown")
    data = shelf.frame("wide", "front", 0)
    assert cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR).shape == (50, 640, 3)


@pytest.mark.parametrize(
    "camera, step, said",
    [
        ("wrist", 0, "camera='wrist' must be one of front"),
        ("front", -1, r"step=-1 must lie in \[0, 4\]"),
        ("front", 5, r"step=5 must lie in \[0, 4\]"),
    ],
)
def test_a_frame_that_there_is_not_is_refused_in_words(store, shelf, camera, step, said):
    put(store, "m1", [POLICY] * 5, frames_s=[0.0])
    with pytest.raises(DataError, match=said):
        shelf.frame("m1", camera, step)


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/../m1", ".dropped", "m1/episode.json", "m\x001"])
def test_what_is_no_name_of_an_episode_is_refused_everywhere(store, shelf, name):
    put(store, "m1", [POLICY] * 2)
    for look in (
        shelf.line,
        shelf.timeline,
        shelf.drop,
        shelf.restore,
        lambda name: shelf.relabel(name, "success", None),
        lambda name: shelf.prefer(name, "m1", "a", 0.0),
    ):
        with pytest.raises(DataError):
            look(name)
    assert store.ids() == ["m1"]


def test_a_dropped_episode_is_out_and_comes_back_as_it_was(store, shelf):
    put(store, "m1", [POLICY] * 2, score=0.2)
    before = shelf.line("m1")
    shelf.drop("m1")
    assert shelf.lines() == ([], {}) and [line.id for line in shelf.dropped_lines()] == ["m1"]
    shelf.restore("m1")
    assert shelf.line("m1") == before and shelf.dropped_lines() == []


def test_a_relabelled_episode_keeps_everything_else(store, shelf):
    put(store, "m1", [POLICY] * 2)
    before = shelf.line("m1")
    after = shelf.relabel("m1", "success", 0.4)
    assert after == replace(before, outcome="success", score=0.4)
    with pytest.raises(DataError, match=r"score=1.5 must lie in \[0, 1\]"):
        shelf.relabel("m1", "success", 1.5)


def test_pairs_are_asked_until_each_has_an_answer_that_lies_in_the_run(store, shelf):
    for name, seed in (("a", 1), ("b", 2), ("c", 1)):
        put(store, name, [POLICY] * 2, seed=seed)
    put(store, "d", [EXPERT] * 2, kind="demonstration")
    assert shelf.pairs(9) == [("a", "c"), ("a", "b"), ("b", "c")]
    assert shelf.pairs(1) == [("a", "c")]
    shelf.prefer("a", "c", "b", 5.0)
    assert shelf.pairs(9) == [("a", "b"), ("b", "c")]
    assert (store.root.parent / MARKS_FILE).read_text().count("\n") == 1
    assert [(mark.a, mark.answer) for mark in shelf.marks()] == [("a", "b")]
    with pytest.raises(DataError, match="must be two episodes"):
        shelf.prefer("a", "a", "equal", 6.0)


def test_a_version_is_judged_by_what_it_did_without_help(store, shelf):
    # of version 3: one success alone, one with help, one failure; one of unknown end; of 4: nothing judged
    put(store, "alone", [POLICY] * 11, outcome="success")
    put(store, "helped", [POLICY] * 5 + [EXPERT] * 6, outcome="success")
    put(store, "failed", [POLICY] * 11, kind="evaluation")
    put(store, "unknown", [POLICY] * 11, outcome="unknown")
    put(store, "newer", [POLICY] * 11, outcome="unknown", version=4)
    put(store, "shown", [EXPERT] * 11, kind="demonstration", outcome="success")
    three, four = progress_by_version(shelf.lines()[0])
    assert (three.version, three.episodes, three.take_overs) == (3, 4, 1)
    assert str(three.unaided) == "1/3 = 33 % [6, 79]"
    assert (three.driven_s, three.expert_s) == (pytest.approx(0.8), pytest.approx(0.1))
    assert (four.version, four.unaided, four.enough, three.enough) == (4, None, False, False)


def test_each_episode_adds_to_what_a_person_has_shown_and_says_whether_the_policy_did_it_alone(store, shelf):
    put(store, "shown", [EXPERT] * 11, kind="demonstration", outcome="success", started_s=1000.0)
    put(store, "aided", [POLICY] * 11 + [EXPERT] * 6, outcome="success", started_s=2000.0)
    put(store, "alone", [POLICY] * 11, outcome="success", started_s=3000.0)
    put(store, "failed", [POLICY] * 11, outcome="failure", started_s=4000.0)
    put(store, "unknown", [EXPERT] * 6, outcome="unknown", started_s=5000.0)
    found = progress_by_episode(shelf.lines()[0])
    assert [row.number for row in found] == [1, 2, 3, 4, 5]
    assert [row.unaided for row in found] == [None, False, True, False, None]
    # a step of 20 ms ends where the next begins, the last of an episode where it begins
    assert [row.shown_s for row in found] == pytest.approx([0.2, 0.3, 0.3, 0.3, 0.4])


def header(path, info, **more):
    text = json.dumps({"__metadata__": {"drift": json.dumps({"format": FORMAT, "info": info, **more})}})
    path.write_bytes(len(text).to_bytes(8, "little") + text.encode())


def test_versions_are_listed_newest_first_with_what_their_headers_say(tmp_path):
    info = dict(task="place", robot="panda", version=2, parent=1, rank=0.5, effective_rank=0.6, step=70)
    info |= dict(loss=0.01, reason="online", created_s=9.0)
    header(tmp_path / "policy_000001.safetensors", info | {"version": 1, "parent": 0, "loss": None})
    header(tmp_path / "delta_000002.safetensors", info)
    (tmp_path / "policy_000003.safetensors").write_bytes(b"broken")
    newest, delta, first = checkpoint_lines(tmp_path)
    assert (newest.version, newest.info) == (3, None) and "not a whole safetensors file" in newest.fault
    assert (delta.file, delta.info.step, delta.info.loss) == ("delta_000002.safetensors", 70, 0.01)
    assert first.info.loss is None
    assert checkpoint_lines(tmp_path / "nothing") == []


def test_the_newest_correction_of_a_version_is_the_last_that_it_has_learned_half_of(tmp_path):
    path = tmp_path / "policy_000002.safetensors"
    assert learned(path) is None
    corrections = (
        TrainedCorrection("e1", 1, 30, 100.0, 0.9),
        TrainedCorrection("e1", 2, 12, 140.0, 0.5),
        TrainedCorrection("e2", 1, 50, 190.0, 0.2),
    )
    save_provenance(path, Provenance(corrections, {"new": 0.2}))
    found = learned(path)
    assert (found.named, found.trained_on, found.labels, found.newest_ended_s) == (3, 2, 42, 140.0)
    assert found.loss_on == {"new": 0.2}
    path.with_suffix(".json").write_text("[")
    with pytest.raises(CheckpointError, match="not valid JSON"):
        learned(path)


def test_looking_loads_no_torch():
    program = "import sys, drift_core.review; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "False", done.stderr
