"""Whatever is wrong with an episode is a row that names file and key."""

import json

import numpy as np
import pyarrow as pa
import pytest
from drift_core.episodes import EpisodeMeta, EpisodeWriter, StepRecord
from drift_core.episodes.check import check_episode
from drift_core.observation.spec import CameraSpec

META = EpisodeMeta(
    id="e1", robot="panda", task="place", seed=7, kind="intervention", cameras=(CameraSpec("top", 8, 6),),
    dt_s=0.1, started_s=100.0,
)  # fmt: skip


def step(n):
    q = np.full(8, 0.01 * n)
    return StepRecord(100.0 + n / 50, n, 2, 1, 1, 0, 0, -1.0, q, q, np.full(10, 0.1 * n), 0)


@pytest.fixture
def episode(tmp_path):
    """One second: 50 control steps, 50 joint samples, 10 frames."""
    with EpisodeWriter(tmp_path, META) as writer:
        for n in range(50):
            writer.add_step(step(n))
            writer.add_joints(np.full(7, 0.01 * n), 0.04, 100.0 + n / 50, 5.0 + n / 50)
            if n % 5 == 0:
                writer.add_frame("top", np.full((8, 6, 3), n, np.uint8), 100.0 + n / 50, 5.0 + n / 50)
        return writer.close("success")


def rows_of(path):
    return [(p.file, p.key, p.text, p.broken) for p in check_episode(path)]


def change(path, table, **columns):
    """Write other values into columns, as another recorder might have; there are no digests then."""
    file = path / f"{table}.arrow"
    rows = pa.ipc.open_file(file.read_bytes()).read_all()
    for name, of in columns.items():
        column = rows.schema.get_field_index(name)
        values = pa.array(of(rows[name].to_pylist()), rows.schema.field(name).type)
        rows = rows.set_column(column, rows.schema.field(name), values)
    with pa.ipc.new_file(file, rows.schema) as written:
        written.write_table(rows)
    meta = json.loads((path / "episode.json").read_text())
    meta["files"] = []
    (path / "episode.json").write_text(json.dumps(meta))


def found_beside_digests(path):
    return [row for row in rows_of(path) if row[1] != "files"]


def put(values, **at):
    for index, value in at.items():
        values[int(index[1:])] = value
    return values


def test_an_episode_as_it_was_recorded_has_no_problem(episode):
    assert rows_of(episode) == []


def test_a_file_of_another_size_or_content_than_when_it_was_finished_is_named(episode):
    file = episode / "joints.arrow"
    content = file.read_bytes()
    file.write_bytes(content[:-1])
    size = f"{len(content) - 1} bytes, must be {len(content)} as when the episode was finished"
    assert rows_of(episode)[0] == ("joints.arrow", "", size, True)
    file.write_bytes(content.replace(b"ARROW1\0\0", b"ARROW1\0\1"))
    (row,) = rows_of(episode)
    assert row[0] == "joints.arrow" and row[2].startswith("SHA-256 ")


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("id", "other", "id='other' must be 'e1', as the folder is called"),
        ("steps", 49, "steps=49 must be 50, as steps.arrow says"),
        ("expert_steps", 0, "expert_steps=0 must be 50, as steps.arrow says"),
        ("interventions", 2, "interventions=2 must be 1, as steps.arrow says"),
        ("policy_versions", [3], "policy_versions=(3,) must be (), as steps.arrow says"),
        ("files", [], "lacks camera_top.arrow, chunks.arrow, joints.arrow, steps.arrow"),
        ("robot", 7, "robot=7 must be"),
        ("schema", 4, "schema=4 (of a later drift) must be 1, 2 or 3"),
    ],
)
def test_a_description_that_is_wrong_is_named_with_its_key(episode, key, value, text):
    meta = json.loads((episode / "episode.json").read_text())
    (episode / "episode.json").write_text(json.dumps(meta | {key: value}))
    (row,) = rows_of(episode)
    assert row[0] == "episode.json" and row[2].startswith(text) and row[3]


@pytest.mark.parametrize("file", ["steps.arrow", "joints.arrow", "camera_top.arrow", "chunks.arrow"])
def test_a_missing_file_is_named(episode, file):
    (episode / file).unlink()
    assert [(row[0], row[3]) for row in rows_of(episode)] == [(file, True)]


@pytest.mark.parametrize(
    ("table", "columns", "row"),
    [
        ("steps", {"stamp_s": lambda v: put(v, _3=float("nan"))}, ("stamp_s", "1 of 50 are not finite")),
        ("steps", {"source": lambda v: put(v, _3=9)}, ("source", "[9] must be among [0, 1, 2, 3]")),
        (
            "steps",
            {"measured": lambda v: put(v, _3=[float("nan")] * 7 + [1.0])},
            ("measured", "1 of 50 vectors are known in part, or not finite"),
        ),
        (
            "steps",
            {"action": lambda v: put(v, _3=[float("inf")] * 10)},
            ("action", "1 of 50 vectors are known in part, or not finite"),
        ),
        (
            "steps",
            {"measured": lambda v: [row[:7] for row in v]},
            ("commanded", "8 numbers, measured has 7"),
        ),
        (
            "joints",
            {"arrival_s": lambda v: put(v, _10=5.1)},
            ("arrival_s", "1 samples arrived before the one in front of them"),
        ),
        (
            "camera_top",
            {"image": lambda v: put(v, _2=b"", _3=b"no")},
            ("image", "frame stamped 100.200000: png cannot be decoded (0 bytes), and 1 more"),
        ),
    ],
)
def test_numbers_and_images_that_cannot_be_are_named_with_their_column(episode, table, columns, row):
    change(episode, table, **columns)
    assert (f"{table}.arrow", *row, True) in found_beside_digests(episode)


def test_images_of_another_size_are_named(episode, tmp_path):
    with EpisodeWriter(tmp_path / "other", META) as writer:
        writer.add_step(step(0))
        writer.add_joints(np.zeros(7), 0.04, 100.0, 5.0)
        writer.add_frame("top", np.zeros((8, 6, 3), np.uint8), 100.0, 5.0)
        path = writer.close("success")
    meta = json.loads((path / "episode.json").read_text())
    meta["cameras"][0]["width"] = 7
    (path / "episode.json").write_text(json.dumps(meta))
    assert rows_of(path) == [
        ("camera_top.arrow", "image", "frame stamped 100.000000: 6x8, must be 7x8", True)
    ]


def test_an_episode_without_anything_is_named_for_each_of_its_files(tmp_path):
    path = EpisodeWriter(tmp_path, META).close("unknown")
    assert [(row[0], row[2]) for row in rows_of(path)] == [
        ("steps.arrow", "no control step"),
        ("joints.arrow", "no joint sample"),
        ("camera_top.arrow", "no frame"),
    ]


def test_what_is_only_not_used_is_a_note(episode):
    change(episode, "steps", seq=lambda v: [n + 3 * (n > 20) for n in v])
    change(
        episode,
        "joints",
        gripper_m=lambda v: put(v, _5=float("nan")),
        stamp_s=lambda v: put(v, _9=90.0),  # 10 s behind, alone
    )
    notes = found_beside_digests(episode)
    assert [row[3] for row in notes] == [False] * 3
    assert [row[:3] for row in notes] == [
        ("steps.arrow", "seq", "3 control steps never arrived"),
        ("joints.arrow", "gripper_m", "1 of 50 are not finite"),
        ("joints.arrow", "stamp_s", "1 samples are stamped too late to be used"),
    ]


def test_a_clock_that_was_set_back_and_a_camera_that_is_too_slow_are_notes(episode, tmp_path):
    change(episode, "joints", stamp_s=lambda v: [s - 50.0 * (n >= 30) for n, s in enumerate(v)])
    change(episode, "camera_top", arrival_s=lambda v: [5.0 + 0.25 * n for n in range(len(v))])
    notes = {row[2]: row[3] for row in found_beside_digests(episode)}
    assert notes["a frame each 0.25 s, the policy looks each 0.1 s"] is False
    assert any(text.startswith("the clock was set back") and not bad for text, bad in notes.items())
