"""Known actions at the beginning of a chunk."""

import math

import pytest
import torch
from drift_config.errors import ConfigError
from drift_core.samplers import Prefix, Start, make_sampler, prefix_weights
from drift_core.samplers.noise_schedule import NoiseSchedule

SCHEDULE = NoiseSchedule(100)
SHAPE = (1, 8, 2)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_imposed_steps_come_out_exactly_and_free_steps_are_the_network_s_own():
    known = torch.full(SHAPE, 0.7)
    weight = torch.tensor([1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    sampler = make_sampler("ddim-6", SCHEDULE, "sample")
    found = sampler.sample(lambda x, k: torch.zeros_like(x), SHAPE, generator(), prefix=Prefix(known, weight))
    torch.testing.assert_close(found[:, :3], known[:, :3])
    torch.testing.assert_close(found[:, 3:], torch.zeros(1, 5, 2))


def test_the_network_sees_the_prefix_at_the_noise_level_of_the_step():
    known = torch.full(SHAPE, 0.5)
    first = torch.randn(SHAPE, generator=generator())
    seen = {}

    def denoise(x, k):
        seen[int(k[0])] = x[:, 0].clone()
        return torch.zeros_like(x)

    weight = torch.tensor([1.0] + [0.0] * 7)
    make_sampler("ddim-4", SCHEDULE, "sample").sample(
        denoise, SHAPE, generator(), initial=first, prefix=Prefix(known, weight)
    )
    for k, x in seen.items():
        abar = SCHEDULE.abar(k)
        torch.testing.assert_close(x, math.sqrt(abar) * known[:, 0] + math.sqrt(1.0 - abar) * first[:, 0])


def test_a_path_that_begins_at_the_known_actions_stays_there():
    # A warm start: clean actions taken for x_20. Its noise then is what an update with x_0 = known leaves.
    known = torch.full(SHAPE, 0.5)
    seen = {}

    def denoise(x, k):
        seen[int(k[0])] = float(x[0, 0, 0])
        return torch.zeros_like(x)

    weight = torch.tensor([1.0] + [0.0] * 7)
    start = Start(known, (20, 10, 0))
    make_sampler("ddim-4", SCHEDULE, "sample").sample(
        denoise, SHAPE, generator(), start=start, prefix=Prefix(known, weight)
    )
    noise = 0.5 * (1.0 - math.sqrt(SCHEDULE.abar(20))) / math.sqrt(1.0 - SCHEDULE.abar(20))
    for k, x in seen.items():
        abar = SCHEDULE.abar(k)
        assert x == pytest.approx(0.5 * math.sqrt(abar) + math.sqrt(1.0 - abar) * noise)
    assert seen[20] == pytest.approx(0.5)


def test_a_chunk_bends_towards_its_prefix_where_the_network_is_smooth():
    # A network that averages over time carries the prefix into the free steps.
    def smoothing(x, k):
        kernel = torch.ones(2, 1, 5) / 5.0
        padded = torch.nn.functional.pad(x.transpose(1, 2), (2, 2), mode="replicate")
        return torch.nn.functional.conv1d(padded, kernel, groups=2).transpose(1, 2)

    known = torch.full(SHAPE, 1.0)
    weight = prefix_weights(imposed=3, overlap=6, horizon=8)
    sampler = make_sampler("ddim-10", SCHEDULE, "sample")
    zeros = torch.zeros(SHAPE)
    free = sampler.sample(smoothing, SHAPE, generator(), initial=zeros)
    joined = sampler.sample(smoothing, SHAPE, generator(), initial=zeros, prefix=Prefix(known, weight))
    assert (joined[:, 6] > free[:, 6] + 0.05).all()


def test_rows_with_weight_zero_may_hold_anything():
    known = torch.full(SHAPE, math.nan)
    known[:, 0] = 0.1
    weight = torch.tensor([1.0] + [0.0] * 7)
    found = make_sampler("ddim-3", SCHEDULE, "sample").sample(
        lambda x, k: 0.5 * x, SHAPE, generator(), prefix=Prefix(known, weight)
    )
    assert torch.isfinite(found).all()


def test_soft_weights_fall_from_one_to_zero():
    weight = prefix_weights(imposed=2, overlap=4, horizon=6)
    # c = 2/3, 1/3 for steps 2 and 3; c (e^c - 1) / (e - 1).
    expected = [
        1.0,
        1.0,
        2 / 3 * math.expm1(2 / 3) / math.expm1(1),
        1 / 3 * math.expm1(1 / 3) / math.expm1(1),
        0,
        0,
    ]
    assert weight.tolist() == pytest.approx(expected)


def test_weights_say_what_is_allowed():
    with pytest.raises(
        ConfigError, match="imposed=5, overlap=4 must satisfy 0 <= imposed <= overlap <= horizon=6"
    ):
        prefix_weights(imposed=5, overlap=4, horizon=6)
