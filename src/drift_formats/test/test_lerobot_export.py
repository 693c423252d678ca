"""Episodes as sets: the grid, the columns, the files. What LeRobot makes of them: `make interop`."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from drift_core.data.windows import cut_windows
from drift_core.episodes import Episode, Rewards, StepSource
from drift_core.episodes.images import LOSSLESS
from drift_core.errors import DataError
from drift_formats.format import Cell
from drift_formats.formats import lerobot
from drift_formats.lerobot.export import ExportOptions
from drift_formats.lerobot.rows import episode_rows
from drift_formats.lerobot.set_files import SetFiles
from drift_formats.lerobot.stamps import to_ns, to_s
from hypothesis import given
from hypothesis import strategies as st
from recorded import JOINTS, PANDA, PLACE, START_S, WALK, picture, record

POLICY, EXPERT = StepSource.POLICY, StepSource.EXPERT


def export(folder: Path, *episodes: tuple[Cell, Episode], options: ExportOptions | None = None) -> list[str]:
    said: list[str] = []
    folder.mkdir(parents=True)
    lerobot.export(episodes, folder, options or ExportOptions(), said.append)
    return said


def rows_of(folder: Path) -> dict[str, list]:
    return pq.read_table(folder / "data/chunk-000/file-000.parquet").to_pydict()


def test_a_row_is_a_training_window(tmp_path):
    # frames every 1/30 s with a jitter: the rows are where the windows are, a policy step of 0.1 s apart
    random = np.random.default_rng(1)
    frame_s = START_S + np.arange(31) / 30 + random.uniform(-0.004, 0.004, 31)
    episode = record(tmp_path, frame_s=frame_s)
    rows = episode_rows(PLACE, episode)
    task = PLACE.task
    windows = cut_windows(
        episode, task.observation_spec(7), PANDA.state, task.latency_s, task.horizon, task.action_space
    )
    assert np.array_equal(rows.t_ref_s, windows.t_ref_s)
    assert np.array_equal(rows.state, windows.state[:, -1])
    assert np.array_equal(rows.action, windows.actions[:, 0])
    assert np.array_equal(rows.by_expert, windows.mask[:, 0])
    shown = windows.frames["front"].images()[windows.frame_rows[windows.frame_index[:, -1], 0]]
    assert np.array_equal(rows.frames["front"].images(), shown)


def test_the_action_is_the_guarded_command_a_policy_step_after_the_observation(tmp_path):
    episode = record(tmp_path)
    export(tmp_path / "set", (PLACE, episode))
    rows = rows_of(tmp_path / "set")
    # the first frame that joints are known for is that of 0.1 s, which stands for 0.09 (latency 0.01)
    assert np.diff([rows["drift.observation_stamp_ns"][0], int(START_S) * 10**9]) == pytest.approx(
        -9e7, abs=500
    )
    assert rows["drift.action_stamp_ns"][0] - int(START_S) * 10**9 == pytest.approx(1.9e8, abs=500)
    before, after = episode.steps.action[9], episode.steps.action[10]  # at 0.18 and 0.20 s
    assert rows["action"][0][:3] == pytest.approx(((before + after) / 2)[:3], abs=1e-6)
    assert rows["drift.step.seq"][0] == 9  # the control step that was due last


def test_indices_have_no_gap_and_time_is_index_over_rate(tmp_path):
    one, other = record(tmp_path, name="a"), record(tmp_path, name="b", seconds=0.6, outcome="failure")
    export(tmp_path / "set", (PLACE, one), (PLACE, other))
    rows = rows_of(tmp_path / "set")
    # frames at 0.1, 0.2, ... 1.0 s have joints at their time less 0.01: ten rows; of 0.6 s six
    assert rows["episode_index"] == [0] * 10 + [1] * 6
    assert rows["frame_index"] == [*range(10), *range(6)]
    assert rows["index"] == list(range(16))
    assert rows["timestamp"][10:] == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4, 0.5])
    assert [n for n, done in enumerate(rows["next.done"]) if done] == [9, 15]
    assert [n for n, success in enumerate(rows["next.success"]) if success] == [9]
    assert [n for n, reward in enumerate(rows["next.reward"]) if reward] == [9]
    file = pq.ParquetFile(tmp_path / "set/data/chunk-000/file-000.parquet")
    assert file.metadata.num_row_groups == 2
    episodes = pq.read_table(tmp_path / "set/meta/episodes/chunk-000/file-000.parquet").to_pylist()
    assert [(row["dataset_from_index"], row["dataset_to_index"]) for row in episodes] == [(0, 10), (10, 16)]
    info = json.loads((tmp_path / "set/meta/info.json").read_text())
    assert (info["fps"], info["total_episodes"], info["total_frames"]) == (10, 2, 16)
    assert (info["robot_type"], info["splits"]) == ("panda", {"train": "0:2"})


def test_a_score_is_the_reward_of_the_last_row(tmp_path):
    export(tmp_path / "set", (PLACE, record(tmp_path, outcome="failure", score=0.25)))
    assert rows_of(tmp_path / "set")["next.reward"][-2:] == [0.0, 0.25]


def test_rewards_of_steps_are_left_out_which_is_said(tmp_path):
    paid = replace(record(tmp_path), rewards=Rewards(np.array([1.0, 2.0]), np.array([0.5, 0.25])))
    said = export(tmp_path / "set", (PLACE, paid))
    assert f"{paid.meta.id}: 2 rewards of steps are left out: next.reward is the score" in said


def test_what_the_policy_wanted_is_a_column_and_said_where_the_set_has_none(tmp_path):
    before, one = record(tmp_path, name="a", wanted=False), record(tmp_path, name="b")
    assert not [said for said in export(tmp_path / "set", (PLACE, one)) if "drift.step" in said]
    rows = rows_of(tmp_path / "set")
    assert rows["drift.step.proposed_chunk_id"] == [8] * 10
    assert rows["drift.step.proposed"][0] == (one.steps.action[9] / 2).tolist()
    said = export(tmp_path / "mixed", (PLACE, before), (PLACE, one))
    left_out = "3 chunks of the policy are left out: a set has a place for what was wanted at each step only"
    assert said[:2] == ["b: drift.step.proposed is left out, a has nothing of it", f"b: {left_out}"]


def test_an_intervention_is_a_row_that_the_expert_drove_from_begin_to_end(tmp_path):
    driver = np.full(51, POLICY)
    driver[18:38] = EXPERT  # from 0.36 to 0.74 s
    episode = record(tmp_path, driver=driver, kind="intervention")
    export(tmp_path / "set", (PLACE, episode))
    rows = rows_of(tmp_path / "set")
    # observations at 0.09, 0.19, ...: driven through are 0.39 to 0.49, 0.49 to 0.59 and 0.59 to 0.69
    assert [n for n, by_expert in enumerate(rows["intervention"]) if by_expert] == [3, 4, 5]
    assert rows["drift.step.source"][2] == EXPERT  # took over within the row
    assert rows["drift.step.policy_version"] == [2] * 10


def test_no_column_of_ours_is_taken_for_an_input_or_an_output_of_a_policy(tmp_path):
    # lerobot 0.6.1, dataset_to_policy_features: whatever begins with "observation" or "action"
    export(tmp_path / "set", (PLACE, record(tmp_path)))
    taken = [
        name for name in SetFiles(tmp_path / "set").features if name.startswith(("observation", "action"))
    ]
    assert taken == ["observation.state", "action", "observation.images.front"]


def test_tasks_stand_in_the_order_of_their_numbers(tmp_path):
    push = replace(PLACE, task=replace(PLACE.task, name="push"))
    episodes = [
        (cell, record(tmp_path, cell, name, 0.3)) for cell, name in ((push, "a"), (PLACE, "b"), (push, "c"))
    ]
    export(tmp_path / "set", *episodes)
    assert SetFiles(tmp_path / "set").tasks == ["push", "place"]
    assert rows_of(tmp_path / "set")["task_index"] == [0] * 3 + [1] * 3 + [0] * 3


def test_rows_before_the_first_command_are_left_out_and_later_the_last_one_is_held(tmp_path):
    episode = record(tmp_path)
    for command in (episode.steps.action, episode.steps.commanded):
        command[:20] = np.nan  # until 0.4 s
        command[30:] = np.nan  # from 0.6 s on
    rows = episode_rows(PLACE, episode)
    assert rows.due_s[0] - START_S == pytest.approx(0.49)
    assert np.allclose(rows.action[-1], episode.steps.action[29], atol=1e-6)
    assert not rows.by_expert[-1]


def test_an_episode_without_a_command_gives_no_row_and_says_so(tmp_path):
    episode = record(tmp_path)
    episode.steps.action[:] = np.nan
    with pytest.raises(DataError, match="episode m0: has no row: no command is in it"):
        episode_rows(PLACE, episode)


def test_an_episode_whose_only_command_came_after_its_observations_gives_no_row_and_says_so(tmp_path):
    episode = record(tmp_path, frame_s=START_S + np.arange(5) / 10)  # until 0.4 s
    episode.steps.action[:45] = np.nan  # until 0.9 s
    with pytest.raises(DataError, match="episode m0: has no row: its first command is after all of its obs"):
        episode_rows(PLACE, episode)


def test_a_hole_in_the_frames_is_said(tmp_path):
    frame_s = START_S + np.delete(np.arange(11) / 10, [4, 5])
    said = export(tmp_path / "set", (PLACE, record(tmp_path, frame_s=frame_s)))
    assert said[0] == "m0: 1 times rows follow one another with a hole in time between them"


def test_joint_positions_and_points_have_their_own_actions(tmp_path):
    episode = record(tmp_path, JOINTS)
    export(tmp_path / "joints", (JOINTS, episode))
    features = SetFiles(tmp_path / "joints").features
    assert features["action"].names == (*PANDA.config.joint_names, "gripper")
    export(tmp_path / "points", (WALK, record(tmp_path, WALK, "w0")))
    features = SetFiles(tmp_path / "points").features
    assert features["action"].names == features["observation.state"].names == ("x", "y")


def test_pictures_keep_the_size_in_which_they_were_recorded(tmp_path):
    small = replace(
        PLACE, task=replace(PLACE.task, cameras=(replace(PLACE.task.cameras[0], height=8, width=8),))
    )
    export(tmp_path / "set", (small, record(tmp_path)))
    assert SetFiles(tmp_path / "set").features["observation.images.front"].shape == (16, 24, 3)


def test_what_does_not_go_into_one_set_is_refused(tmp_path):
    one = record(tmp_path, name="a")
    other = replace(one, meta=replace(one.meta, id="b", robot="ur5e"))
    with pytest.raises(DataError, match="episode b: robot must be panda as in a, is ur5e"):
        export(tmp_path / "set", (PLACE, one), (PLACE, other))
    wide = replace(PLACE, task=replace(PLACE.task, cameras=(replace(PLACE.task.cameras[0], width=32),)))
    with pytest.raises(DataError, match="cameras must be front 24x16 as in a, are front 32x16"):
        export(tmp_path / "sizes", (PLACE, one), (wide, record(tmp_path, wide, "c")))
    bare = replace(PLACE, task=replace(PLACE.task, name="bare", cameras=()))
    with pytest.raises(
        DataError,
        match="episode w: cameras must be front 24x16 as in a, are none: .*; drift data split --by task",
    ):
        export(tmp_path / "bare", (PLACE, one), (bare, record(tmp_path, bare, "w")))
    push = replace(JOINTS, task=replace(JOINTS.task, name="push"))
    with pytest.raises(
        DataError,
        match="episode j: action must be tcp_x, .*, gripper as in a, is panda_joint1, .*; drift data split",
    ):
        export(tmp_path / "spaces", (PLACE, one), (push, record(tmp_path, push, "j")))
    odd = replace(PLACE, task=replace(PLACE.task, dt_s=0.15))
    with pytest.raises(DataError, match="dt_s=0.15 of the task must be 1 / n s"):
        export(tmp_path / "odd", (odd, one))


@pytest.mark.parametrize(
    ("options", "db"), [({}, 45.0), ({"codec": "h264"}, 40.0), ({"codec": "h264_444", "crf": 10}, 45.0)]
)
def test_cameras_as_video_come_back_in_their_order(tmp_path, options, db):
    cell = replace(
        PLACE, task=replace(PLACE.task, cameras=(replace(PLACE.task.cameras[0], height=64, width=96),))
    )
    one, other = record(tmp_path, cell, "a", 0.7), record(tmp_path, cell, "b", 0.5)
    y, x = np.mgrid[:64, :96]

    def smooth(number: int) -> np.ndarray:
        return np.stack([2 * x + 4 * number, 3 * y, 100 + 8 * number + 0 * x], axis=-1).astype(np.uint8)

    for episode in (one, other):
        frames = episode.frames["front"]
        encoded = [LOSSLESS.encode(smooth(number)) for number in range(len(frames))]
        episode.frames["front"] = replace(frames, encoded=encoded, encoding=["png"] * len(frames))
    settings = ExportOptions(cameras="video", **options)
    export(tmp_path / "set", (cell, one), (cell, other), options=settings)
    files = SetFiles(tmp_path / "set")
    entries = list(files.entries())
    assert [entry.videos["observation.images.front"][1] for entry in entries] == [0.0, 0.7]
    for entry, count in zip(entries, (7, 5), strict=True):
        found = list(files.pictures(entry, None, "observation.images.front"))
        assert len(found) == count
        for number, image in enumerate(found, start=1):  # the first frame is before the first joints
            error = image.astype(float) - smooth(number)
            assert 10 * np.log10(255**2 / (error**2).mean()) > db - 10


def test_each_camera_has_its_own_pictures(tmp_path):
    wrist = replace(PLACE.task.cameras[0], name="wrist", height=8, width=8)
    cell = replace(PLACE, task=replace(PLACE.task, cameras=(*PLACE.task.cameras, wrist)))
    export(tmp_path / "set", (cell, record(tmp_path, cell)))
    files = SetFiles(tmp_path / "set")
    (entry,) = files.entries()
    for camera, height, width in (("front", 16, 24), ("wrist", 8, 8)):
        column = f"observation.images.{camera}"
        found = list(files.pictures(entry, files.rows(entry, [column])[1], column))
        assert np.array_equal(found[0], picture(1, height, width))


def test_pictures_of_odd_sides_are_no_video_and_the_message_says_what_helps(tmp_path):
    cell = replace(PLACE, task=replace(PLACE.task, cameras=(replace(PLACE.task.cameras[0], width=23),)))
    episode = record(tmp_path, cell)
    with pytest.raises(
        DataError, match="23x16 must have even sides .* use cameras: images, or codec: h264_444"
    ):
        export(tmp_path / "set", (cell, episode), options=ExportOptions(cameras="video"))


@given(st.floats(2.0**23, 4.0e9))
def test_a_stamp_of_today_survives_as_nanoseconds_to_the_bit(stamp_s):
    assert to_s(to_ns(np.array([stamp_s])))[0] == stamp_s


@given(st.floats(0.0, 2.0**23))
def test_a_stamp_of_a_simulation_is_kept_to_half_a_nanosecond(stamp_s):
    assert to_s(to_ns(np.array([stamp_s])))[0] == pytest.approx(stamp_s, abs=1.5e-9, rel=0)


def test_pictures_are_the_same_to_the_bit(tmp_path):
    export(tmp_path / "set", (PLACE, record(tmp_path)))
    files = SetFiles(tmp_path / "set")
    (entry,) = files.entries()
    _, table = files.rows(entry, ["observation.images.front"])
    for number, image in enumerate(files.pictures(entry, table, "observation.images.front"), start=1):
        assert np.array_equal(image, picture(number))
