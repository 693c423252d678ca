"""Guided denoising of Gaussians, whose best denoiser is known: what is pushed, and what follows."""

import math

import pytest
import torch
from drift_core.samplers import DdimSampler, make_sampler
from drift_core.samplers.noise_schedule import NoiseSchedule
from drift_core.training.synthetic.experience import RowScale
from drift_core.training.synthetic.guidance import PolicyGuide, strength, unit_length

SCHEDULE = NoiseSchedule(100)
CORRELATION = 0.6  # of what is seen and the chunk, both N(0, 1); rows: seen, chunk, reward, last
PLAIN = RowScale(torch.tensor([[[-1.0] * 4], [[1.0] * 4]]), 1)  # centre 0, half a range 1


def gains(k):
    """Return how much of seen + chunk, and of seen - chunk, the best estimate of clean data keeps."""
    abar = SCHEDULE.abar(k)
    return [math.sqrt(abar) * v / (abar * v + 1.0 - abar) for v in (1.0 + CORRELATION, 1.0 - CORRELATION)]


def best(x, k):
    """Return the mean of clean rows given noised ones `x` (B, 1, 4)."""
    plus, minus = gains(int(k[0]))
    seen, chunk = x[..., :1], x[..., 1:2]
    together, apart = plus * (seen + chunk) / 2.0, minus * (seen - chunk) / 2.0
    rest = math.sqrt(SCHEDULE.abar(int(k[0]))) * x[..., 2:]
    return torch.cat([together + apart, together - apart, rest], dim=-1)


def rows_of(sampler, guide=None, count=8):
    return sampler.sample(best, (count, 1, 4), torch.Generator().manual_seed(0), guide=guide)[:, 0]


def always(value):
    return lambda seen: torch.full((len(seen), 1, 1), value)


def test_the_strength_falls_with_a_wave_on_it_and_the_last_step_is_never_guided():
    # 1 - i / 4 + 0.3 sin(pi (i + 1) / 4)
    expected = [1.0 + 0.3 * math.sqrt(0.5), 0.75 + 0.3, 0.5 + 0.3 * math.sqrt(0.5), 0.0]
    assert [strength(i, 4) for i in range(4)] == pytest.approx(expected)


def test_a_gradient_of_zero_pushes_nowhere_and_any_other_by_one():
    given = torch.tensor([[3.0, 4.0], [0.0, 0.0], [0.0, -1e-3]])
    torch.testing.assert_close(
        unit_length(given), torch.tensor([[0.6, 0.8], [0.0, 0.0], [0.0, -1.0]]), atol=2e-5, rtol=0
    )


def test_who_already_does_what_is_wanted_is_not_pushed():
    rows = torch.tensor([[[0.5, 0.25, 0.0, 0.0]]])
    guide = PolicyGuide(always(0.25), 1.0, True, PLAIN, (50, 10))
    assert torch.equal(guide(rows, rows, 50), rows)


def test_two_steps_push_the_chunk_and_what_is_seen_follows_by_hand():
    k, k_next = 60, 20
    sampler = DdimSampler(SCHEDULE, "sample", (k, k_next), clip=None)
    guide = PolicyGuide(always(5.0), 0.5, True, PLAIN, sampler.steps)  # far away: by one length at each step
    moved = (rows_of(sampler, guide) - rows_of(sampler)).mean(0)
    # The first of two steps has strength 1 + 0.3 sin(pi / 2), the last none. DDIM keeps the noise that
    # belongs to the pushed estimate.
    abar, abar_next = SCHEDULE.abar(k), SCHEDULE.abar(k_next)
    kept = math.sqrt(abar_next) - math.sqrt((1.0 - abar_next) / (1.0 - abar)) * math.sqrt(abar)
    plus, minus = gains(k_next)
    chunk, seen = ((plus + minus) / 2.0, (plus - minus) / 2.0)
    expected = 0.5 * 1.3 * kept * torch.tensor([seen, chunk, 0.0, 0.0])
    torch.testing.assert_close(moved, expected, atol=1e-5, rtol=0)
    assert moved[0] > 0.03 and moved[1] > 0.03


def test_without_unit_length_the_push_is_in_proportion_to_the_distance():
    rows = torch.tensor([[[0.0, -0.5, 0.0, 0.0]]])
    guide = PolicyGuide(always(0.5), 0.25, False, PLAIN, (50, 10))
    # distance 1, coefficient 0.25, strength 1.3
    torch.testing.assert_close(guide(rows, rows, 50)[0, 0, 1], torch.tensor(-0.5 + 0.325))


def test_the_distance_is_that_in_normalised_numbers():
    scale = RowScale(torch.tensor([[[0.0, 0.0, 0.0, 0.0]], [[2.0, 40.0, 1.0, 1.0]]]), 1)
    normal = torch.tensor([[[0.5, 0.0, 0.0, 0.0]]])  # raw: seen 1.5, chunk 20
    asked = []

    def wanted(seen):
        asked.append(seen)
        return torch.full((1, 1, 1), 30.0)  # normalised 0.5

    guided = PolicyGuide(wanted, 0.1, False, scale, (50, 10))(normal, normal, 50)
    assert asked[0].tolist() == [[1.5]]
    assert guided[0, 0].tolist() == pytest.approx([0.5, 0.1 * 1.3 * 0.5, 0.0, 0.0])


def test_a_coefficient_of_zero_gives_the_unguided_sample_to_the_bit():
    sampler = make_sampler("ddpm-20", SCHEDULE, "sample")
    guide = PolicyGuide(always(5.0), 0.0, True, PLAIN, sampler.steps)
    assert torch.equal(rows_of(sampler, guide), rows_of(sampler))


def test_the_density_of_what_is_wanted_rises_with_the_coefficient_and_the_two_stay_together():
    sampler = make_sampler("ddim-32", SCHEDULE, "sample", clip=None)
    distances, slopes = [], []
    for coefficient in (0.0, 0.03, 0.06, 0.12):
        guide = PolicyGuide(always(2.0), coefficient, True, PLAIN, sampler.steps)
        rows = rows_of(sampler, guide, count=2000)
        distances.append(float((rows[:, 1] - 2.0).square().mean()))
        slopes.append(float((rows[:, 0] * rows[:, 1]).mean() / rows[:, 1].square().mean()))
    # N(0, 1) is sqrt(1 + 4) from 2
    assert distances[0] == pytest.approx(5.0, abs=0.2) and distances == sorted(distances, reverse=True)
    assert distances[-1] < 4.5
    # E[seen | chunk] = 0.6 chunk, guided or not
    assert slopes == pytest.approx([CORRELATION] * 4, abs=0.1)
