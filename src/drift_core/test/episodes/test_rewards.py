"""What an environment gives for each step is kept beside the control steps, where there is any."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from drift_core.episodes import EpisodeMeta, EpisodeStore, EpisodeWriter, StepRecord, read_episode
from drift_core.episodes.check import check_episode
from drift_core.episodes.repair import repair_store
from drift_core.errors import DataError

META = EpisodeMeta("e1", "point", "tiny", 0, "evaluation", (), 0.1, 100.0, rewarded=True)


def record(root, meta=META, rewards=(0.5, -1.0, 10.0)):
    with EpisodeWriter(root, meta) as writer:
        for n in range(3):
            here = np.full(2, 0.1 * n)
            writer.add_joints(here, 0.0, 100.0 + n / 10, 5.0 + n / 10)
            writer.add_step(StepRecord(100.0 + n / 10, n, 1, 1, 0, 1, 1, -1.0, here, here, here, 0))
            if rewards:
                writer.add_reward(rewards[n], 100.1 + n / 10)
        return writer.close("failure")


def test_rewards_are_read_as_they_were_written(tmp_path):
    path = record(tmp_path)
    rewards = read_episode(path).rewards
    assert rewards.reward.tolist() == [0.5, -1.0, 10.0]
    np.testing.assert_allclose(rewards.stamp_s, [100.1, 100.2, 100.3])
    assert check_episode(path) == []


def test_an_episode_without_rewards_has_no_file_of_them_and_says_that_none_were_recorded(tmp_path):
    path = record(tmp_path, replace(META, rewarded=False), rewards=())
    assert read_episode(path).rewards is None and not (path / "rewards.arrow").exists()
    text = (path / "episode.json").read_text().replace('"rewarded": false', '"weight": 1.0')
    (path / "episode.json").write_text(text)  # as before there were any
    assert read_episode(path).rewards is None


def test_a_reward_that_is_not_finite_or_was_not_announced_is_refused(tmp_path):
    with EpisodeWriter(tmp_path, META) as writer, pytest.raises(DataError, match="reward=inf at 100.1"):
        writer.add_reward(np.inf, 100.1)
    plain = replace(META, rewarded=False)
    with EpisodeWriter(tmp_path, plain) as writer, pytest.raises(DataError, match="must begin as rewarded"):
        writer.add_reward(1.0, 100.1)


def test_a_check_names_rewards_that_are_not_finite(tmp_path):
    file = record(tmp_path) / "rewards.arrow"
    rows = pa.ipc.open_file(file.read_bytes()).read_all()
    rows = rows.set_column(1, "reward", pa.array([0.5, np.nan, 10.0]))
    with pa.ipc.new_file(file, rows.schema) as written:
        written.write_table(rows)
    found = [(problem.file, problem.key, problem.text) for problem in check_episode(tmp_path / "e1")]
    assert ("rewards.arrow", "reward", "1 of 3 are not finite") in found


def test_an_episode_whose_rewards_alone_are_damaged_is_made_whole_without_them(tmp_path):
    path = record(tmp_path)
    (path / "rewards.arrow").write_bytes(b"nothing of it")
    (repaired,) = repair_store(EpisodeStore(tmp_path))
    assert repaired.whole and "rewards.arrow" in repaired.text
    episode = read_episode(tmp_path / "e1")
    assert len(episode.steps) == 3 and len(episode.rewards) == 0
