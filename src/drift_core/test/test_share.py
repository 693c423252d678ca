"""The shares of a batch are together the batch, with the same random numbers, and add up to its mean."""

import numpy as np
import torch
from drift_core.data.dataset import WindowDataset, mixed_batches
from drift_core.data.windows import WindowSet
from drift_core.denoisers.windows import Noise, Windows
from drift_core.encoders import random_shift
from drift_core.samplers.noise_schedule import NoiseSchedule
from drift_core.share import Portion, Split
from hypothesis import given, settings
from hypothesis import strategies as st
from recorded_frames import recorded

SIZES = st.integers(1, 9)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def windows(episode, count):
    """Windows of which each sees a frame of its own and the one before, of one camera."""
    frames = np.arange(count, dtype=np.uint8)[:, None, None, None] * np.ones((1, 24, 24, 3), dtype=np.uint8)
    rows = np.arange(count)[:, None]
    return WindowSet(
        episode,
        np.arange(count) / 10.0,
        {"front": recorded(frames)},
        rows,
        np.concatenate([np.maximum(rows - 1, 0), rows], axis=1),
        np.random.default_rng(count).normal(size=(count, 2, 3)).astype(np.float32),
        np.random.default_rng(count).normal(size=(count, 4, 2)).astype(np.float32),
        np.arange(4) <= rows,
        np.ones(count, dtype=np.int64),
        np.zeros(count, dtype=bool),
        np.ones(count, dtype=np.int64),
    )


def drawn(split, n_offline, n_online, batch_size, share):
    offline, online = WindowDataset([windows("a", n_offline)]), WindowDataset([windows("b", n_online)])
    return next(mixed_batches(offline, online, generator(), batch_size, share, split=split))


def test_of_seven_windows_two_processes_take_four_and_three():
    assert Split(0, 2).rows(0, 7).tolist() == [0, 2, 4, 6]
    assert Split(1, 2).rows(0, 7).tolist() == [1, 3, 5]
    # The three rows from row 7 on: 7, 8 and 9, of which the second process takes 7 and 9.
    assert Split(1, 2).rows(7, 3).tolist() == [0, 2]


@settings(deadline=None, max_examples=30)
@given(SIZES, SIZES, SIZES, st.sampled_from([0.0, 0.3, 0.5, 1.0]), st.integers(2, 4))
def test_shares_are_together_the_batch_that_one_process_draws(n_offline, n_online, size, share, count):
    whole = drawn(Split(), n_offline, n_online, size, share)
    shifted = random_shift(whole.images["front"], 1, generator(7))
    seen = shifted[whole.frame_index]
    found = torch.zeros(size, dtype=torch.long)
    for index in range(count):
        part = drawn(Split(index, count), n_offline, n_online, size, share)
        mine = part.share.windows.rows
        found[mine] += 1
        assert part.share.windows.of == size and part.share.frames.of == whole.n_frames
        for name in ("state", "actions", "mask"):
            assert torch.equal(getattr(part, name), getattr(whole, name)[mine])
        if len(mine):
            shifted = random_shift(part.images["front"], 1, generator(7), part.share.frames)
            assert torch.equal(shifted[part.frame_index], seen[mine])
    assert found.tolist() == [1] * size


@settings(deadline=None, max_examples=30)
@given(SIZES, st.integers(2, 4), st.integers(1, 3))
def test_noise_is_that_of_the_whole_batch(size, count, draws):
    schedule, actions = NoiseSchedule(10), torch.randn(size, 4, 2, generator=generator())
    whole = Noise(schedule, "epsilon", generator(), draws).add(actions)
    for index in range(count):
        rows = Split(index, count).rows(0, size)
        made = Noise(schedule, "epsilon", generator(), draws, Portion(rows, size)).add(actions[rows])
        of_whole = Portion(rows, size).repeated(draws).rows
        for name in ("x", "k", "target"):
            assert torch.equal(getattr(made, name), getattr(whole, name)[of_whole])


def test_what_shares_add_to_a_mean_is_a_sum_over_the_number_of_all():
    # 1, 2, 3 and 4, of which the 3 does not count: 7 / 3 = (1 + 0) / 3 + (2 + 4) / 3.
    values, counted = torch.tensor([1.0, 2.0, 3.0, 4.0]), torch.tensor([True, True, False, True])
    nothing = torch.zeros(0)
    whole = Windows(nothing, nothing, nothing).mean(values, counted)
    shares = Windows(nothing, nothing, nothing, total=lambda number: torch.tensor(3.0))
    first, second = (shares.mean(values[n::2], counted[n::2]) for n in (0, 1))
    assert float(first) == np.float32(1 / 3) and float(second) == 2.0
    assert torch.isclose(whole, torch.tensor(7 / 3))
    assert float(Windows(nothing, nothing, nothing).mean(values, torch.zeros(4))) == 0.0
