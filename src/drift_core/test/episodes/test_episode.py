"""Episodes survive the round trip to disk, and a killed writer leaves nothing that looks finished."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import fields, replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from drift_core.episodes import (
    LOSSLESS,
    ChunkRecord,
    Chunks,
    EpisodeMeta,
    EpisodeStore,
    EpisodeWriter,
    ImageEncoding,
    StepRecord,
    Steps,
    StepSource,
    held_out,
    read_episode,
    read_meta,
)
from drift_core.episodes.check import check_episode, file_sha256
from drift_core.episodes.files import STEP_COLUMNS
from drift_core.episodes.reader import read_joints
from drift_core.episodes.repair import repair_store
from drift_core.errors import DataError, ShapeError
from drift_core.observation.spec import CameraSpec

META = EpisodeMeta(
    id="e1",
    robot="panda",
    task="place",
    seed=7,
    kind="intervention",
    cameras=(CameraSpec("front", 8, 6),),
    dt_s=0.1,
    started_s=100.0,
)


def step(seq, source=StepSource.EXPERT, intervention_id=1, version=0, known=True):
    return StepRecord(
        stamp_s=100.0 + seq * 0.02,
        seq=seq,
        source=source,
        epoch=3,
        intervention_id=intervention_id,
        chunk_id=5,
        policy_version=version,
        chunk_age_s=-1.0,
        commanded=np.arange(8.0) + seq if known else None,
        measured=np.array([]) if not known else np.arange(8.0),
        action=np.arange(10.0) if known else None,
        guard_flags=129,
        proposed_chunk_id=6 if known else 0,
        proposed=np.arange(10.0) + 0.5 if known else None,
    )


def chunk(number, **changes):
    made = ChunkRecord(
        id=number,
        epoch=3,
        stamp_s=100.0 + number / 2,
        arrival_s=5.1 + number / 2,
        dt_s=0.1,
        action_space="tcp_pose",
        policy_version=4,
        oldest_input_s=99.9 + number / 2,
        inference_ms=12.5,
        sampler="ddim-8",
        seed=2**63 - 1,
        data=np.arange(40.0).reshape(4, 10) / 3 + number,
        latent=np.linspace(-1.0, 1.0, 80).reshape(8, 10),
    )
    return replace(made, **changes)


def write(root, meta=META, steps=3, outcome="success"):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (150, 8, 6, 3), dtype=np.uint8)
    with EpisodeWriter(root, meta) as writer:
        for seq in range(steps):
            writer.add_step(step(seq))
        for n, image in enumerate(images):
            writer.add_frame("front", image, 100.0 + n / 10, 5.0 + n / 10)
            writer.add_joints(np.array([0.1 * n, 1 / 3]), 0.04, 100.0 + n / 10, 5.0 + n / 10)
        path = writer.close(outcome)
    return path, images


def test_the_columns_of_control_steps_are_those_of_the_record_and_stay_what_recorded_episodes_have():
    columns = {
        "stamp_s": "double",
        "seq": "int64",
        "source": "uint8",
        "epoch": "int64",
        "intervention_id": "int64",
        "chunk_id": "int64",
        "policy_version": "int64",
        "chunk_age_s": "double",
        "commanded": "list<item: double>",
        "measured": "list<item: double>",
        "action": "list<item: double>",
        "guard_flags": "int64",
        "proposed_chunk_id": "int64",
        "proposed": "list<item: double>",
    }
    assert [(field.name, str(field.type)) for field in STEP_COLUMNS] == list(columns.items())
    assert [field.name for field in fields(StepRecord)] == list(columns)
    assert [field.name for field in fields(Steps)] == list(columns)


def test_what_is_written_is_read_to_the_bit(tmp_path):
    path, images = write(tmp_path, steps=1300)
    assert path == tmp_path / "e1"
    episode = read_episode(path)
    assert len(episode.steps) == 1300
    assert episode.steps.seq.tolist() == list(range(1300))
    np.testing.assert_array_equal(episode.steps.commanded[1299], np.arange(8.0) + 1299)
    assert episode.steps.guard_flags[0] == 129 and episode.steps.source[0] == StepSource.EXPERT
    np.testing.assert_array_equal(episode.joints.positions_rad[3], [0.1 * 3, 1 / 3])
    assert episode.joints.arrival_s[1] == 5.1 and episode.frames["front"].stamp_s[1] == 100.1
    assert len(episode.frames["front"]) == 150
    for n in (0, 63, 64, 149):
        np.testing.assert_array_equal(episode.frames["front"].image(n), images[n])


def test_a_score_is_kept_and_an_episode_of_before_has_none(tmp_path):
    with EpisodeWriter(tmp_path, META) as writer:
        writer.add_step(step(0))
        path = writer.close("success", score=0.75)
    assert read_episode(path).meta.score == 0.75
    description = json.loads((path / "episode.json").read_text())
    assert description.pop("score") == 0.75
    (path / "episode.json").write_text(json.dumps(description))
    assert read_episode(path).meta.score is None


def test_credit_is_the_score_and_without_one_that_of_the_outcome():
    said = [replace(META, outcome=outcome) for outcome in ("success", "failure", "unknown")]
    assert [meta.credit for meta in said] == [1.0, 0.0, None]
    assert [replace(meta, score=0.25).credit for meta in said] == [0.25] * 3


@pytest.mark.parametrize("score", [-0.1, 1.1, float("nan")])
def test_a_score_beyond_0_to_1_is_refused_and_the_episode_stays_open(tmp_path, score):
    with EpisodeWriter(tmp_path, META) as writer:
        writer.add_step(step(0))
        with pytest.raises(DataError, match=rf"score={score} must lie in \[0, 1\]"):
            writer.close("success", score)
        assert read_episode(writer.close("success")).meta.score is None


def test_the_description_counts_steps_take_overs_and_versions(tmp_path):
    writer = EpisodeWriter(tmp_path, META)
    for seq, (source, intervention, version) in enumerate(
        [(0, 0, 0), (1, 0, 4), (1, 0, 4), (2, 1, 0), (2, 1, 0), (0, 1, 0), (1, 1, 5), (2, 2, 0)]
    ):
        writer.add_step(step(seq, StepSource(source), intervention, version))
    writer.close("failure")
    meta = EpisodeStore(tmp_path).meta("e1")
    assert (meta.steps, meta.expert_steps, meta.interventions) == (8, 3, 2)
    assert meta.policy_versions == (4, 5) and meta.outcome == "failure"
    assert meta.duration_s == pytest.approx(0.14)
    assert meta == replace(
        META,
        outcome="failure",
        steps=8,
        expert_steps=3,
        interventions=2,
        policy_versions=(4, 5),
        duration_s=meta.duration_s,
        files=meta.files,
    )
    names = ["steps.arrow", "joints.arrow", "camera_front.arrow", "chunks.arrow"]
    assert [file.name for file in meta.files] == names
    for file in meta.files:
        content = (tmp_path / "e1" / file.name).read_bytes()
        assert (file.size_bytes, file.sha256) == (len(content), hashlib.sha256(content).hexdigest())


def test_rows_that_were_never_known_come_back_as_nan(tmp_path):
    writer = EpisodeWriter(tmp_path, META)
    writer.add_step(step(0, known=False))
    writer.add_step(step(1))
    steps = read_episode(writer.close("unknown")).steps
    assert steps.action.shape == (2, 10) and np.isnan(steps.action[0]).all()
    assert np.isnan(steps.measured[0]).all() and steps.measured[1, 7] == 7.0


def test_an_episode_without_anything_can_be_read(tmp_path):
    episode = read_episode(EpisodeWriter(tmp_path, META).close("unknown"))
    assert len(episode.steps) == len(episode.joints) == len(episode.frames["front"]) == 0


def test_an_open_episode_is_not_in_the_store_and_an_aborted_one_leaves_nothing(tmp_path):
    writer = EpisodeWriter(tmp_path, META)
    assert EpisodeStore(tmp_path).ids() == []
    assert [path.name for path in tmp_path.iterdir()] == [".e1.part"]
    writer.abort()
    assert list(tmp_path.iterdir()) == []


def test_an_error_inside_the_with_block_aborts(tmp_path):
    with pytest.raises(ZeroDivisionError), EpisodeWriter(tmp_path, META):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_an_id_is_used_once_and_a_writer_closed_once(tmp_path):
    writer = EpisodeWriter(tmp_path, META)
    with pytest.raises(DataError, match="id='e1' is being written or was broken off"):
        EpisodeWriter(tmp_path, META)
    writer.close("success")
    with pytest.raises(DataError, match="id='e1' is closed already"):
        writer.close("success")
    with pytest.raises(DataError, match="id='e1' exists already"):
        EpisodeWriter(tmp_path, META)


def test_wrong_frames_are_refused_by_name(tmp_path):
    with EpisodeWriter(tmp_path, META) as writer:
        with pytest.raises(
            ShapeError, match=r"camera front: image must be \(8, 6, 3\) uint8, got \(6, 8, 3\)"
        ):
            writer.add_frame("front", np.zeros((6, 8, 3), np.uint8), 0.0, 0.0)
        with pytest.raises(DataError, match="camera='side' is unknown; allowed: front"):
            writer.add_frame("side", np.zeros((8, 6, 3), np.uint8), 0.0, 0.0)


def test_vectors_of_another_shape_are_refused_by_name(tmp_path):
    with EpisodeWriter(tmp_path, META) as writer:
        with pytest.raises(ShapeError, match=r"joints: positions_rad must be \(J,\), got \(1, 7\)"):
            writer.add_joints(np.zeros((1, 7)), 0.0, 0.0, 0.0)
        with pytest.raises(ShapeError, match=r"step: action must be a vector, got \(1, 10\)"):
            writer.add_step(replace(step(0), action=np.zeros((1, 10))))


def test_the_store_lists_finished_episodes_and_new_ones(tmp_path):
    store = EpisodeStore(tmp_path)
    for name in ("b", "a", "c"):
        write(tmp_path, replace(META, id=name))
    assert store.ids() == ["a", "b", "c"]
    assert store.new_ids({"a", "b"}) == ["c"]
    assert store.read("b").meta.id == "b"
    with pytest.raises(DataError, match="id='d' is not in"):
        store.read("d")
    with pytest.raises(DataError, match="is not in"):
        store.read("../a")


def test_a_store_that_does_not_exist_yet_is_empty(tmp_path):
    assert EpisodeStore(tmp_path / "none").ids() == []
    assert EpisodeStore(tmp_path / "none").open_ids() == []
    assert EpisodeStore(tmp_path / "none").set_aside_parts() == []
    assert EpisodeStore(tmp_path / "none").quarantine.entries() == []


CLAIM = """
import sys
from drift_core.episodes import EpisodeStore
lock = EpisodeStore(sys.argv[1]).claim()
print("claimed", flush=True)
sys.stdin.read()
"""


def test_a_second_recorder_is_refused_until_the_first_has_ended_or_was_killed(tmp_path):
    store = EpisodeStore(tmp_path / "episodes")
    other = subprocess.Popen(
        [sys.executable, "-c", CLAIM, str(store.root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with other:
        other.stdout.readline()
        with pytest.raises(DataError, match="another process records into .*episodes"):
            store.claim()
        other.kill()
    with store.claim():
        with pytest.raises(DataError, match="another process"):
            store.claim()
    claim = store.claim()
    claim.close()
    claim.close()
    assert store.ids() == [] and store.open_ids() == []


def test_one_in_ten_is_held_out_by_its_id_alone():
    chosen = [held_out(f"episode-{n}") for n in range(5000)]
    assert 400 < sum(chosen) < 600
    assert chosen == [held_out(f"episode-{n}") for n in range(5000)]
    # sha256("a") starts with ca978112ca1bbdca = 14598278634844962250, which 10 divides
    assert held_out("a")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("episode.json", "{", "episode.json: cannot be read"),
        (
            "episode.json",
            json.dumps({"schema": 4}),
            r"json: schema=4 \(of a later drift\) must be 1, 2 or 3",
        ),
        ("episode.json", json.dumps({"schema": "2"}), "episode.json: schema='2' must be 1, 2 or 3"),
        ("episode.json", json.dumps({"schema": 2, "id": "e1"}), "episode.json: robot is missing"),
        ("steps.arrow", "ARROW1", "steps.arrow: cannot be read"),
        ("joints.arrow", "", "joints.arrow: cannot be read"),
        ("camera_front.arrow", None, "camera_front.arrow: cannot be read"),
    ],
)
def test_a_broken_file_is_named(tmp_path, name, content, message):
    path, _ = write(tmp_path)
    (path / name).unlink()
    if content is not None:
        (path / name).write_text(content)
    with pytest.raises(DataError, match=message):
        read_episode(path)


def test_most_steps_touch_no_file_they_are_written_512_at_a_time(tmp_path):
    path, _ = write(tmp_path, steps=1536)
    file = pa.ipc.open_file(path / "steps.arrow")
    assert [file.get_batch(n).num_rows for n in range(file.num_record_batches)] == [512, 512, 512]


KILLED = """
import sys
import numpy as np
from drift_core.episodes import EpisodeMeta, EpisodeWriter
from drift_core.observation.spec import CameraSpec

rng = np.random.default_rng(0)
cameras = (CameraSpec("front", 32, 32),)
for number in range(10_000):
    meta = EpisodeMeta(f"e{number:05d}", "panda", "place", 0, "demonstration", cameras, 0.1, 0.0)
    writer = EpisodeWriter(sys.argv[1], meta)
    for n in range(100):
        writer.add_frame("front", rng.integers(0, 256, (32, 32, 3), dtype=np.uint8), n / 10, n / 10)
        writer.add_joints(np.zeros(7), 0.0, n / 10, n / 10)
    writer.close("success")
    print(number, flush=True)
"""


def test_a_writer_killed_at_any_moment_leaves_only_whole_episodes_and_parts(tmp_path):
    for delay_s in (0.0, 0.013, 0.031):
        root = tmp_path / str(delay_s)
        process = subprocess.Popen([sys.executable, "-c", KILLED, str(root)], stdout=subprocess.PIPE)
        process.stdout.readline()  # the first episode is finished
        time.sleep(delay_s)  # anywhere inside one of the next
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        store = EpisodeStore(root)
        assert "e00000" in store.ids()
        for episode_id in store.ids():
            frames = store.read(episode_id).frames["front"]
            assert len(frames) == 100 and frames.image(99).shape == (32, 32, 3)
        parts = [path.name for path in root.iterdir() if path.name not in store.ids()]
        assert all(name.startswith(".e") and name.endswith(".part") for name in parts) and len(parts) <= 1
        with store.claim():
            assert [f".{name}.part" for name in store.set_aside_parts()] == parts
        assert [f".{path.name}.part" for path in store.quarantine.entries()] == parts
        assert store.open_ids() == []


def test_what_was_broken_off_goes_aside_with_its_reason_and_nothing_is_deleted(tmp_path):
    store = EpisodeStore(tmp_path)
    for number in (1, 2):
        writer = EpisodeWriter(tmp_path, META)
        writer.add_step(step(number))
        writer.flush()
        with store.claim():
            assert store.set_aside_parts() == ["e1"]
    assert (store.ids(), store.open_ids()) == ([], [])
    first, second = store.quarantine.entries()
    assert (first.name, second.name) == ("e1", "e1.2")
    for folder in (first, second):
        assert (folder / "reason.txt").read_text() == "its recorder was broken off\n"
        assert (folder / "steps.arrow").stat().st_size > 0 and read_meta(folder) == META


def test_deleting_an_episode_does_not_touch_an_open_one_of_that_name(tmp_path):
    # copies of finished episodes may come while the recorder writes one of the same name
    write(tmp_path)
    path = (tmp_path / "e1").rename(tmp_path / "e1-of-elsewhere")
    writer = EpisodeWriter(tmp_path, META)
    path.rename(tmp_path / "e1")
    (tmp_path / ".e1.deleted").mkdir()  # of a process that was killed while it deleted
    EpisodeStore(tmp_path).delete("e1")
    assert [path.name for path in tmp_path.iterdir()] == [".e1.part"]
    writer.add_step(step(0))
    assert read_episode(writer.close("success")).meta.steps == 1


@pytest.mark.parametrize(
    ("table", "name", "kind", "message"),
    [
        ("steps", "seq", pa.float64(), "steps.arrow: column seq is of type double, must be int64"),
        ("joints", "gripper_m", pa.string(), "joints.arrow: column gripper_m is of type string, must be"),
        ("camera_front", "image", pa.string(), "column image is of type string, must be binary"),
    ],
)
def test_a_column_of_another_type_is_named(tmp_path, table, name, kind, message):
    path, _ = write(tmp_path)
    file = path / f"{table}.arrow"
    rows = pa.ipc.open_file(file.read_bytes()).read_all()
    column = rows.schema.get_field_index(name)
    values = pa.array(["1"] * len(rows)).cast(kind)
    other = rows.set_column(column, name, values)
    with pa.ipc.new_file(file, other.schema) as written:
        written.write_table(other)
    with pytest.raises(DataError, match=message):
        read_episode(path)


def test_numbers_that_are_missing_and_vectors_of_two_widths_are_named_with_file_and_column(tmp_path):
    writer = EpisodeWriter(tmp_path, META)
    writer.add_step(step(0))
    writer.add_step(replace(step(1), action=np.zeros(3)))
    path = writer.close("unknown", 0.5)
    with pytest.raises(DataError, match=r"steps\.arrow: column action: vectors must all have 10 numbers"):
        read_episode(path)
    rows = pa.ipc.open_file((path / "joints.arrow").read_bytes()).read_all()
    nothing = pa.table({name: pa.nulls(2, rows.schema.field(name).type) for name in rows.schema.names})
    with pa.ipc.new_file(path / "joints.arrow", rows.schema) as written:
        written.write_table(nothing.cast(rows.schema))
    with pytest.raises(DataError, match=r"joints\.arrow: column stamp_s lacks 2 of 2 values"):
        read_joints(path / "joints.arrow")


def test_a_frame_that_cannot_be_decoded_is_named_with_file_and_number(tmp_path):
    path, images = write(tmp_path)
    file = path / "camera_front.arrow"
    rows = pa.ipc.open_file(file.read_bytes()).read_all()
    data = [*rows["image"].to_pylist()[:2], b"", *rows["image"].to_pylist()[3:]]
    kinds = ["gif", *["png"] * (len(rows) - 1)]
    other = pa.table([rows[0], rows[1], pa.array(kinds), pa.array(data, pa.binary())], schema=rows.schema)
    with pa.ipc.new_file(file, rows.schema) as written:
        written.write_table(other)
    frames = read_episode(path).frames["front"]
    np.testing.assert_array_equal(frames.image(1), images[1])
    with pytest.raises(
        DataError, match=r"e1/camera_front\.arrow: frame stamped [0-9.]+: png cannot be decoded \(0 bytes\)"
    ):
        frames.image(2)
    with pytest.raises(DataError, match=r"frame stamped .*: encoding='gif' must be one of: png, jpeg"):
        frames.image(0)


def test_chunks_are_kept_with_the_noise_that_they_were_made_from(tmp_path):
    with EpisodeWriter(tmp_path, META) as writer:
        writer.add_step(step(0))
        writer.add_chunk(chunk(1))
        writer.add_chunk(chunk(2, data=np.ones((2, 3)), latent=np.empty((0, 0)), sampler="rti-2"))
        path = writer.close("success")
    chunks = read_episode(path).chunks
    assert (chunks.id.tolist(), chunks.stamp_s.tolist()) == ([1, 2], [100.5, 101.0])
    assert (chunks.sampler.tolist(), chunks.seed.tolist()) == (["ddim-8", "rti-2"], [2**63 - 1] * 2)
    np.testing.assert_array_equal(chunks.data[0], chunk(1).data)
    np.testing.assert_array_equal(chunks.latent[0], chunk(1).latent)
    assert [matrix.shape for matrix in (*chunks.data, *chunks.latent)] == [(4, 10), (2, 3), (8, 10), (0, 0)]
    assert chunks.data[1:][0].tolist() == [[1.0] * 3] * 2
    assert [field.name for field in fields(Chunks)] == [field.name for field in fields(ChunkRecord)]


def test_chunks_that_are_no_matrix_or_whose_numbers_do_not_fit_are_refused_by_name(tmp_path):
    with EpisodeWriter(tmp_path, META) as writer:
        with pytest.raises(ShapeError, match=r"chunk 1: data must have two axes, 1 steps at least, is"):
            writer.add_chunk(chunk(1, data=np.zeros(4)))
        with pytest.raises(
            ShapeError, match=r"chunk 1: data must have two axes, 1 steps at least, is \(0, 0\)"
        ):
            writer.add_chunk(chunk(1, data=np.empty((0, 0))))
        with pytest.raises(DataError, match=f"chunk: seed={2**63} must be at most"):
            writer.add_chunk(chunk(1, seed=2**63))


def test_where_no_policy_ran_there_is_no_chunk(tmp_path):
    assert len(read_episode(write(tmp_path)[0]).chunks) == 0


def of_schema_1(path):
    """Rewrite an episode as it was recorded before: Parquet, and frames as PNG in a column of that name."""
    (path / "chunks.arrow").unlink()
    for file in path.glob("*.arrow"):
        rows = pa.ipc.open_file(file.read_bytes()).read_all()
        if "image" in rows.schema.names:
            rows = rows.drop_columns("encoding").rename_columns(["stamp_s", "arrival_s", "png"])
        if "proposed" in rows.schema.names:
            rows = rows.drop_columns(["proposed_chunk_id", "proposed"])
        parquet.write_table(rows, file.with_suffix(".parquet"))
        file.unlink()
    meta = json.loads((path / "episode.json").read_text())
    del meta["files"]
    (path / "episode.json").write_text(json.dumps(meta | {"schema": 1}))


def test_an_episode_of_schema_1_is_read_as_before(tmp_path):
    path, images = write(tmp_path, steps=1300)
    now = read_episode(path)
    of_schema_1(path)
    before = read_episode(path)
    assert before.meta == replace(now.meta, schema=1, files=())
    for field in fields(Steps)[:-2]:
        np.testing.assert_array_equal(getattr(before.steps, field.name), getattr(now.steps, field.name))
    assert before.steps.proposed.shape == (1300, 0) and not before.steps.proposed_chunk_id.any()
    np.testing.assert_array_equal(before.joints.positions_rad, now.joints.positions_rad)
    assert len(before.frames["front"]) == 150
    np.testing.assert_array_equal(before.frames["front"].image(149), images[149])
    assert EpisodeStore(tmp_path).ids() == ["e1"]
    (path / "episode.json").unlink()
    assert EpisodeStore(tmp_path).ids() == ["e1"], "a damaged one is an episode, too"


def of_schema_2(path):
    """Rewrite an episode as it was recorded before what the policy wanted was kept."""
    (path / "chunks.arrow").unlink()
    file = path / "steps.arrow"
    rows = pa.ipc.open_file(file.read_bytes()).read_all().drop_columns(["proposed_chunk_id", "proposed"])
    with pa.ipc.new_file(file, rows.schema) as written:
        written.write_table(rows)
    meta = json.loads((path / "episode.json").read_text())
    stored = {"name": "steps.arrow", "size_bytes": file.stat().st_size, "sha256": file_sha256(file)}
    others = [known for known in meta["files"] if known["name"] not in ("steps.arrow", "chunks.arrow")]
    files = [stored, *others]
    (path / "episode.json").write_text(json.dumps(meta | {"schema": 2, "files": files}))


def test_an_episode_of_schema_2_is_read_checked_and_repaired_as_it_was_recorded(tmp_path):
    path, _ = write(tmp_path)
    assert read_episode(path).steps.proposed[0].tolist() == [n + 0.5 for n in range(10)]
    of_schema_2(path)
    assert read_episode(path).steps.proposed.shape == (3, 0) and read_episode(path).chunks is None
    assert [problem for problem in check_episode(path) if problem.broken] == []
    meta = json.loads((path / "episode.json").read_text())
    (path / "episode.json").write_text(json.dumps(meta | {"steps": 4}))
    with EpisodeStore(tmp_path).claim():
        (done,) = repair_store(EpisodeStore(tmp_path))
    assert done.whole and done.text == "made whole from its files"
    again = read_episode(path)
    assert (again.meta.schema, again.meta.steps, again.steps.proposed.shape) == (2, 3, (3, 0))
    assert again.chunks is None and not (path / "chunks.arrow").exists()


def test_jpeg_is_stored_as_asked_for_and_near_to_the_image(tmp_path):
    meta = replace(META, cameras=(CameraSpec("front", 96, 96),))
    row, column = np.mgrid[:96, :96]
    image = np.stack([row * 2, column * 2, 90 + row // 2 + column // 2], axis=-1).astype(np.uint8)
    for name, encoding in (("png", LOSSLESS), ("jpeg", ImageEncoding("jpeg", 95))):
        with EpisodeWriter(tmp_path, replace(meta, id=name), encoding) as writer:
            writer.add_frame("front", image, 100.0, 5.0)
            writer.close("unknown")
    png, jpeg = (read_episode(tmp_path / name).frames["front"] for name in ("png", "jpeg"))
    assert (png.encoding, jpeg.encoding) == (["png"], ["jpeg"])
    np.testing.assert_array_equal(png.image(0), image)
    error = np.square(jpeg.image(0).astype(float) - image).mean()
    assert 0.0 < error < 3.26, "43 dB are a mean square of 255**2 / 10**4.3 = 3.26"
    assert bytes(jpeg.encoded[0][:2]) == b"\xff\xd8"
    for wrong in ({"format": "gif"}, {"jpeg_quality": 0}, {"jpeg_quality": 101}):
        with pytest.raises(ValueError):
            ImageEncoding(**wrong)
