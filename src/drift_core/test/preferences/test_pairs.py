"""What a person did, over what the policy wanted of the same observation; and attempt over attempt."""

from dataclasses import replace

import numpy as np
import pytest
from drift_core.data.windows import WindowClass, cut_windows
from drift_core.errors import DataError
from drift_core.observation.spec import ObservationSpec
from drift_core.preferences import Mark, pairs_of_mark, pairs_of_take_overs
from point_episodes import CORRECTED, EXPERT, POLICY, attempt, chunk, record

SPEC = ObservationSpec((), state_dim=2, observation_steps=1, dt_s=0.1)


def windows(episode, horizon=4):
    return cut_windows(episode, SPEC, lambda q, opening_m: q, {}, horizon, "point")


def test_a_take_over_gives_a_pair_for_each_chunk_that_was_made_meanwhile(tmp_path):
    # the person drives from 1.0 to 2.0 s; the policy goes on at 1.2 and 1.7 s
    chunks = [chunk(1, 1000.0), chunk(2, 1001.2, value=5.0), chunk(3, 1001.7, value=7.0)]
    episode = record(tmp_path, "m1", CORRECTED, chunks)
    first, second = pairs_of_take_overs(windows(episode), episode.chunks)
    assert first.shared and second.shared
    assert (first.chosen.t_ref_s, first.refused.t_ref_s) == (pytest.approx(1001.2), pytest.approx(1001.2))
    # the action of tick n is 0.01 n; the set-points after 1.2 s are due at 1.3, 1.4, 1.5 and 1.6 s
    np.testing.assert_allclose(first.chosen.actions[:, 0], [0.65, 0.70, 0.75, 0.80], atol=1e-6)
    assert first.refused.actions[:, 0].tolist() == [5.0, 6.0, 7.0, 8.0] and first.mask.tolist() == [True] * 4
    assert first.refused.latent is None and second.refused.latent.shape == (8, 2)
    assert first.chosen.latent is None, "nobody denoised what the person did"
    # at 1.7 s the person's last label is due at 1.9 s: of what came later nobody knows
    assert second.mask.tolist() == [True, True, False, False]
    assert {side.episode_id for pair in (first, second) for side in (pair.chosen, pair.refused)} == {"m1"}


def test_pairs_are_as_long_as_the_shorter_of_both_chunks(tmp_path):
    episode = record(tmp_path, "m1", CORRECTED, [chunk(2, 1001.2, steps=3)])
    (pair,) = pairs_of_take_overs(windows(episode), episode.chunks)
    assert pair.chosen.actions.shape == pair.refused.actions.shape == (3, 2) and pair.mask.shape == (3,)


def test_a_demonstration_refuses_nothing(tmp_path):
    drives = [(1.0, EXPERT, 1, 0, 1)]
    episode = record(tmp_path, "d1", drives, [chunk(1, 1000.2)], kind="demonstration")
    cut = windows(episode)
    assert (cut.window_class == WindowClass.DEMONSTRATION).any()
    assert pairs_of_take_overs(cut, episode.chunks) == []


def test_a_correction_without_any_chunk_is_named_with_what_to_do(tmp_path):
    episode = record(tmp_path, "m1", CORRECTED, [])
    for chunks in (episode.chunks, None):
        with pytest.raises(DataError, match="episode m1: no chunk of the policy is in it: record it with"):
            pairs_of_take_overs(windows(episode), chunks)


def test_chunks_of_another_width_are_refused(tmp_path):
    odd = replace(chunk(2, 1001.2), data=np.zeros((4, 3)))
    episode = record(tmp_path, "m1", CORRECTED, [odd])
    with pytest.raises(DataError, match="episode m1: chunk 2 has 3 numbers a step, an action 2"):
        pairs_of_take_overs(windows(episode), episode.chunks)


@pytest.mark.parametrize(("answer", "better"), [("a", "m1"), ("b", "m2")])
def test_a_mark_prefers_chunk_by_chunk_what_was_executed(tmp_path, answer, better):
    one, other = attempt(tmp_path, "m1", 0.0), attempt(tmp_path, "m2", 100.0)
    pairs = pairs_of_mark(Mark("m1", "m2", answer, 1.0), one, other)
    assert [pair.chosen.episode_id for pair in pairs] == [better, better]
    assert not pairs[0].shared
    chosen = {"m1": 0.0, "m2": 100.0}[better]
    # the last control step of chunk 1 is due 0.38 s after its observation: on the way to its fourth set-point
    assert pairs[0].chosen.actions[:, 0].tolist() == [chosen, chosen + 1, chosen + 2, chosen + 3]
    # that of chunk 2 0.28 s after its own: on the way to the third one
    assert pairs[1].chosen.actions[:, 0].tolist() == [chosen + 10, chosen + 11, chosen + 12]
    assert [pair.mask.tolist() for pair in pairs] == [[True] * 4, [True] * 3]
    assert pairs[0].chosen.latent is not None and pairs[1].chosen.latent is None


def test_two_that_are_equally_good_give_no_pair(tmp_path):
    one, other = attempt(tmp_path, "m1", 0.0), attempt(tmp_path, "m2", 1.0)
    assert pairs_of_mark(Mark("m1", "m2", "equal", 1.0), one, other) == []


def test_attempts_of_which_chunks_are_missing_or_that_nobody_marked_are_named(tmp_path):
    one, other = attempt(tmp_path, "m1", 0.0), attempt(tmp_path, "m2", 1.0)
    bare = record(tmp_path, "m3", [(0.4, POLICY, 0, 1, 1)], [])
    by_hand = record(tmp_path, "m4", [(0.4, EXPERT, 1, 0, 1)], [])
    with pytest.raises(DataError, match="episode m3: chunk 1 that it executed is not in it: record it with"):
        pairs_of_mark(Mark("m1", "m3", "a", 1.0), one, bare)
    with pytest.raises(DataError, match="episode m4: no policy drove in it"):
        pairs_of_mark(Mark("m4", "m2", "a", 1.0), by_hand, other)
    with pytest.raises(DataError, match="episodes m2 and m1 must be m1 and m2, as in the mark"):
        pairs_of_mark(Mark("m1", "m2", "a", 1.0), other, one)
