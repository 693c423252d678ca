"""Corrections reach the disk while their episode goes on, with the labels that the episode will have."""

from pathlib import Path

import numpy as np
import pytest
from drift_core.data.cutter import WindowCutter
from drift_core.data.training_data import TrainingData
from drift_core.episodes import EpisodeMeta, EpisodeStore, Excerpts, StepRecord
from drift_core.observation.spec import CameraSpec
from drift_core.task import load_task
from trainer_node import excerpts
from trainer_node.excerpts import ExcerptTap, history_s
from trainer_node.jobs import Jobs
from trainer_node.recorder import Recorder

POLICY, EXPERT = 1, 2
SIZE = 16  # pixels of the tiny task
EPISODE = "i-2"  # not held out


class Robot:
    """A point that a policy and an expert drive in turn, recorded at 50 Hz, seen at `frames_hz`."""

    def __init__(self, files, frames_hz=10, latency_s=0.0, run=lambda job: job()):
        self.said = []
        self.store = EpisodeStore(files["episode_folder"])
        self.task = load_task(files["task_file"])
        self.excerpts = Excerpts(self.store)
        self.cutter = WindowCutter(self.store, None, self.task)
        tap = ExcerptTap(self.excerpts, history_s(self.task), run, self.said.append)
        self.recorder = Recorder(Path(files["episode_folder"]), 0.02, self.said.append, {"top": 0.0}, tap=tap)
        self.frames_hz, self.latency_s = frames_hz, latency_s
        self.tick = 0

    def open(self, episode_id=EPISODE, kind="intervention"):
        cameras = (CameraSpec("top", SIZE, SIZE),)
        meta = EpisodeMeta(
            id=episode_id, robot="point", task="dot", seed=1, kind=kind, cameras=cameras, dt_s=0.1,
            started_s=1000.0,
        )  # fmt: skip
        self.recorder.open(meta, 1000.0)

    def drive(self, duration_s, source=POLICY, intervention_id=0):
        for _ in range(round(50 * duration_s)):
            stamp_s, n = 1000.0 + self.tick / 50, self.tick
            arrival_s = stamp_s + 0.001
            point = np.array([0.3 + 0.2 * np.sin(n / 40), 0.001 * n])
            self.recorder.put_joints(point, 0.0, stamp_s, arrival_s)
            if n * self.frames_hz % 50 < self.frames_hz:
                image = np.full((SIZE, SIZE, 3), n % 256, np.uint8)
                seen_s = stamp_s - self.latency_s
                self.recorder.put_frame("top", image, seen_s, arrival_s, stamp_s)
            step = StepRecord(
                stamp_s=stamp_s, seq=n, source=source, epoch=1, intervention_id=intervention_id, chunk_id=0,
                policy_version=1, chunk_age_s=-1.0, commanded=np.append(point, 0.0),
                measured=np.append(point, 0.0), action=point, guard_flags=0,
            )  # fmt: skip
            self.recorder.put_step(step, arrival_s)
            self.tick += 1

    def data(self):
        return TrainingData(self.store, self.cutter)


def take_in(data, excerpts=True):
    list(data.update(excerpts))
    return {(c.episode_id, c.intervention_id): c.labels for c in data.corrections}


def test_an_excerpt_has_the_windows_of_its_take_over_to_the_bit(files):
    robot = Robot(files)
    robot.open()
    robot.drive(3.0)
    robot.drive(1.2, EXPERT, 1)
    robot.drive(0.3, POLICY, 1)  # so short that the next excerpt reaches back into the first correction
    robot.drive(1.5, EXPERT, 2)
    assert robot.excerpts.ids() == [f"{EPISODE}.1"], "the second one goes on"
    robot.drive(0.02, POLICY, 2)
    assert robot.excerpts.ids() == [f"{EPISODE}.1", f"{EPISODE}.2"], "one control step after it has ended"
    parts = [robot.cutter.excerpt(name) for name in robot.excerpts.ids()]
    robot.recorder.detach().close("success")
    whole = robot.cutter(EPISODE)
    # frames every 0.1 s; 1.2 s of the expert are 12 steps of 0.1 s, of which the last has no command after it
    assert [part.take_overs for part in parts] == [{1: 11}, {2: 14}]
    for number, part in enumerate(parts, 1):
        same = whole.only(number)
        for name in ("t_ref_s", "state", "mask", "idle", "intervention"):
            np.testing.assert_array_equal(getattr(part, name), getattr(same, name), err_msg=name)
        np.testing.assert_array_equal(part.actions[part.mask], same.actions[same.mask])
        shown = [
            windows.frames["top"].images()[windows.frame_rows[windows.frame_index[:, -1], 0]]
            for windows in (part, same)
        ]
        np.testing.assert_array_equal(*shown)
        assert part.ended_s[number] == whole.ended_s[number]


@pytest.mark.parametrize("frames_hz, latency_s", [(25, 0.0), (50, 0.03)])
def test_with_a_camera_of_another_rate_or_delay_the_labels_agree_where_the_moments_do(
    files, frames_hz, latency_s
):
    robot = Robot(files, frames_hz, latency_s)
    robot.open()
    robot.drive(2.46)
    robot.drive(2.0, EXPERT, 1)
    robot.drive(0.1, POLICY, 1)
    part = robot.cutter.excerpt(f"{EPISODE}.1")
    robot.recorder.detach().close("success")
    whole = robot.cutter(EPISODE).only(1)
    assert abs(len(part) - len(whole)) <= 1 and len(part) >= 18
    moments, at = {round(t, 3): n for n, t in enumerate(whole.t_ref_s)}, part.t_ref_s
    common = [(n, moments[round(t, 3)]) for n, t in enumerate(at) if round(t, 3) in moments]
    for here, there in common:
        valid = part.mask[here] & whole.mask[there]
        np.testing.assert_allclose(part.actions[here][valid], whole.actions[there][valid], atol=1e-6)


def test_the_finished_episode_takes_the_place_of_its_excerpts(files):
    robot, whole = Robot(files), {(EPISODE, 1): 11, (EPISODE, 2): 9}
    robot.open()
    robot.drive(1.0)
    robot.drive(1.2, EXPERT, 1)
    robot.drive(0.5, POLICY, 1)
    data = robot.data()
    assert take_in(data) == {(EPISODE, 1): 11}
    assert take_in(data, excerpts=False) == {}, "a round knows of no excerpts"
    assert take_in(data) == {(EPISODE, 1): 11} and data.online.labels == 11
    robot.drive(1.0, EXPERT, 2)
    robot.recorder.detach().close("success")  # before the second correction was over
    assert take_in(data) == whole and data.online.episode_ids == [EPISODE]
    assert robot.excerpts.clean() == [f"{EPISODE}.1"]
    assert take_in(data) == whole and data.online.labels == 20
    assert take_in(robot.data()) == whole, "and after a restart"


def test_a_dropped_episode_takes_its_labels_out_again(files):
    robot, data = Robot(files), None
    robot.open()
    robot.drive(1.0, EXPERT, 1)
    robot.drive(0.1, POLICY, 1)
    data = robot.data()
    assert take_in(data) == {(EPISODE, 1): 9}
    robot.recorder.abort()
    # the excerpt is still there, but means nothing any more
    assert len(robot.excerpts.store.ids()) == 1
    assert take_in(data) == {} and data.expert_labels == 0 and data.complaints == []
    robot.excerpts.clean()
    assert robot.excerpts.store.ids() == []


def test_at_the_start_of_a_recorder_there_is_no_excerpt_though_its_episode_was_broken_off(files):
    robot = Robot(files)
    robot.open()
    robot.drive(1.0, POLICY, 0)
    robot.drive(1.0, EXPERT, 1)
    robot.drive(0.1, POLICY, 1)
    assert robot.excerpts.ids() == [f"{EPISODE}.1"]
    with robot.store.claim():
        assert robot.store.set_aside_parts() == [EPISODE]
        robot.excerpts.clear()
        robot.excerpts.clear()  # does no harm
    assert robot.excerpts.ids() == [] and not robot.excerpts.root.exists()
    assert [path.name for path in robot.store.quarantine.entries()] == [EPISODE]


def test_an_episode_that_cannot_be_used_takes_its_labels_out_again(files):
    robot = Robot(files)
    robot.open()
    robot.drive(1.0, EXPERT, 1)
    robot.drive(0.1, POLICY, 1)
    data = robot.data()
    assert take_in(data) == {(EPISODE, 1): 9}
    path = robot.recorder.detach().close("success")
    (path / "joints.arrow").write_bytes(b"broken")
    assert take_in(data) == {} and list(data.left_out) == [EPISODE]


def test_an_episode_that_somebody_deletes_leaves_the_data(files, record):
    name = record(1)
    robot = Robot(files)
    data = robot.data()
    assert take_in(data) == {(name, 1): 19}
    robot.store.delete(name)
    assert take_in(data) == {} and len(data.offline) == 0 and robot.store.open_ids() == []


def test_excerpts_of_a_held_out_episode_and_of_other_kinds_are_not_trained_on(files):
    held_out = next(f"h-{n}" for n in range(100) if EpisodeStore("").held_out(f"h-{n}"))
    for episode_id, kind, written in (
        (held_out, "intervention", 1),
        ("e-1", "evaluation", 0),
        ("d-1", "demonstration", 0),
    ):
        robot = Robot(files)
        robot.open(episode_id, kind)
        robot.drive(1.0, EXPERT, 1)
        robot.drive(0.1, POLICY, 1)
        assert len(robot.excerpts.ids()) == written
        assert take_in(robot.data()) == {}
        robot.recorder.abort()
        robot.excerpts.clean()


def test_a_take_over_that_is_too_much_is_said_once_and_comes_with_the_episode(files, monkeypatch):
    robot = Robot(files)
    monkeypatch.setattr(excerpts, "MAX_BYTES", 30_000)  # 60 samples of 500 bytes, and some pictures
    robot.open()
    robot.drive(0.1, EXPERT, 1)
    robot.drive(0.1, POLICY, 1)
    robot.drive(2.0, EXPERT, 2)
    robot.drive(1.0, POLICY, 2)
    robot.drive(0.2, EXPERT, 3)
    robot.drive(0.1, POLICY, 3)
    assert robot.excerpts.ids() == [f"{EPISODE}.1"]
    (said,) = robot.said
    assert said == (
        f"more than 0 MiB of corrections in one episode: labels of {EPISODE} from here on come with the "
        "episode"
    )
    robot.recorder.detach().close("success")
    assert take_in(robot.data()) == {(EPISODE, 2): 19, (EPISODE, 3): 1}


def test_what_is_written_after_its_episode_has_ended_means_nothing(files):
    jobs = []
    robot = Robot(files, run=jobs.append)
    robot.open()
    robot.drive(1.0, EXPERT, 1)
    robot.drive(0.1, POLICY, 1)
    assert robot.excerpts.ids() == [], "nothing is written by who records"
    robot.recorder.abort()
    jobs.pop()()
    assert robot.excerpts.store.ids() == [f"{EPISODE}.1"] and robot.excerpts.ids() == []
    assert robot.excerpts.clean() == [f"{EPISODE}.1"]


def test_an_excerpt_that_cannot_be_written_is_said_and_the_episode_goes_on(files):
    robot = Robot(files)
    robot.excerpts.root.parent.mkdir(parents=True)
    robot.excerpts.root.write_text("a file where the folder should be")
    robot.open()
    robot.drive(1.0, EXPERT, 1)
    robot.drive(0.1, POLICY, 1)
    assert len(robot.said) == 1 and robot.said[0].startswith(
        f"labels of {EPISODE}.1 come with the episode, the"
    )
    robot.recorder.detach().close("success")
    assert take_in(robot.data()) == {(EPISODE, 1): 9}


def test_whatever_else_goes_wrong_with_an_excerpt_is_said_and_the_episode_goes_on(files, monkeypatch):
    def broken(*arguments):
        raise ValueError("nobody expected this")

    said = []
    jobs = Jobs(1, said.append)
    robot = Robot(files, run=jobs.run)
    robot.open()
    monkeypatch.setattr(excerpts, "EpisodeWriter", broken)
    robot.drive(1.0, EXPERT, 1)
    robot.drive(0.1, POLICY, 1)
    jobs.ask(lambda: None).result(10.0)  # one thread: the excerpt had its turn
    (text,) = said
    assert text.endswith("ValueError: nobody expected this\n") and "excerpts.py" in text
    robot.recorder.detach().close("success")
    assert take_in(robot.data()) == {(EPISODE, 1): 9}
    jobs.close()
