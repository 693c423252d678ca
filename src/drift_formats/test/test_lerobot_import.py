"""A set that lerobot 0.6.1 has written (`acceptance/lerobot/theirs/write_set.py`) as episodes."""

import json
import re
import shutil
import struct
import tracemalloc
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from drift_config.loader import parse
from drift_control.robot.pose import pose_to_action
from drift_core.data.windows import cut_windows
from drift_core.episodes import Episode, EpisodeStore
from drift_core.errors import DataError
from drift_core.task import CameraConfig, TaskConfig
from drift_formats.format import Cell
from drift_formats.formats import format_of, lerobot
from drift_formats.importing import import_episodes
from drift_formats.lerobot.set_files import SetFiles
from drift_formats.lerobot.source_map import Columns, SourceMap
from recorded import PANDA

SET = Path(__file__).parent / "data" / "lerobot_0_6_1"
CAMERAS = (
    CameraConfig("front", "camera/front/image_raw", 24, 32, 0.0),
    CameraConfig("wrist", "camera/wrist/image_raw", 16, 16, 0.05),
)
CELL = Cell(PANDA, TaskConfig("lift", CAMERAS, 0.1, 2, 1, 1, "tcp_pose", 20.0, {}))
ROWS, EPISODES = "data/chunk-000/file-000.parquet", "meta/episodes/chunk-000/file-000.parquet"
HAND = "observation.images.hand"
DEGREES = 0.017453292519943295
JOINTS = [f"panda_joint{number}.pos" for number in range(1, 8)]
MAP = parse(
    {
        "joints": {"feature": "observation.state", "entries": JOINTS, "scale": DEGREES},
        "gripper": {"feature": "observation.state", "entries": [7], "scale": 0.0008},
        "action_joints": {"feature": "action", "entries": JOINTS, "scale": DEGREES},
        "action_gripper": {"feature": "action", "entries": ["hand.pos"], "scale": 0.0008},
        "cameras": {"front": "observation.images.top", "wrist": "observation.images.hand"},
    },
    SourceMap,
    "map",
)


def imported(source: Path, to: Path, cell: Cell = CELL, source_map: SourceMap = MAP) -> list[Episode]:
    store = EpisodeStore(to)
    done = list(import_episodes(source, store, cell, lerobot, source_map))
    return [store.read(one.episode_id) for one in done]


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    """A copy of the set to break."""
    shutil.copytree(SET, tmp_path / "set")
    return tmp_path / "set"


def change_info(folder: Path, change: Callable[[dict], None]) -> None:
    path = folder / "meta/info.json"
    info = json.loads(path.read_text())
    change(info)
    path.write_text(json.dumps(info))


def change_column(path: Path, name: str, values: list) -> None:
    table = pq.read_table(path)
    pq.write_table(table.set_column(table.column_names.index(name), name, pa.array(values)), path)


def add_column(folder: Path, name: str, values: np.ndarray) -> None:
    """Add numbers (N, width)."""
    path, width = folder / ROWS, values.shape[1]
    column = pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), width)
    pq.write_table(pq.read_table(path).append_column(name, column), path)
    described = {"dtype": "float64", "shape": [width], "names": None}
    change_info(folder, lambda info: info["features"].update({name: described}))


def test_a_set_of_lerobot_becomes_demonstrations_in_our_units(tmp_path):
    assert format_of(SET) == "lerobot"
    one, other = imported(SET, tmp_path / "store")
    assert re.fullmatch(r"lerobot_0_6_1_000000_[0-9a-f]{8}", one.meta.id)
    assert re.fullmatch(r"lerobot_0_6_1_000001_[0-9a-f]{8}", other.meta.id)
    assert (one.meta.kind, one.meta.robot, one.meta.task) == ("demonstration", "panda", "lift")
    assert (one.meta.outcome, other.meta.outcome) == ("success", "failure")
    assert "stamps are frame_index / fps" in one.meta.drift_version
    # 12 rows at 30 Hz: the last one is 11/30 s after the first, its action 1/30 s later
    assert one.joints.stamp_s.tolist() == pytest.approx([row / 30 for row in range(12)])
    assert one.steps.stamp_s[-1] == pytest.approx(12 / 30)
    # write_set.py: home in degrees, swung by 20 sin(2 t) times 1, 0.5, ...; the hand at 50 % + swing
    swing = 20 * np.sin(2 * 11 / 30)
    assert np.degrees(one.joints.positions_rad[-1, :2]) == pytest.approx(
        [swing, np.degrees(-0.785) + swing / 2]
    )
    assert one.joints.gripper_m[-1] == pytest.approx(0.0008 * (50 + swing), abs=1e-7)
    assert np.array_equal(
        one.steps.action[3],
        pose_to_action(PANDA.forward(one.steps.commanded[3, :7]), one.steps.commanded[3, 7]),
    )


def test_another_set_of_the_same_folder_name_is_not_taken_for_this_one(tmp_path, changed):
    first = imported(changed, tmp_path / "store")
    again = list(import_episodes(changed, EpisodeStore(tmp_path / "store"), CELL, lerobot, MAP))
    assert [one.became for one in again] == ["known", "known"]
    path = changed / "data/chunk-000/file-000.parquet"
    rows = pq.read_table(path)
    action = np.stack(rows["action"].to_numpy()).astype(np.float32)
    action[-1, 0] += 1.0  # of the second episode, in degrees
    column = pa.FixedSizeListArray.from_arrays(action.reshape(-1), 8)
    pq.write_table(rows.set_column(rows.column_names.index("action"), "action", column), path)
    other = list(import_episodes(changed, EpisodeStore(tmp_path / "store"), CELL, lerobot, MAP))
    assert [one.became for one in other] == ["known", "new"]
    assert other[0].episode_id == first[0].meta.id and other[1].episode_id != first[1].meta.id


def test_pictures_come_as_they_were_and_are_made_to_fit_the_task(tmp_path):
    one, _ = imported(SET, tmp_path / "store")
    y, x = np.mgrid[:24, :32]
    blue = 128 + 60 * np.sin((x + y + 5) / 6)
    written = np.clip(np.stack([4 * x + 10, 5 * y, blue], axis=-1), 0, 255).astype(np.uint8)
    assert np.array_equal(one.frames["front"].image(5), written)  # PNG: to the bit
    assert one.frames["wrist"].image(5).shape == (16, 16, 3)  # of 32 x 32, from the video
    # a picture stands for stamp - latency: that is the time of its row
    assert one.frames["wrist"].stamp_s[5] == pytest.approx(5 / 30 + 0.05)


def test_only_pictures_of_another_size_are_said_to_have_been_made_to_fit(changed, tmp_path):
    def channels_first(info: dict) -> None:
        for column in ("observation.images.top", "observation.images.hand"):
            height, width, colours = info["features"][column]["shape"]
            info["features"][column]["shape"] = [colours, height, width]

    change_info(changed, channels_first)
    one, _ = import_episodes(changed, EpisodeStore(tmp_path / "store"), CELL, lerobot, MAP)
    assert "observation.images.top" not in one.remark  # it has the 32x24 of the task
    assert "observation.images.hand of 32x32 was made to fit" in one.remark


def test_video_is_read_at_the_right_pictures_of_the_right_episode(tmp_path):
    cell = Cell(
        PANDA, TaskConfig("lift", (CameraConfig("wrist", "w", 32, 32, 0.0),), 0.1, 2, 1, 1, "tcp_pose", 9, {})
    )
    _, other = imported(SET, tmp_path / "store", cell)
    y, x = np.mgrid[:32, :32]
    for row in (0, 1, 11):
        written = np.stack([4 * x + 2 * row, 5 * y + 40, 128 + 60 * np.sin((x + y + row) / 6)], axis=-1)
        error = other.frames["wrist"].image(row) - np.clip(written, 0, 255)
        assert (
            np.sqrt((error**2).mean()) < 7
        )  # AV1 at its defaults; another row is 11 off, another episode 30


def test_windows_are_cut_from_it_as_from_any_demonstration(tmp_path):
    one, _ = imported(SET, tmp_path / "store")
    task = CELL.task
    windows = cut_windows(one, task.observation_spec(7), PANDA.state, task.latency_s, 2, "tcp_pose")
    assert windows.t_ref_s.tolist() == pytest.approx([0.0, 0.1, 0.2, 0.3, 11 / 30])
    assert windows.mask.tolist() == [[True, True], [True, True], [True, True], [True, False], [False, False]]
    # the label of t = 0 is the set-point of row 2, which is due at 0.1 s
    assert windows.actions[0, 0, :3] == pytest.approx(one.steps.action[2, :3], abs=1e-6)


def test_without_a_map_it_says_what_must_be_named_and_what_there_is(tmp_path):
    with pytest.raises(DataError) as error:
        imported(SET, tmp_path / "store", source_map=SourceMap())
    assert "where is action_joints? action does not have the names panda_joint1" in str(error.value)
    assert "say it in the map (--map; drift data import --templates begins one), like" in str(error.value)
    assert "observation.state (panda_joint1.pos, panda_joint2.pos" in str(error.value)


def test_degrees_are_not_taken_for_radians(tmp_path):
    wrong = replace(MAP, joints=replace(MAP.joints, scale=1.0))
    with pytest.raises(DataError, match="beyond its limits .* rad: is it in degrees"):
        imported(SET, tmp_path / "store", source_map=wrong)
    wrong = replace(MAP, gripper=replace(MAP.gripper, scale=1.0))
    with pytest.raises(DataError, match=r"the gripper goes from 50 to .*, beyond 0 .. 0.08 m"):
        imported(SET, tmp_path / "store", source_map=wrong)


def test_units_of_what_the_arm_was_told_are_checked_as_those_of_what_it_did(tmp_path, changed):
    wrong = replace(MAP, action_joints=replace(MAP.action_joints, scale=1.0))
    with pytest.raises(DataError, match=r"action_joints \(action\): joint .* is it in degrees"):
        imported(SET, tmp_path / "store", source_map=wrong)
    wrong = replace(MAP, action_gripper=replace(MAP.action_gripper, scale=1.0))
    with pytest.raises(DataError, match=r"action_gripper \(action\): the gripper goes from 51.3 to 64.3"):
        imported(SET, tmp_path / "store", source_map=wrong)
    add_column(changed, "pose", np.tile([0.4, 0, 0.4, 1, 0, 0, 0, 1, 0, 8.0], (24, 1)))  # opening in cm
    pose = replace(MAP, action_joints=None, action_gripper=None, action_pose=Columns("pose"))
    with pytest.raises(
        DataError, match=r"action_pose \(pose\): the gripper goes from 8 to 8, beyond 0 .. 0.08"
    ):
        imported(changed, tmp_path / "store", source_map=pose)


@pytest.mark.parametrize("key", ["joints", "gripper", "action_joints", "action_gripper", "action_pose"])
def test_what_is_not_finite_is_refused_wherever_it_stands(tmp_path, changed, key):
    width = {"gripper": 1, "action_gripper": 1, "action_pose": 10}.get(key, 7)
    values = np.zeros((24, width))
    values[17, -1] = np.nan
    add_column(changed, "other", values)
    with pytest.raises(DataError, match=rf"{key} \(other\) must be finite in all rows"):
        imported(changed, tmp_path / "store", source_map=replace(MAP, **{key: Columns("other")}))


def test_a_map_that_names_what_cannot_be_is_refused(tmp_path, changed):
    change_info(changed, lambda info: info["features"].update(note={"dtype": "string", "shape": [1]}))
    with pytest.raises(DataError, match="has no column 'note' of numbers"):
        imported(changed, tmp_path / "store", source_map=replace(MAP, gripper=Columns("note")))
    walk = Cell(None, TaskConfig("walk", (), 0.1, 8, 1, 4, "point", 6.0, {}))
    pose = SourceMap(joints=Columns("observation.state", (0, 1)), action_pose=Columns("action"))
    with pytest.raises(DataError, match="action_pose does not tell actions of point, as task walk needs"):
        imported(changed, tmp_path / "store", walk, pose)


def test_a_set_that_is_slower_than_the_policy_is_refused(tmp_path, changed):
    change_info(changed, lambda info: info.update(fps=5))
    with pytest.raises(DataError, match="fps=5 must be at least the 10 policy steps a second of task lift"):
        imported(changed, tmp_path / "store")


def to_v2_1(source: Path, target: Path) -> None:
    """Write the set as lerobot 0.3 had it: a file for each episode, descriptions as JSON lines."""
    (target / "meta").mkdir(parents=True)
    info = json.loads((source / "meta/info.json").read_text())
    info |= {
        "codebase_version": "v2.1",
        "data_path": "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet",
        "video_path": "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4",
    }
    (target / "meta/info.json").write_text(json.dumps(info))
    tasks = pq.read_table(source / "meta/tasks.parquet").to_pylist()
    (target / "meta/tasks.jsonl").write_text("\n".join(map(json.dumps, tasks)))
    rows = pq.read_table(source / "data/chunk-000/file-000.parquet")
    lines = []
    for episode in range(2):
        part = rows.filter(pa.compute.equal(rows["episode_index"], episode))
        lines.append(json.dumps({"episode_index": episode, "tasks": [], "length": len(part)}))
        path = target / f"data/chunk-000/episode_{episode:06d}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(part, path)
        video = target / f"videos/chunk-000/observation.images.hand/episode_{episode:06d}.mp4"
        video.parent.mkdir(parents=True, exist_ok=True)
        cut(source / "videos/observation.images.hand/chunk-000/file-000.mp4", video, 12 * episode, 12)
    (target / "meta/episodes.jsonl").write_text("\n".join(lines))


def cut(source: Path, target: Path, first: int, count: int) -> None:
    """Copy pictures of a video whose every second one is a keyframe, without coding them anew."""
    with av.open(str(source)) as video, av.open(str(target), "w") as output:
        stream = output.add_stream_from_template(video.streams.video[0], opaque=True)
        begin = None
        for number, packet in enumerate(packet for packet in video.demux(video=0) if packet.pts is not None):
            if first <= number < first + count:
                begin = packet.pts if begin is None else begin
                packet.pts, packet.dts, packet.stream = packet.pts - begin, packet.dts - begin, stream
                output.mux(packet)


def test_v2_1_gives_the_same_episodes(tmp_path):
    to_v2_1(SET, tmp_path / "old" / "lerobot_0_6_1")
    new = imported(SET, tmp_path / "store")
    old = imported(tmp_path / "old" / "lerobot_0_6_1", tmp_path / "old_store")
    for one, other in zip(new, old, strict=True):
        assert one.meta.id == other.meta.id
        assert np.array_equal(one.joints.positions_rad, other.joints.positions_rad)
        assert np.array_equal(one.steps.action, other.steps.action)
        for camera in ("front", "wrist"):
            for row in (0, 11):
                assert np.array_equal(one.frames[camera].image(row), other.frames[camera].image(row))


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (lambda s: (s / "meta/info.json").write_text("{"), r"meta/info.json: cannot be read"),
        (
            lambda s: change_info(s, lambda info: info.update(codebase_version="v4.0")),
            "codebase_version='v4.0' must be v3.0, v2.1 or v2.0",
        ),
        (
            lambda s: change_info(s, lambda info: info.update(data_path="../../{chunk_index}.parquet")),
            "data_path='../../{chunk_index}.parquet' must be 'data/chunk-",
        ),
        (
            lambda s: change_info(s, lambda info: info["features"].update({"../x": {"dtype": "video"}})),
            "the name '../x' must have letters, digits",
        ),
        (
            lambda s: change_info(s, lambda info: info["features"]["action"].update(shape=[9])),
            "action must have 9 numbers in each row",
        ),
        (
            lambda s: change_info(
                s, lambda info: info["features"]["observation.images.top"].update(shape=[48, 64, 3])
            ),
            r"observation.images.top must be \(48, 64, 3\) as .* says, is \(24, 32, 3\)",
        ),
        (
            lambda s: truncate(s / "data/chunk-000/file-000.parquet"),
            "data/chunk-000/file-000.parquet: cannot be read",
        ),
        (
            lambda s: truncate(s / "videos/observation.images.hand/chunk-000/file-000.mp4"),
            r"file-000.mp4: (cannot be read|ends at)",
        ),
        (
            lambda s: (s / "videos/observation.images.hand/chunk-000/file-000.mp4").unlink(),
            "file-000.mp4: cannot be read",
        ),
        (lambda s: shutil.rmtree(s / "meta/episodes"), "meta/episodes: has no file of episodes"),
        (
            lambda s: change_column(s / EPISODES, "data/chunk_index", [None, 0]),
            f"{EPISODES}: data/chunk_index=None must be there",
        ),
        (
            lambda s: change_column(s / EPISODES, "data/file_index", ["first", "first"]),
            f"{EPISODES}: data/file_index='first' must be there and be a int",
        ),
        (
            lambda s: change_column(s / EPISODES, "length", [None, 12]),
            f"{EPISODES}: length=None must be there",
        ),
        (
            lambda s: change_column(s / EPISODES, "length", [10**12, 12]),
            rf"{EPISODES}: length=1000000000000 must lie in \[0, 1000000000\]",
        ),
        (
            lambda s: change_column(s / EPISODES, f"videos/{HAND}/from_timestamp", [None, 0.4]),
            f"{EPISODES}: videos/{HAND}/from_timestamp=None must be there",
        ),
        (
            lambda s: change_column(s / EPISODES, f"videos/{HAND}/from_timestamp", [float("nan"), 0.4]),
            f"{EPISODES}: videos/{HAND}/from_timestamp=nan must lie in",
        ),
        (
            lambda s: change_column(
                s / ROWS, "observation.images.top", [{"bytes": huge_png(), "path": ""}] * 24
            ),
            f"{ROWS}: observation.images.top: a picture cannot be decoded",
        ),
        (
            lambda s: change_info(s, lambda info: info["features"]["timestamp"].update(shape=[7])),
            f"{ROWS}: timestamp must have 7 numbers in each row",
        ),
        (
            lambda s: change_column(s / ROWS, "action", [[0.0] * 7, [0.0] * 9] * 12),
            f"{ROWS}: action must have 8 numbers in each row",
        ),
        (
            lambda s: add_column(s, "intervention", np.ones((24, 2))),
            r"features: intervention: shape=\[2\] must be \[1\]",
        ),
    ],
)
def test_what_is_broken_is_named_and_nothing_half_is_left(tmp_path, changed, break_it, said):
    break_it(changed)
    with pytest.raises(DataError, match=said):
        imported(changed, tmp_path / "store")
    assert EpisodeStore(tmp_path / "store").ids() == [] and EpisodeStore(tmp_path / "store").open_ids() == []


def huge_png() -> bytes:
    """Return a PNG of 70000 x 70000 that has no pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", 70_000, 70_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def test_a_length_that_is_not_so_takes_no_memory(changed):
    files = SetFiles(changed)
    entry = replace(next(files.entries()), length=2_000_000)
    tracemalloc.start()
    with pytest.raises(DataError, match="episode 0 must have the rows 0 to 1999999, has 12"):
        files.rows(entry, [])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4_000_000  # a list of the numbers would be 78 MB


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
