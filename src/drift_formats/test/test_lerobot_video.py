"""Video beside a robot at work: the encoder's threads do not come before those of the control loop."""

import os
from pathlib import Path

import numpy as np
import pytest
from drift_formats.lerobot.features import Feature
from drift_formats.lerobot.scheduling import as_scheduled
from drift_formats.lerobot.video import Coding, VideoWriter, read_pictures


def schedules():
    """Return policy and priority of all threads."""
    tasks = [int(task.name) for task in Path("/proc/self/task").iterdir()]
    return {(os.sched_getscheduler(task), os.sched_getparam(task).sched_priority) for task in tasks}


@pytest.mark.parametrize("encoder", ["libsvtav1", "libx264"])
def test_neither_the_encoder_nor_who_calls_it_becomes_a_real_time_thread(encoder, tmp_path):
    before, threads = schedules(), len(os.listdir("/proc/self/task"))
    feature = Feature("observation.images.front", "video", (64, 96, 3), ("height", "width", "channels"))
    writer = VideoWriter(tmp_path, feature, 10, Coding(encoder, "yuv420p", 30, 2))
    writer.begin_episode()
    pictures = [np.full((64, 96, 3), 40 * n, np.uint8) for n in range(5)]
    for picture in pictures:
        writer.add(picture)
    assert schedules() <= before | {(os.SCHED_OTHER, 0)}
    assert encoder == "libx264" or len(os.listdir("/proc/self/task")) > threads + 1  # it has some of its own
    writer.close()
    assert schedules() <= before | {(os.SCHED_OTHER, 0)}
    (file,) = tmp_path.rglob("*.mp4")
    seen = list(read_pictures(file, 0.0, 10, 5))
    assert np.abs(np.array(seen, float) - np.array(pictures, float)).max() <= 4


@pytest.fixture
def own():
    """Policy and priority of the thread of the test, which it has again afterwards."""
    policy, priority = own = scheduled()
    yield own
    os.sched_setscheduler(0, policy, os.sched_param(priority))


def scheduled():
    return os.sched_getscheduler(0), os.sched_getparam(0).sched_priority


def test_a_thread_that_was_a_batch_job_before_is_one_after_the_block_which_any_user_may_ask_for(own):
    os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    with as_scheduled():
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    assert scheduled() == (os.SCHED_BATCH, 0)


def test_a_thread_that_was_a_real_time_one_before_stays_so_and_who_may_not_be_one_does_not_become_one(own):
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(3))
    except PermissionError:
        before = own
    else:
        before = os.SCHED_FIFO, 3
    with as_scheduled():
        try:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(5))
        except PermissionError:
            assert before == own
    assert scheduled() == before
