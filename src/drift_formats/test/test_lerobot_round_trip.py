"""Episode, set, episode: every number that the set carries is there again."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from drift_core.data.windows import WindowSet, cut_windows
from drift_core.episodes import Episode, EpisodeStore, StepRecord, StepSource
from drift_core.errors import DataError
from drift_formats.exporting import export_episodes
from drift_formats.format import Cell
from drift_formats.formats import lerobot
from drift_formats.importing import import_episodes
from drift_formats.lerobot import provenance
from drift_formats.lerobot.export import ExportOptions
from drift_formats.lerobot.features import Feature
from drift_formats.lerobot.rows import episode_rows
from drift_formats.lerobot.source_map import SourceMap
from hypothesis import given, settings
from hypothesis import strategies as st
from recorded import JOINTS, PLACE, START_S, WALK, record

POLICY, EXPERT, HOLD = StepSource.POLICY, StepSource.EXPERT, StepSource.HOLD


def there_and_back(folder: Path, cell: Cell, name: str = "m0") -> Episode:
    store, other = EpisodeStore(folder), EpisodeStore(folder / ".back")
    said: list[str] = []
    export_episodes(store, [name], lambda meta: cell, folder / ".set", lerobot, ExportOptions(), said.append)
    robot = "point" if cell.arm is None else "panda"
    assert lerobot.origin(folder / ".set") == (robot, cell.task.name)
    list(import_episodes(folder / ".set", other, cell, lerobot, SourceMap()))
    return other.read(name)


def windows_of(cell: Cell, episode: Episode, horizon: int = 4) -> WindowSet:
    arm, task = cell.arm, cell.task
    spec = task.observation_spec(0 if arm is None else arm.n_joints)
    state_of = (lambda q, m: q) if arm is None else arm.state
    near_home = (lambda q: q) if arm is None else arm.near_home
    return cut_windows(
        episode, spec, state_of, task.latency_s, horizon, task.action_space, near_home=near_home
    )


@st.composite
def drives(draw) -> np.ndarray:
    """Who drives 1.2 s at 50 Hz: up to five stretches."""
    sources = draw(st.lists(st.sampled_from([POLICY, EXPERT, HOLD]), min_size=1, max_size=5))
    cuts = sorted(draw(st.lists(st.integers(0, 61), min_size=len(sources) - 1, max_size=len(sources) - 1)))
    return np.concatenate(
        [np.full(end - begin, s) for s, begin, end in zip(sources, [0, *cuts], [*cuts, 61], strict=True)]
    )


@settings(max_examples=25, deadline=None)
@given(drives(), st.sampled_from([PLACE, JOINTS]), st.integers(0, 1000))
def test_all_windows_are_those_of_before(driver, cell, seed):
    with TemporaryDirectory() as folder:
        before = record(Path(folder), cell, seconds=1.2, driver=driver, seed=seed, kind="intervention")
        after = there_and_back(Path(folder), cell)
        one, other = windows_of(cell, before), windows_of(cell, after)
    assert np.allclose(one.t_ref_s, other.t_ref_s, rtol=0, atol=1e-6)
    assert np.allclose(one.state, other.state, rtol=0, atol=2e-6)  # float32, then through the kinematics
    assert np.array_equal(one.mask, other.mask)
    assert np.allclose(one.actions[one.mask], other.actions[other.mask], rtol=0, atol=1e-6)
    shown = [w.frames["front"].images()[w.frame_rows[w.frame_index[:, -1], 0]] for w in (one, other)]
    assert np.array_equal(*shown)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), drives())
def test_with_a_jitter_no_label_is_made_up_and_the_first_label_is_the_same(seed, driver):
    random = np.random.default_rng(seed)
    frame_s = START_S + np.arange(37) / 30 + random.uniform(-0.008, 0.008, 37)
    with TemporaryDirectory() as folder:
        before = record(
            Path(folder), seconds=1.2, driver=driver, seed=seed, frame_s=frame_s, kind="intervention"
        )
        after = there_and_back(Path(folder), PLACE)
        rows, one, other = episode_rows(PLACE, before), windows_of(PLACE, before), windows_of(PLACE, after)
    assert np.allclose(one.t_ref_s, other.t_ref_s, rtol=0, atol=1e-6)
    assert not (other.mask[:, 0] & ~one.mask[:, 0]).any()
    assert np.allclose(rows.action, other.actions[:, 0], rtol=0, atol=1e-6)


def test_every_number_of_a_row_is_in_the_episode_again(tmp_path):
    driver = np.full(51, POLICY)
    driver[20:40] = EXPERT
    before = record(tmp_path, driver=driver, kind="intervention", outcome="failure", score=0.5, seed=4)
    rows = episode_rows(PLACE, before)
    after = there_and_back(tmp_path, PLACE)
    for name in ("id", "robot", "task", "seed", "kind", "dt_s", "started_s", "outcome", "score", "cameras"):
        assert getattr(after.meta, name) == getattr(before.meta, name), name
    assert np.array_equal(after.joints.stamp_s, rows.t_ref_s)
    assert np.array_equal(after.joints.positions_rad.astype(np.float32), rows.state[:, 10:])
    frames = rows.frames["front"]
    assert np.array_equal(after.frames["front"].stamp_s, frames.stamp_s)
    assert np.array_equal(after.frames["front"].arrival_s, frames.arrival_s)
    at = np.searchsorted(after.steps.stamp_s, rows.due_s)  # beside them are steps between, at take-overs
    assert np.array_equal(after.steps.stamp_s[at], rows.due_s)
    assert np.array_equal(after.steps.action[at].astype(np.float32), rows.action)
    kept = {field.name for field in StepRecord.__dataclass_fields__.values()} - {"stamp_s", "seq", "action"}
    for name in kept:  # its own stamp and number belong to a control rate that the set does not have
        assert np.array_equal(getattr(after.steps, name)[at], getattr(before.steps, name)[rows.step]), name


def test_a_hole_stays_a_hole_that_no_label_crosses(tmp_path):
    frame_s = START_S + np.delete(np.arange(13) / 10, [5, 6])
    before = record(tmp_path, seconds=1.2, frame_s=frame_s)
    after = there_and_back(tmp_path, PLACE)
    one, other = windows_of(PLACE, before), windows_of(PLACE, after)
    assert one.mask.sum(axis=1).tolist() == [4, 4, 4, 4, 4, 4, 3, 2, 1, 0]
    # rows at 0.09 to 0.39, then 0.69 to 1.19: the labels of the first four end at 0.49
    assert other.mask.sum(axis=1).tolist() == [4, 3, 2, 1, 4, 4, 3, 2, 1, 0]


def test_a_point_comes_back(tmp_path):
    before = record(tmp_path, WALK, "w0")
    one, other = windows_of(WALK, before), windows_of(WALK, there_and_back(tmp_path, WALK, "w0"))
    assert np.array_equal(one.state, other.state) and np.array_equal(one.mask, other.mask)
    assert np.allclose(one.actions, other.actions, atol=1e-6)


@dataclass(frozen=True)
class Invented(StepRecord):
    """A later StepRecord."""

    wrench: "provenance.Vector" = None  # (6,) [N, Nm]
    certain: float = 0.0
    asked: bool = False


def test_a_field_that_is_added_to_the_record_later_becomes_a_column_and_comes_back(tmp_path, monkeypatch):
    monkeypatch.setattr(provenance, "StepRecord", Invented)
    steps = record(tmp_path).steps
    count = len(steps)

    class Longer:
        wrench = np.arange(6.0 * count).reshape(count, 6)
        certain = np.linspace(0, 1, count)
        asked = np.arange(count) % 2 == 1

        def __getattr__(self, name: str) -> np.ndarray:
            return getattr(steps, name)

    features = provenance.provenance_features(Longer())
    assert features[-3:] == [
        Feature("drift.step.wrench", "float64", (6,)),
        Feature("drift.step.certain", "float64"),
        Feature("drift.step.asked", "bool"),
    ]
    columns = provenance.provenance_columns(Longer(), np.array([0, 3]), features)
    told = provenance.provenance_of(columns, 1)
    assert told["wrench"].tolist() == [18.0, 19.0, 20.0, 21.0, 22.0, 23.0]
    assert (told["certain"], told["asked"], told["seq"]) == (3 / 50, True, 3)


def test_what_our_own_export_says_is_checked_when_it_comes_back(tmp_path):
    record(tmp_path)
    there_and_back(tmp_path, PLACE)
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = tmp_path / ".set/meta/episodes/chunk-000/file-000.parquet"
    table = pq.read_table(path)
    at = table.column_names.index("drift/meta")
    other = EpisodeStore(tmp_path / ".other")
    for change, said in (
        ({"id": "../x"}, "drift/meta of episode 0: id='../x' must match pattern"),
        ({"started_s": float("nan")}, "episode 0: started_s=nan must be a finite number"),
        ({"kind": "a guess"}, "episode 0: kind='a guess' must be"),
        ({"robot": "ur5e"}, "its episode m0 is of robot=ur5e, not panda"),
    ):
        about = json.dumps(json.loads(table["drift/meta"][0].as_py()) | change)
        pq.write_table(table.set_column(at, "drift/meta", pa.array([about])), path)
        with pytest.raises(DataError, match=said):
            list(import_episodes(tmp_path / ".set", other, PLACE, lerobot, SourceMap()))
    assert other.ids() == []


def test_of_a_set_with_two_tasks_only_the_episodes_of_the_given_one_come_back(tmp_path):
    push = replace(PLACE, task=replace(PLACE.task, name="push"))
    cells = {"place": PLACE, "push": push}
    for name, cell in (("a", PLACE), ("b", push), ("c", PLACE)):
        record(tmp_path, cell, name, 0.4)
    export_episodes(
        EpisodeStore(tmp_path),
        ["a", "b", "c"],
        lambda meta: cells[meta.task],
        tmp_path / ".set",
        lerobot,
        ExportOptions(),
        lambda said: None,
    )
    assert lerobot.origin(tmp_path / ".set") == ("panda", "")  # which task must be said
    other = EpisodeStore(tmp_path / ".back")
    done = list(import_episodes(tmp_path / ".set", other, PLACE, lerobot, SourceMap()))
    assert [(one.episode_id, one.became) for one in done] == [("a", "new"), ("b", "left out"), ("c", "new")]
    assert done[1].remark == "of task push"
    again = list(import_episodes(tmp_path / ".set", other, push, lerobot, SourceMap()))
    assert [one.became for one in again] == ["left out", "new", "left out"]
    assert [other.meta(name).task for name in other.ids()] == ["place", "push", "place"]
