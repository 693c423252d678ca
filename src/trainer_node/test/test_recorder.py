"""The recorder: what is written, and what is counted."""

import time
from dataclasses import replace

import numpy as np
import pytest
from drift_core.episodes import (
    BackgroundWriter,
    ChunkRecord,
    EpisodeMeta,
    EpisodeWriter,
    StepRecord,
    read_episode,
)
from drift_core.observation.spec import CameraSpec
from trainer_node.recorder import Recorder

HOLD, POLICY, EXPERT = 0, 1, 2
IMAGE = np.zeros((4, 4, 3), np.uint8)
META = EpisodeMeta(
    id="e1", robot="panda", task="place", seed=7, kind="intervention", cameras=(CameraSpec("front", 4, 4),),
    dt_s=0.1, started_s=100.0,
)  # fmt: skip

CHUNK = ChunkRecord(
    1, 1, 100.0, 5.05, 0.1, "tcp_pose", 4, 99.9, 20.0, "ddim-8", 0, np.zeros((2, 10)), np.zeros((4, 10))
)


def step(seq: int, stamp_s: float, source: int = POLICY, intervention_id: int = 0) -> StepRecord:
    joints = np.zeros(8)
    return StepRecord(
        stamp_s=stamp_s, seq=seq, source=source, epoch=1, intervention_id=intervention_id, chunk_id=1,
        policy_version=2, chunk_age_s=0.1, commanded=joints, measured=joints, action=np.zeros(10),
        guard_flags=0,
    )  # fmt: skip


@pytest.fixture
def recorder(tmp_path):
    return Recorder(tmp_path, 0.01, lambda text: None, {"front": 0.0}, silence_s=2.0)


def test_a_step_is_late_when_it_comes_more_than_a_period_after_its_time(recorder):
    recorder.open(META, now_s=5.0)
    # due 10 ms after the one before: 19 ms is not late, 21 ms is, and catching up is not
    for seq, stamp_s in enumerate([100.000, 100.010, 100.0295, 100.0505, 100.0515]):
        recorder.put_step(step(seq, stamp_s), 5.1)
    assert recorder.counts.late_steps == 1
    assert recorder.counts.control_steps == 5
    recorder.abort()


def test_steps_that_never_arrived_are_counted_and_are_not_late(recorder):
    recorder.open(META, now_s=5.0)
    recorder.put_step(step(10, 100.00), 5.1)
    recorder.put_step(step(14, 100.04), 5.1)  # 11, 12 and 13 are missing, 14 is on time
    assert (recorder.counts.missed_steps, recorder.counts.late_steps) == (3, 0)
    recorder.abort()


def test_a_gate_that_starts_anew_does_not_count_as_missed(recorder):
    recorder.open(META, now_s=5.0)
    recorder.put_step(step(500, 100.0), 5.1)
    recorder.put_step(step(0, 103.0), 5.1)
    assert (recorder.counts.missed_steps, recorder.counts.late_steps) == (0, 0)
    recorder.abort()


def test_take_overs_are_counted_by_their_id(recorder):
    recorder.open(META, now_s=5.0)
    sources = [(POLICY, 0), (EXPERT, 1), (EXPERT, 1), (HOLD, 1), (POLICY, 1), (EXPERT, 2)]
    for seq, (source, intervention_id) in enumerate(sources):
        recorder.put_step(step(seq, 100.0 + 0.01 * seq, source, intervention_id), 5.1)
    assert recorder.counts.expert_steps == 3
    assert recorder.counts.interventions == {1, 2}
    recorder.abort()


def test_nothing_is_written_before_an_episode_is_open(recorder, tmp_path):
    recorder.put_frame("front", np.zeros((4, 4, 3), np.uint8), 1.0, 1.0, 1.0)
    recorder.put_step(step(1, 1.0, EXPERT), 5.1)
    assert recorder.newest_step.source == EXPERT
    assert recorder.counts.control_steps == 0
    assert not recorder.recording
    assert list(tmp_path.iterdir()) == []


def test_what_was_put_in_is_read_back(recorder, tmp_path):
    recorder.open(META, now_s=5.0)
    image = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    recorder.put_frame("front", image, stamp_s=100.0, arrival_s=5.0, ros_s=100.0)
    recorder.put_joints(np.arange(7.0), 0.04, stamp_s=100.01, arrival_s=5.01)
    recorder.put_step(step(3, 100.02, EXPERT, 1), 5.1)
    path = recorder.detach().close("success")
    assert path == tmp_path / "e1"
    episode = read_episode(path)
    assert (episode.meta.outcome, episode.meta.expert_steps, episode.meta.seed) == ("success", 1, 7)
    np.testing.assert_array_equal(episode.frames["front"].image(0), image)
    assert episode.frames["front"].arrival_s.tolist() == [5.0]
    assert episode.joints.positions_rad.tolist() == [list(range(7))]
    assert episode.steps.seq.tolist() == [3]
    assert not recorder.recording


def test_chunks_are_recorded_beside_what_was_done_and_one_that_does_not_fit_is_said(tmp_path):
    said = []
    recorder = Recorder(tmp_path, 0.01, said.append, {"front": 0.0})
    recorder.put_chunk(CHUNK)  # nothing is open yet
    recorder.open(META, now_s=5.0)
    recorder.put_step(step(3, 100.02, EXPERT, 1), 5.1)
    recorder.put_chunk(CHUNK)
    recorder.put_chunk(replace(CHUNK, data=np.zeros(5)))
    episode = read_episode(recorder.detach().close("success"))
    assert (len(episode.chunks), episode.chunks.sampler[0], episode.chunks.data[0].shape) == (
        1,
        "ddim-8",
        (2, 10),
    )
    assert said == [
        "a sample of action_chunk was not recorded: "
        "chunk 1: data must have two axes, 1 steps at least, is (5,)"
    ]
    assert "action_chunk" not in "".join(recorder.watch.missing(9.0)), "an episode needs none"


def test_an_image_of_the_wrong_size_is_refused_counted_and_said_once(tmp_path):
    said = []
    recorder = Recorder(tmp_path, 0.01, said.append, {"front": 0.0})
    recorder.open(META, now_s=5.0)
    for stamp_s in (100.0, 100.1):
        recorder.put_frame("front", np.zeros((8, 8, 3), np.uint8), stamp_s, 5.0, stamp_s)
    assert recorder.counts.refused == 2
    assert len(said) == 1
    assert "image must be (4, 4, 3)" in said[0]
    recorder.abort()


@pytest.mark.parametrize("latency_s", [0.0, 0.05, -0.05])
def test_a_picture_that_the_policy_would_not_believe_is_not_recorded(tmp_path, latency_s):
    # the policy takes a picture whose moment, the stamp less the latency, is at most 30 ms ahead of the clock
    said = []
    recorder = Recorder(tmp_path, 0.01, said.append, {"front": latency_s})
    recorder.open(META, now_s=5.0)
    for ahead_s in (0.029, 0.031, 0.9):
        recorder.put_frame("front", IMAGE, 100.0 + latency_s + ahead_s, 5.0, ros_s=100.0)
    assert (recorder.counts.frames, recorder.counts.refused) == ({"front": 1}, 2)
    assert said == [
        "a sample of camera front was not recorded: the stamp is 0.03 s ahead of the clock, "
        f"allowed: 0.03 s, with latency_s={latency_s} of the camera"
    ]
    recorder.abort()


@pytest.mark.parametrize("name", ["seq", "chunk_id"])
def test_a_number_that_no_column_can_hold_is_refused_and_the_others_are_written(recorder, name):
    recorder.open(META, now_s=5.0)
    for number in (2**63 - 1, 2**63, 2**64 - 1):
        recorder.put_step(replace(step(1, 100.0), **{name: number}), 5.1)
    assert (recorder.counts.control_steps, recorder.counts.refused) == (1, 2)
    recorder.put_step(step(2, 100.1), 5.2)
    steps = read_episode(recorder.detach().close("failure")).steps
    assert getattr(steps, name).tolist() == [2**63 - 1, getattr(step(2, 100.1), name)]


def test_an_aborted_episode_leaves_nothing(recorder, tmp_path):
    recorder.open(META, now_s=5.0)
    recorder.put_step(step(1, 100.0), 5.1)
    recorder.abort()
    recorder.abort()  # a second one does no harm
    assert list(tmp_path.iterdir()) == []


def test_two_episodes_cannot_be_open(recorder):
    recorder.open(META, now_s=5.0)
    with pytest.raises(RuntimeError, match="open already"):
        recorder.open(META, now_s=5.0)
    recorder.abort()


def feed(recorder, begin_s, end_s, camera_ahead_s=0.0):
    """Steps at 50 Hz, joints at 25 Hz, frames at 10 Hz; arrivals from `begin_s` on, stamps 95 s later."""
    for n in range(round(50 * begin_s), round(50 * end_s)):
        now_s = n / 50
        recorder.put_step(step(n, 95.0 + now_s), now_s)
        if n % 2 == 0:
            recorder.put_joints(np.arange(7.0), 0.04, 95.0 + now_s, now_s)
        if n % 5 == 0:
            recorder.put_frame("front", IMAGE, 95.0 + now_s + camera_ahead_s, now_s, 95.0 + now_s)


def test_inputs_of_which_nothing_is_recorded_yet_are_named(recorder):
    recorder.open(META, now_s=5.0)
    nothing = [f"{name}: nothing recorded yet" for name in ("camera front", "joint_states", "gate/step")]
    assert recorder.watch.missing(5.0) == nothing
    feed(recorder, 5.0, 6.0)
    assert recorder.watch.missing(6.0) == []
    recorder.abort()


def test_rates_are_those_of_what_is_recorded(recorder):
    assert recorder.watch.rates_hz(5.0) == {}
    recorder.open(META, now_s=5.0)
    feed(recorder, 5.0, 6.0)
    rates_hz = {"camera front": 10.0, "joint_states": 25.0, "gate/step": 50.0}
    assert recorder.watch.rates_hz(6.0) == pytest.approx(rates_hz, abs=1.0)
    feed(recorder, 6.0, 9.0, camera_ahead_s=2.0)
    assert recorder.watch.rates_hz(9.0) == pytest.approx(rates_hz | {"camera front": 0.0}, abs=1.0)
    recorder.abort()
    assert recorder.watch.rates_hz(9.0) == {}


def test_an_input_that_falls_silent_is_named_after_its_time(recorder):
    recorder.open(META, now_s=5.0)
    feed(recorder, 5.0, 6.0)  # the last joint state at 5.96, the last frame at 5.9
    for now_s in (7.0, 7.9):
        recorder.put_step(step(900, 95.0 + now_s), now_s)
    assert recorder.watch.missing(7.89) == []
    assert recorder.watch.missing(7.95) == ["camera front: nothing for 2.0 s"]
    recorder.put_frame("front", IMAGE, 103.0, 7.95, 103.0)
    assert recorder.watch.missing(8.0) == ["joint_states: nothing for 2.0 s"]
    recorder.abort()


def test_stamps_2_s_ahead_make_a_camera_missing_with_that_reason(recorder):
    recorder.open(META, now_s=5.0)
    feed(recorder, 5.0, 7.0, camera_ahead_s=2.0)
    assert recorder.watch.missing(7.0) == [
        "camera front: nothing recorded yet (the stamp is 2.00 s ahead of the clock, allowed: 0.03 s, "
        "with latency_s=0.0 of the camera)"
    ]
    recorder.abort()


def test_pictures_that_cannot_be_decoded_make_a_camera_missing_with_that_reason(recorder):
    recorder.open(META, now_s=5.0)
    feed(recorder, 5.0, 6.0)
    recorder.refuse("camera front", "encoding='yuv9' is unknown")
    recorder.put_joints(np.arange(7.0), 0.04, 101.0, 6.0)
    recorder.put_step(step(900, 101.0), 6.0)
    assert recorder.counts.refused == 1
    assert recorder.watch.missing(7.95) == ["camera front: nothing for 2.0 s (encoding='yuv9' is unknown)"]
    recorder.abort()


def test_a_full_disk_ends_the_recording_and_not_the_recorder(tmp_path, monkeypatch):
    said = []
    recorder = Recorder(tmp_path, 0.01, said.append, {"front": 0.0})
    recorder.open(META, now_s=5.0)

    add = EpisodeWriter.add

    def full_for_joints(writer, row):
        if row.table == "joints":
            raise OSError(28, "No space left on device")
        add(writer, row)

    monkeypatch.setattr(EpisodeWriter, "add", full_for_joints)
    recorder.put_step(step(1, 100.0), 5.0)
    recorder.put_joints(np.arange(7.0), 0.04, 100.0, 5.0)
    end_s = time.monotonic() + 20.0
    while not recorder.trouble:
        assert time.monotonic() < end_s
        time.sleep(0.005)
    assert recorder.trouble == "the episode cannot be written: [Errno 28] No space left on device"
    feed(recorder, 5.0, 6.0)
    assert said == [recorder.trouble]
    assert recorder.counts.control_steps == 1  # what comes later is not recorded
    assert read_episode(recorder.detach().close("failure")).meta.steps == 1
    assert recorder.trouble, "it is that of the episode until the next one"
    monkeypatch.undo()
    recorder.open(replace(META, id="e2"), now_s=7.0)
    assert recorder.trouble == ""
    recorder.abort()


def test_a_disk_that_takes_nothing_for_a_second_is_told_of(recorder, monkeypatch):
    recorder.open(META, now_s=5.0)
    assert recorder.slow == ""
    monkeypatch.setattr(BackgroundWriter, "stalled_s", lambda writer: 0.9)
    assert recorder.slow == ""
    monkeypatch.setattr(BackgroundWriter, "stalled_s", lambda writer: 1.2)
    assert recorder.slow == "the disk has taken nothing for 1.2 s, 0 MB wait"
    recorder.abort()
    assert recorder.slow == ""


def test_when_much_waits_it_is_said_once_before_the_episode_ends(tmp_path, monkeypatch):
    said = []
    recorder = Recorder(tmp_path, 0.01, said.append, {"front": 0.0})
    recorder.open(META, now_s=5.0)
    recorder.put_joints(np.arange(7.0), 0.04, 100.0, 5.0)
    assert (said, recorder.slow, recorder.pressed) == ([], "", False)
    # a quarter of 128 MiB is 33.6 MB
    monkeypatch.setattr(BackgroundWriter, "waiting_bytes", property(lambda writer: 33_600_000))
    for n in range(3):
        recorder.put_joints(np.arange(7.0), 0.04, 100.1 + n, 5.1 + n)
    text = "more comes than this machine encodes and writes: 34 MB wait, at 134 MB the episode ends"
    assert (said, recorder.slow, recorder.pressed) == ([text], text, True)
    recorder.abort()
