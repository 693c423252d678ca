"""A round on preferences: from the store to a checkpoint, or why there is nothing to learn."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from drift_config.loader import parse
from drift_core.data.cutter import WindowCutter
from drift_core.data.pictures import PictureMemory
from drift_core.episodes import EpisodeStore
from drift_core.policy.checkpoint import checkpoint_path, load_checkpoint, load_latest
from drift_core.preferences import Mark, Marks
from drift_core.preferences.pair_data import PairData
from drift_core.training.config import TrainFile
from drift_core.training.rounds import Hooks, NoDataError, Rounds, WorseError, train_round
from point_episodes import CORRECTED, EXPERT, POLICY, attempt, chunk, record
from small_rounds import FILE, TASK

MADE_MEANWHILE = [chunk(2, 1001.2, value=5.0), chunk(3, 1001.7, value=7.0)]


def rounds_of(folder, **preferences):
    file = parse(FILE | {"preferences": {"steps": 10, **preferences}}, TrainFile, "x.yaml")
    return Rounds(None, TASK, file, EpisodeStore(folder / "episodes"), folder / "checkpoints")


def pairs_of(folder, marks=(), sources=("take_overs", "marks")):
    store = EpisodeStore(folder / "episodes")
    found = PairData(store, WindowCutter(store, None, TASK), PictureMemory(1 << 20))
    found.read(sources, marks, lambda done, total: None)
    return found


@pytest.fixture
def bootstrapped(tmp_path):
    """A folder with a demonstration and a policy that has learned from it."""
    record(tmp_path / "episodes", "d1", [(1.0, EXPERT, 1, 0, 1)], [], kind="demonstration")
    train_round(rounds_of(tmp_path), "offline")
    return tmp_path


def test_pairs_of_take_overs_show_the_observation_and_both_chunks(tmp_path):
    record(tmp_path / "episodes", "m1", CORRECTED, MADE_MEANWHILE)
    pairs = pairs_of(tmp_path)
    assert len(pairs) == 2
    batch = pairs.batch(torch.Generator().manual_seed(0), 32)
    assert torch.equal(batch.state, batch.refused.state) and batch.actions.shape == (32, 4, 2)
    # at 1.2 s the point is at 0.6, and goes on by 0.05 per step; the policy wanted to go to 5
    first = batch.state[:, 0, 0] < 0.7
    torch.testing.assert_close(batch.actions[first][0, :, 0], torch.tensor([0.65, 0.7, 0.75, 0.8]))
    assert batch.refused.actions[first][0, :, 0].tolist() == [5.0, 6.0, 7.0, 8.0]
    assert batch.mask[first].all() and batch.mask[~first][0].tolist() == [True, True, False, False]
    assert 0.2 < first.float().mean() < 0.8


def test_a_chunk_between_two_policy_steps_is_found_too(tmp_path):
    record(tmp_path / "episodes", "m1", CORRECTED, [chunk(2, 1001.24)])  # windows are cut at 1.2 and 1.3 s
    assert len(pairs_of(tmp_path)) == 1


def test_a_mark_pairs_two_observations(tmp_path):
    attempt(tmp_path / "episodes", "m1", 0.0)
    attempt(tmp_path / "episodes", "m2", 100.0)
    pairs = pairs_of(tmp_path, [Mark("m1", "m2", "b", 1.0)])
    assert len(pairs) == 2
    batch = pairs.batch(torch.Generator().manual_seed(0), 16)
    assert (batch.actions[:, 0, 0] >= 100.0).all() and (batch.refused.actions[:, 0, 0] < 100.0).all()
    assert len(pairs_of(tmp_path, [Mark("m1", "m2", "b", 1.0)], ["take_overs"])) == 0


def test_an_episode_of_weight_0_gives_no_pair(tmp_path):
    record(tmp_path / "episodes", "m1", CORRECTED, MADE_MEANWHILE, weight=0.0)
    assert len(pairs_of(tmp_path)) == 0


def test_what_is_broken_is_left_out_by_name(tmp_path):
    record(tmp_path / "episodes", "m1", CORRECTED, MADE_MEANWHILE)
    record(tmp_path / "episodes", "m2", CORRECTED, [])
    record(tmp_path / "episodes", "m3", CORRECTED, [chunk(2, 1001.2003)])  # nobody saw anything then
    pairs = pairs_of(tmp_path, [Mark("m1", "m9", "a", 1.0)])
    assert len(pairs) == 2
    assert "record it with a policy that runs beside the person" in pairs.left_out["m2"]
    assert "m9" in pairs.left_out["mark of m1 and m9"]
    assert set(pairs.left_out) == {"m2", "mark of m1 and m9"}


@pytest.mark.parametrize("objective", [{"kind": "d3po"}, {"kind": "set_supervised", "radius": 0.0}])
def test_a_round_learns_from_a_take_over_at_the_minimum_rank(bootstrapped, objective):
    record(bootstrapped / "episodes", "m1", CORRECTED, MADE_MEANWHILE)
    seen = []
    rounds = rounds_of(bootstrapped, objective=objective)
    made = train_round(rounds, "preferences", Hooks(on_progress=seen.append))
    assert (made.info.version, made.info.parent, made.info.reason) == (
        2,
        1,
        f"{objective['kind']} on 2 pairs",
    )
    assert len(seen) == 10 and {at.rank for at in seen} == {0.25}
    before, after = (
        load_checkpoint(checkpoint_path(bootstrapped / "checkpoints", version)).policy for version in (1, 2)
    )
    assert any((new != old).any() for new, old in zip(after.parameters(), before.parameters(), strict=True))


def test_what_is_far_worse_on_held_out_windows_is_not_announced(bootstrapped):
    store = EpisodeStore(bootstrapped / "episodes")
    kept = next(name for name in (f"d{number}" for number in range(2, 99)) if store.held_out(name))
    record(store.root, kept, [(1.0, EXPERT, 1, 0, 1)], [], kind="demonstration")
    record(store.root, "m1", CORRECTED, MADE_MEANWHILE)
    with pytest.raises(WorseError, match=r"not announced: held-out loss .* of version 1 is .* is allowed"):
        train_round(rounds_of(bootstrapped, canary_tolerance=0.0, lr=0.3, steps=30), "preferences")
    assert load_latest(bootstrapped / "checkpoints").info.version == 1


def test_where_the_policy_wanted_what_was_done_there_is_nothing_to_learn(bootstrapped):
    alike = np.array([[0.65], [0.70], [0.75], [0.80]]).repeat(2, 1)  # what the person does after 1.2 s
    record(bootstrapped / "episodes", "m1", CORRECTED, [replace(chunk(2, 1001.2), data=alike)])
    with pytest.raises(NoDataError, match="all 1 pairs in .* are alike: .* take over where the policy goes"):
        train_round(rounds_of(bootstrapped), "preferences")


def test_marks_of_the_run_are_learned_from(bootstrapped):
    attempt(bootstrapped / "episodes", "m1", 0.0)
    attempt(bootstrapped / "episodes", "m2", 1.0)
    Marks(bootstrapped / "preferences.jsonl").add(Mark("m1", "m2", "a", 1.0))
    assert train_round(rounds_of(bootstrapped), "preferences").info.reason == "d3po on 2 pairs"


def test_without_a_pair_nothing_is_trained_and_it_is_said_what_to_do(bootstrapped):
    attempt(bootstrapped / "episodes", "m1", 0.0)
    attempt(bootstrapped / "episodes", "m2", 1.0)
    Marks(bootstrapped / "preferences.jsonl").add(Mark("m1", "m2", "equal", 1.0))
    record(bootstrapped / "episodes", "m3", [(1.0, POLICY, 0, 1, 1), (1.0, EXPERT, 1, 0, 1)], [])
    with pytest.raises(NoDataError) as refused:
        train_round(rounds_of(bootstrapped), "preferences")
    said = str(refused.value)
    assert "no pair in" in said and "take over from a policy that drives" in said
    assert "all 1 marks are equal: prefer one attempt to another with drift prefer" in said
    assert "m3: episode m3: no chunk of the policy is in it: record it with a policy that runs" in said
    assert load_latest(bootstrapped / "checkpoints").info.version == 1


def test_windows_are_cut_where_they_are_asked_for(tmp_path):
    record(tmp_path / "episodes", "m1", CORRECTED, [])
    store = EpisodeStore(tmp_path / "episodes")
    cut = WindowCutter(store, None, TASK)
    found = cut.at(cut.episode("m1"), np.array([1001.5, 1000.02, 1000.01]))
    assert found.t_ref_s.tolist() == pytest.approx([1000.02, 1001.5])
