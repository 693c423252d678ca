"""Labels are counted beside the trainer's work: without a look at the pictures, and never in its way."""

import json
from pathlib import Path

import cv2
import pytest
from drift_core.data.cutter import LabelCounter, WindowCutter
from drift_core.episodes import Dropped, EpisodeStore
from drift_core.errors import DataError
from drift_core.task import load_task
from trainer_node.label_count import LabelWatch

LABELS = 19  # of a demonstration: 20 frames, the last of them at the end


@pytest.fixture
def store(files, demonstrations):
    return EpisodeStore(files["episode_folder"])


@pytest.fixture
def cutter(files, store):
    return WindowCutter(store, None, load_task(Path(files["task_file"])))


def never():
    return False


def count_labels(labels, warn, stopping):
    LabelWatch(labels, lambda job: job(), warn, stopping).look()


def test_the_count_is_that_of_training_and_no_picture_is_decoded(store, cutter, monkeypatch):
    ids = store.ids()
    cut = [cutter(name) for name in ids]
    wanted = [(windows.expert_labels, windows.idle_labels, windows.remark) for windows in cut]
    assert wanted[0][0] == LABELS

    def decode(*arguments):
        raise AssertionError("a picture was decoded")

    monkeypatch.setattr(cv2, "imdecode", decode)
    with pytest.raises(AssertionError, match="a picture was decoded"):
        cut[0].frames["top"].image(0)
    counted = [cutter.labels(name) for name in ids]
    assert [(labels.count, labels.idle, labels.remark) for labels in counted] == wanted
    labels = LabelCounter(store, cutter)
    count_labels(labels, pytest.fail, never)
    assert labels.total == sum(count for count, _, _ in wanted)


def test_an_episode_with_pictures_of_another_size_has_no_labels_in_either_count(store, cutter):
    meta = store.root / store.ids()[0] / "episode.json"
    data = json.loads(meta.read_text())
    data["cameras"][0] |= {"height": 9, "width": 12}
    meta.write_text(json.dumps(data))
    for count in (cutter, cutter.labels):
        with pytest.raises(DataError, match="camera top must be 16x16, was recorded 12x9"):
            count(store.ids()[0])


def test_it_stops_between_two_episodes_when_the_trainer_does(store, cutter):
    labels, asked = LabelCounter(store, cutter), []

    def stopping():
        asked.append(labels.episodes)
        return labels.episodes == 2

    count_labels(labels, pytest.fail, stopping)
    assert asked == [1, 2] and len(store.ids()) > 2


def test_an_episode_that_does_not_fit_is_said(store, cutter):
    meta = store.root / store.ids()[0] / "episode.json"
    meta.write_text(json.dumps(json.loads(meta.read_text()) | {"task": "spot"}))
    labels, said = LabelCounter(store, cutter), []
    count_labels(labels, said.append, never)
    fault = "recorded elsewhere: task must be dot, got spot"
    assert said == [f"cannot be trained on: episode {store.ids()[0]}: {fault}"]
    assert labels.episodes == len(store.ids()) - 1


def test_what_is_dropped_counts_no_longer_and_what_comes_back_counts_again(store, cutter):
    labels, said = LabelCounter(store, cutter), []
    watch = LabelWatch(labels, lambda job: job(), said.append, never)
    watch.look()
    assert (labels.episodes, labels.total) == (5, 5 * LABELS)
    dropped = Dropped(store)
    first, second = store.ids()[:2]
    dropped.drop(first)
    dropped.drop(second)
    watch.look()
    assert (labels.episodes, labels.total) == (3, 3 * LABELS)
    dropped.restore(first)
    watch.look()
    assert (labels.episodes, labels.total) == (4, 4 * LABELS)
    assert said == []


def test_an_episode_that_does_not_fit_is_said_once_until_it_is_mended(store, cutter):
    meta = store.root / store.ids()[0] / "episode.json"
    right = meta.read_text()
    meta.write_text(json.dumps(json.loads(right) | {"task": "spot"}))
    labels, said = LabelCounter(store, cutter), []
    watch = LabelWatch(labels, lambda job: job(), said.append, never)
    watch.look()
    watch.look()
    assert len(said) == 1 and labels.episodes == 4
    dropped = Dropped(store)
    dropped.drop(name := store.ids()[0])
    watch.look()
    (dropped.store.root / name / "episode.json").write_text(right)
    dropped.restore(name)
    watch.look()
    assert len(said) == 1 and labels.episodes == 5


def test_an_episode_that_is_dropped_while_it_is_counted_is_no_fault(store, cutter):
    def drop_and_cut(name):
        Dropped(store).drop(name)
        return cutter.labels(name)

    class Dropping:
        labels = staticmethod(drop_and_cut)

    labels, said = LabelCounter(store, Dropping()), []
    count_labels(labels, said.append, never)
    assert (said, labels.episodes, store.ids()) == ([], 0, [])


def test_one_look_at_a_time_is_under_way(store, cutter):
    jobs = []
    watch = LabelWatch(LabelCounter(store, cutter), jobs.append, pytest.fail, never)
    watch.look()
    watch.look()
    assert len(jobs) == 1
    jobs.pop()()
    watch.look()
    assert len(jobs) == 1


def test_an_episode_that_ends_while_the_store_is_listed_stays_counted(store, cutter):
    *before, last = store.ids()

    class Ending:
        meta = staticmethod(store.meta)

        def ids(self):
            labels.add(last)  # as its recorder does, in another thread
            return before

    labels = LabelCounter(Ending(), cutter)
    assert labels.add_all() == []
    assert (labels.episodes, labels.total) == (5, 5 * LABELS)
