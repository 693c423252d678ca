"""Statistics as LeRobot computes them: compared with those that it has written into the set of the tests."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from drift_formats.lerobot.normalisation import ExactSpread, scaling_remarks
from drift_formats.lerobot.set_files import SetFiles
from drift_formats.lerobot.statistics import column_statistics, joined, looked_at, picture_statistics

SET = Path(__file__).parent / "data" / "lerobot_0_6_1"


def test_statistics_of_each_episode_and_of_all_are_those_of_the_package():
    files = SetFiles(SET)
    camera = "observation.images.top"
    told = pq.read_table(SET / "meta/episodes/chunk-000/file-000.parquet").to_pylist()
    of_episodes: dict[str, list] = {}
    for entry, theirs in zip(files.entries(), told, strict=True):
        rows, table = files.rows(entry, [camera])
        rows["timestamp"] = rows["frame_index"] / 30  # of which the package takes them, before it rounds
        ours = {name: column_statistics(values) for name, values in rows.items()}
        pictures = list(files.pictures(entry, table, camera))
        ours[camera] = picture_statistics([pictures[number] for number in looked_at(len(pictures))])
        for name, statistics in ours.items():
            of_episodes.setdefault(name, []).append(statistics)
            for which, value in statistics.items():
                assert np.array_equal(value, np.array(theirs[f"stats/{name}/{which}"])), (name, which)
    whole = json.loads((SET / "meta/stats.json").read_text())
    assert set(whole) == {*of_episodes, "observation.images.hand"}
    for name, parts in of_episodes.items():
        for which, value in joined(parts).items():
            np.testing.assert_allclose(value, whole[name][which], rtol=1e-12, err_msg=f"{name} {which}")


def test_how_many_pictures_count_grows_slower_than_the_episode():
    assert looked_at(3) == [0, 1, 2]
    assert len(looked_at(400)) == 100 and looked_at(400)[-1] == 399
    assert len(looked_at(10_000)) == 1000  # 10,000 to the power of 3/4


def test_one_row_has_its_own_values_as_quantiles_and_no_spread():
    found = column_statistics(np.array([[2.0, 3.0]], np.float32))
    assert found["q01"].tolist() == found["mean"].tolist() == [2.0, 3.0]
    assert found["std"].tolist() == [0.0, 0.0]


def test_quantiles_of_a_set_are_means_of_those_of_its_episodes():
    # in the first of two equal episodes the hand is closed, in the second open: 0.5 is no value of either
    parts = [column_statistics(np.full((10, 1), value, np.float32)) for value in (0.0, 1.0)]
    whole = joined(parts)
    assert whole["q01"] == pytest.approx(0.5, abs=1e-6) and whole["q99"] == pytest.approx(0.5, abs=1e-6)
    assert (whole["min"], whole["max"], whole["mean"], whole["std"]) == (0.0, 1.0, 0.5, 0.5)


def test_it_is_said_where_float32_or_a_joint_that_stood_still_breaks_the_scaling():
    rows = np.stack([np.full(50, 0.7), 300 + 0.01 * np.sin(np.arange(50.0)), np.arange(50.0)], axis=1)
    rows = rows.astype(np.float32)
    exact = ExactSpread()
    exact.add(rows[:20])
    exact.add(rows[20:])
    assert exact.std == pytest.approx(rows.astype(float).std(axis=0), rel=1e-6, abs=1e-12)
    still, rounded = scaling_remarks("action", ("grip", "far", "fine"), column_statistics(rows), exact)
    assert still.startswith("action: grip never changed: a policy of LeRobot divides by what it varies")
    assert rounded.startswith("action: far varies by 0.007")
