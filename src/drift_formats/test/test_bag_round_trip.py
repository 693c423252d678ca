"""Episode, bag, episode: every number is there again, and others read the bag."""

from dataclasses import fields, replace

import numpy as np
import pytest
from drift_core.episodes import EpisodeStore, EpisodeWriter, StepRecord, StepSource
from drift_core.errors import DataError
from drift_formats.bags.topic_map import TopicMap
from drift_formats.exporting import export_episodes
from drift_formats.formats import format_of, lerobot, rosbag2
from drift_formats.importing import import_episodes
from mcap.reader import make_reader
from recorded import JOINTS, PLACE, START_S, WALK, picture, record
from rosbags.highlevel import AnyReader


def exported(folder, cell, *names, **options):
    said = []
    settings = rosbag2.ExportOptions(**options)
    export_episodes(
        EpisodeStore(folder),
        names or ["m0"],
        lambda meta: cell,
        folder / ".bags",
        rosbag2,
        settings,
        said.append,
    )
    return folder / ".bags", said


def imported(bags, cell, folder):
    store = EpisodeStore(folder)
    done = list(import_episodes(bags, store, cell, rosbag2, TopicMap()))
    return [store.read(each.episode_id) for each in done], [each.remark for each in done]


def assert_same(one, other):
    def described(episode):
        return replace(episode.meta, files=())

    assert described(one) == described(other)
    for field in fields(one.steps):
        np.testing.assert_array_equal(getattr(one.steps, field.name), getattr(other.steps, field.name))
    for field in fields(one.joints):
        np.testing.assert_array_equal(getattr(one.joints, field.name), getattr(other.joints, field.name))
    for field in fields(one.chunks):
        of_one, of_other = (list(getattr(episode.chunks, field.name)) for episode in (one, other))
        assert len(of_one) == len(of_other)
        for here, there in zip(of_one, of_other, strict=True):
            np.testing.assert_array_equal(here, there, err_msg=field.name)
    assert one.frames.keys() == other.frames.keys()
    for name, frames in one.frames.items():
        np.testing.assert_array_equal(frames.stamp_s, other.frames[name].stamp_s)
        np.testing.assert_array_equal(frames.arrival_s, other.frames[name].arrival_s)
        for index in range(len(frames)):
            np.testing.assert_array_equal(frames.image(index), other.frames[name].image(index))


@pytest.mark.parametrize("options", [{}, {"images": "png", "compression": "lz4"}, {"compression": "none"}])
@pytest.mark.parametrize("cell", [PLACE, JOINTS, WALK], ids=["poses", "joints", "point"])
def test_an_episode_comes_back_with_every_number(tmp_path, cell, options):
    driver = np.repeat([StepSource.POLICY, StepSource.EXPERT, StepSource.HOLD], 17)
    recorded = record(
        tmp_path, cell, driver=driver, seed=3, kind="intervention", outcome="failure", score=0.3
    )
    bags, said = exported(tmp_path, cell, **options)
    assert said == [] and format_of(bags) == "rosbag2"
    assert rosbag2.origin(bags) == (recorded.meta.robot, recorded.meta.task)
    (again,), remarks = imported(bags, cell, tmp_path / "again")
    assert remarks == [""]
    assert_same(recorded, again)


def test_what_was_never_known_and_clocks_that_were_set_back_come_back(tmp_path):
    meta = replace(record(tmp_path).meta, id="odd", files=(), outcome="unknown", steps=0)
    with EpisodeWriter(tmp_path, meta) as writer:
        for seq, stamp_s in enumerate((START_S, START_S + 0.02, START_S - 100.0, START_S - 99.98)):
            known = np.arange(8.0) if seq % 2 else None
            action = np.arange(10.0) + seq
            writer.add_step(
                StepRecord(stamp_s, seq, 2, 1, 1, 2**40, 2**32 - 1, -1.0, np.arange(8.0), known, action, 511)
            )
        # 100 s of a steady clock that began long before, and stamps that jump in the middle
        for n, stamp_s in enumerate((START_S, START_S + 0.01, START_S - 100.0)):
            writer.add_joints(np.linspace(0.1, 0.7, 7) * n, 0.1 / 3, stamp_s, 8123.456789012 + n / 100)
        writer.add_frame("front", picture(1), START_S, 8123.456789013)
        writer.close("unknown")
    recorded = EpisodeStore(tmp_path).read("odd")
    bags, said = exported(tmp_path, PLACE, "odd")
    assert said == []
    (again,), remarks = imported(bags, PLACE, tmp_path / "again")
    assert remarks == [""]
    assert_same(recorded, again)
    assert np.isnan(again.steps.measured[0]).all() and again.steps.chunk_id[0] == 2**40


def test_what_a_bag_does_not_carry_is_said(tmp_path):
    meta = replace(record(tmp_path).meta, id="fine", files=(), outcome="unknown", steps=0)
    with EpisodeWriter(tmp_path, meta) as writer:
        vector = np.arange(8.0)
        writer.add_step(StepRecord(0.1 + 0.2, 0, 2, 1, 1, 0, 0, 0.1, vector, vector, np.arange(10.0), 0))
        writer.close("success")
    _, said = exported(tmp_path, PLACE, "fine")
    assert said == ["fine: chunk_age_s of 1 steps rounded to float32; 1 stamps rounded to nanoseconds"]


def test_rewards_of_steps_are_left_out_which_is_said(tmp_path):
    meta = replace(record(tmp_path).meta, id="paid", files=(), outcome="unknown", steps=0, rewarded=True)
    with EpisodeWriter(tmp_path, meta) as writer:
        vector = np.arange(8.0)
        writer.add_step(StepRecord(8.0, 0, 2, 1, 1, 0, 0, -1.0, vector, vector, np.arange(10.0), 0))
        writer.add_joints(np.arange(7.0), 0.0, 8.0, 8.0)
        writer.add_frame("front", picture(1), 8.0, 8.0)
        writer.add_reward(1.0, 8.5)
        writer.close("success")
    bags, said = exported(tmp_path, PLACE, "paid")
    assert said == ["paid: no message for 1 rewards of steps"]
    (again,), _ = imported(bags, PLACE, tmp_path / "again")
    assert again.rewards is None and not again.meta.rewarded


def test_rosbags_and_mcap_read_the_bag(tmp_path):
    recorded = record(tmp_path)
    bags, _ = exported(tmp_path, PLACE)
    with AnyReader([bags / "m0"]) as bag:
        assert bag.message_count == 51 + 101 + 11 + 3
        read = {}
        for connection, log_ns, data in bag.messages():
            read.setdefault(connection.topic, []).append((log_ns, bag.deserialize(data, connection.msgtype)))
    log_ns, image = read["/camera/front/image_raw"][3]
    assert (image.encoding, image.height, image.width, image.step) == ("rgb8", 16, 24, 72)
    np.testing.assert_array_equal(image.data.reshape(16, 24, 3), recorded.frames["front"].image(3))
    # it arrives 20 ms after its stamp; the first joint sample arrives as it is stamped
    stamp_ns = image.header.stamp.sec * 10**9 + image.header.stamp.nanosec
    assert abs(stamp_ns - 1_800_000_000_300_000_000) < 200 and abs(log_ns - stamp_ns - 20_000_000) < 400
    assert read["/joint_states"][0][0] == 1_800_000_000_000_000_000
    _, joints = read["/joint_states"][7]
    assert joints.name[0] == "panda_joint1" and joints.name[-1] == "gripper_opening"
    assert joints.position[-1] == 0.04 and joints.position[7:9].sum() == pytest.approx(0.04)
    assert [step.seq for _, step in read["/gate/step"]] == list(range(51))
    with (bags / "m0" / "m0_0.mcap").open("rb") as stream:
        times = [message.log_time for *_, message in make_reader(stream).iter_messages()]
    assert times == sorted(times) and len(times) == 166


def test_a_bag_becomes_an_episode_and_that_a_lerobot_set_with_the_same_windows(tmp_path):
    record(tmp_path, seconds=2.0)
    bags, _ = exported(tmp_path, PLACE)
    imported(bags, PLACE, tmp_path / "again")
    sets = []
    for store in (tmp_path, tmp_path / "again"):
        target = tmp_path / f".set_{len(sets)}"
        export_episodes(
            EpisodeStore(store), ["m0"], lambda meta: PLACE, target, lerobot, lerobot.ExportOptions(), print
        )
        back = EpisodeStore(tmp_path / f".back_{len(sets)}")
        list(import_episodes(target, back, PLACE, lerobot, lerobot.SourceMap()))
        sets.append(back.read("m0"))
    assert_same(replace(sets[0], meta=sets[1].meta), sets[1])
    assert len(sets[0].steps) > 10


def test_a_bag_of_another_robot_or_task_is_refused(tmp_path):
    record(tmp_path)
    bags, _ = exported(tmp_path, PLACE)
    lift = replace(PLACE, task=replace(PLACE.task, name="lift"))
    with pytest.raises(DataError, match="m0: task=place of the bag must be lift"):
        imported(bags, lift, tmp_path / "other")
    faster = replace(PLACE, task=replace(PLACE.task, dt_s=0.05))
    with pytest.raises(DataError, match="m0: dt_s=0.1 of the bag must be 0.05"):
        imported(bags, faster, tmp_path / "other")
    assert EpisodeStore(tmp_path / "other").ids() == []
