import numpy as np
import pytest
from drift_core.policy.prefix import chunk_prefix

OLD = np.stack([np.arange(8.0), 10.0 * np.arange(8.0)], axis=1)  # step i has value i, due at (i + 1) * 0.1 s


def test_two_steps_later_the_new_chunk_begins_with_the_third_old_step():
    prefix = chunk_prefix(OLD, old_t_ref_s=5.0, t_ref_s=5.2, done_s=5.35, dt_s=0.1)
    known = prefix.known[0].numpy()
    assert known[:6, 0].tolist() == pytest.approx([2.0, 3.0, 4.0, 5.0, 6.0, 7.0])
    assert known[:6, 1].tolist() == pytest.approx([20.0, 30.0, 40.0, 50.0, 60.0, 70.0])
    # step 0, due at 5.3, runs before the inference ends at 5.35; step 1, due at 5.4, is then approached
    weight = prefix.weight.tolist()
    assert weight[:2] == [1.0, 1.0] and 0.0 < weight[2] < 1.0 and weight[6:] == [0.0, 0.0]
    assert all(a > b for a, b in zip(weight[1:6], weight[2:6], strict=False))


def test_between_the_grid_points_the_old_chunk_is_interpolated():
    prefix = chunk_prefix(OLD, old_t_ref_s=5.0, t_ref_s=5.05, done_s=5.05, dt_s=0.1)
    assert prefix.known[0, :3, 0].tolist() == pytest.approx([0.5, 1.5, 2.5])


def test_nothing_is_imposed_when_the_old_chunk_is_over_or_younger():
    assert chunk_prefix(OLD, old_t_ref_s=5.0, t_ref_s=5.8, done_s=5.9, dt_s=0.1) is None
    assert chunk_prefix(OLD, old_t_ref_s=5.0, t_ref_s=4.9, done_s=5.0, dt_s=0.1) is None
    assert (
        chunk_prefix(OLD, old_t_ref_s=5.0, t_ref_s=5.7, done_s=5.9, dt_s=0.1).weight.tolist()
        == [1.0] + [0.0] * 7
    )
