import math

import pytest
import torch
from diffusers import DDPMScheduler
from drift_config.errors import ConfigError
from drift_core.samplers.noise_schedule import CLEAN, NoiseSchedule


def test_signal_shares_are_those_of_diffusers():
    reference = DDPMScheduler(100, beta_schedule="squaredcos_cap_v2").alphas_cumprod
    torch.testing.assert_close(NoiseSchedule(100).alphas_cumprod, reference, rtol=1e-4, atol=1e-9)


def test_noise_spread_at_known_steps():
    # sqrt(1 - abar_k) on this schedule, from an independent computation.
    schedule = NoiseSchedule(100)
    spread = [math.sqrt(1.0 - schedule.abar(k)) for k in (2, 3, 5, 10, 20, 28, 40)]
    assert spread == pytest.approx([0.058, 0.074, 0.105, 0.182, 0.333, 0.448, 0.606], abs=6e-4)


def test_clean_data_has_no_noise():
    assert NoiseSchedule(100).abar(CLEAN) == 1.0


@pytest.mark.parametrize("prediction", ["epsilon", "sample", "v"])
def test_a_perfect_prediction_gives_the_clean_data_back(prediction):
    schedule = NoiseSchedule(100)
    generator = torch.Generator().manual_seed(0)
    x_0, noise = torch.randn(2, 3, 4, generator=generator), torch.randn(2, 3, 4, generator=generator)
    k = torch.tensor([50, 50])
    x_k = schedule.add_noise(x_0, noise, k)
    output = schedule.target(x_0, noise, k, prediction)
    torch.testing.assert_close(
        schedule.clean_estimate(x_k, output, 50, prediction), x_0, rtol=1e-5, atol=1e-5
    )
    torch.testing.assert_close(schedule.noise_estimate(x_k, x_0, 50), noise, rtol=1e-5, atol=1e-5)


def test_noising_mixes_with_the_shares_of_each_row():
    schedule = NoiseSchedule(100)
    x_k = schedule.add_noise(torch.ones(2, 1, 1), torch.zeros(2, 1, 1), torch.tensor([0, 50]))
    expected = [math.sqrt(schedule.abar(0)), math.sqrt(schedule.abar(50))]
    assert x_k.flatten().tolist() == pytest.approx(expected)


def test_few_steps_start_where_a_tenth_of_the_signal_is_left():
    schedule = NoiseSchedule(100)
    assert schedule.cubic_steps(4) == (92, 39, 12, 1)  # 92 times 1, 27/64, 1/8, 1/64
    assert math.sqrt(schedule.abar(92)) >= 0.1 > math.sqrt(schedule.abar(93))
    assert schedule.cubic_steps(100) == tuple(range(99, -1, -1))
    assert schedule.cubic_steps(1) == (92,)


@pytest.mark.parametrize("count", [8, 10, 16, 37, 93, 94, 99])
def test_many_steps_are_different_and_decrease_to_zero(count):
    steps = NoiseSchedule(100).cubic_steps(count)
    assert len(steps) == count and steps[-1] == 0
    assert all(a > b for a, b in zip(steps, steps[1:], strict=False))


def test_too_many_steps_are_refused():
    with pytest.raises(ConfigError, match=r"steps=101 must lie in \[1, train_steps=100\]"):
        NoiseSchedule(100).cubic_steps(101)


def test_a_step_outside_the_schedule_is_refused():
    with pytest.raises(ConfigError, match=r"k=100 must lie in \[-1, 99\]"):
        NoiseSchedule(100).abar(100)


def test_an_unknown_prediction_says_what_is_allowed():
    with pytest.raises(ConfigError, match="prediction='x0' must be one of: epsilon, sample, v"):
        NoiseSchedule(100).target(torch.zeros(1, 1, 1), torch.zeros(1, 1, 1), torch.tensor([0]), "x0")
