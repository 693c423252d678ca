"""Warm starts from the previous chunk."""

import pytest
import torch
from drift_config.errors import ConfigError
from drift_core.samplers import RtiSampler, WarmStart, make_sampler
from drift_core.samplers.noise_schedule import NoiseSchedule

SCHEDULE = NoiseSchedule(100)
SHAPE = (1, 8, 2)
RAMP = torch.linspace(-0.7, 0.7, 8)[None, :, None].expand(SHAPE).contiguous()
COLD = (92, 61, 31, 0)


def generator():
    return torch.Generator().manual_seed(0)


class CountingNetwork:
    """Predicts `answer` as clean data and remembers what it was asked."""

    def __init__(self, answer):
        self.answer = answer
        self.asked = []

    def __call__(self, x, k):
        self.asked.append((int(k[0]), x.clone()))
        return self.answer if isinstance(self.answer, torch.Tensor) else self.answer(x)


def sampler(**options):
    options = {"steps": (5, 2, 0), "max_shift_share": 0.5} | options
    return RtiSampler(SCHEDULE, "sample", COLD, WarmStart(**options))


def steps_asked(network):
    return [k for k, _ in network.asked]


def observe(rti, stamp_s, condition=None):
    rti.observe(stamp_s, 0.1, torch.ones(1, 4) if condition is None else condition)


def test_the_first_chunk_is_a_full_denoise_and_the_next_a_short_one():
    rti, network = sampler(), CountingNetwork(RAMP)
    rti.sample(network, SHAPE, generator())
    assert steps_asked(network) == [92, 61, 31, 0] and rti.cold
    network.asked.clear()
    rti.sample(network, SHAPE, generator())
    assert steps_asked(network) == [5, 2, 0] and not rti.cold


def test_the_guess_is_the_last_chunk_shifted_by_the_steps_that_elapsed():
    rti, network = sampler(), CountingNetwork(RAMP)
    observe(rti, 10.0)
    rti.sample(network, SHAPE, generator())
    network.asked.clear()
    observe(rti, 10.31)  # three steps of 0.1 s
    rti.sample(network, SHAPE, generator())
    guess = network.asked[0][1]
    torch.testing.assert_close(guess[:, :5], RAMP[:, 3:], rtol=0, atol=1e-6)
    torch.testing.assert_close(guess[:, 5:], RAMP[:, -1:].expand(-1, 3, -1), rtol=0, atol=1e-6)


def test_the_guess_gets_noise_of_its_level_on_request():
    rti, network = sampler(steps=(20, 0), renoise=True), CountingNetwork(RAMP)
    rti.sample(network, (1, 8, 2), generator())
    rti.sample(network, (1, 8, 2), generator())
    guess = torch.cat([RAMP[:, 1:], RAMP[:, -1:]], dim=1)
    noise = (network.asked[4][1] - SCHEDULE.abar(20) ** 0.5 * guess) / (1 - SCHEDULE.abar(20)) ** 0.5
    assert 0.5 < noise.std() < 1.5


@pytest.mark.parametrize("stamp_s, why", [(10.5, "more than half is repetition"), (9.9, "time went back")])
def test_a_chunk_that_does_not_overlap_enough_is_not_used(stamp_s, why):
    rti, network = sampler(), CountingNetwork(RAMP)
    observe(rti, 10.0)
    rti.sample(network, SHAPE, generator())
    observe(rti, stamp_s)
    rti.sample(network, SHAPE, generator())
    assert rti.cold, why


def test_reset_forgets_the_last_chunk():
    rti, network = sampler(), CountingNetwork(RAMP)
    rti.sample(network, SHAPE, generator())
    rti.reset()
    rti.sample(network, SHAPE, generator())
    assert rti.cold


def test_a_jump_of_the_observation_gives_a_full_denoise():
    rti, network = sampler(observation_jump=0.5), CountingNetwork(RAMP)
    observe(rti, 10.0, torch.ones(1, 4))
    rti.sample(network, SHAPE, generator())
    observe(rti, 10.1, torch.full((1, 4), 1.4))  # RMS(c - c') = 0.4
    rti.sample(network, SHAPE, generator())
    assert not rti.cold
    observe(rti, 10.2, torch.full((1, 4), 0.6))  # 0.8
    rti.sample(network, SHAPE, generator())
    assert rti.cold


def test_a_small_step_across_the_middle_of_the_range_is_no_jump():
    rti, network = sampler(observation_jump=0.5), CountingNetwork(RAMP)
    observe(rti, 10.0, torch.full((1, 4), -0.1))
    rti.sample(network, SHAPE, generator())
    observe(rti, 10.1, torch.full((1, 4), 0.1))  # 0.2, twice the condition itself
    rti.sample(network, SHAPE, generator())
    assert not rti.cold


def test_a_result_far_from_its_guess_gives_a_full_denoise():
    rti = sampler(chunk_jump=0.5)
    rti.sample(CountingNetwork(torch.full(SHAPE, -0.5)), SHAPE, generator())
    elsewhere = CountingNetwork(torch.full(SHAPE, 0.5))
    rti.sample(elsewhere, SHAPE, generator())
    assert rti.cold and steps_asked(elsewhere) == [5, 2, 0, 92, 61, 31, 0]


@pytest.mark.parametrize("chunk_jump", [0.2, None])
def test_an_output_that_is_not_finite_is_not_kept(chunk_jump):
    rti, network = sampler(chunk_jump=chunk_jump), CountingNetwork(RAMP)
    observe(rti, 10.0)
    rti.sample(network, SHAPE, generator())
    broken = CountingNetwork(torch.full(SHAPE, float("nan")))
    observe(rti, 10.1)
    assert rti.sample(broken, SHAPE, generator()).isnan().all()
    assert steps_asked(broken) == [5, 2, 0, 92, 61, 31, 0]  # the warm result was not believed
    observe(rti, 10.2)
    torch.testing.assert_close(rti.sample(network, SHAPE, generator()), RAMP, rtol=0, atol=1e-5)
    assert rti.cold
    observe(rti, 10.3)
    rti.sample(network, SHAPE, generator())
    assert not rti.cold


def test_a_condition_that_is_not_finite_is_a_jump():
    rti, network = sampler(), CountingNetwork(RAMP)
    observe(rti, 10.0)
    rti.sample(network, SHAPE, generator())
    observe(rti, 10.1, torch.full((1, 4), float("nan")))
    rti.sample(network, SHAPE, generator())
    assert rti.cold


def test_steps_are_counted_from_the_chunk_that_is_there_and_not_from_an_observation_that_gave_none():
    def broken(x, k):
        raise ValueError("the engine is gone")

    rti, network = sampler(), CountingNetwork(RAMP)
    observe(rti, 10.0)
    rti.sample(network, SHAPE, generator())
    network.asked.clear()
    observe(rti, 10.2)
    with pytest.raises(ValueError, match="the engine is gone"):
        rti.sample(broken, SHAPE, generator())
    observe(rti, 10.4)
    rti.sample(network, SHAPE, generator())
    guess = network.asked[0][1]
    torch.testing.assert_close(guess[:, :4], RAMP[:, 4:], rtol=0, atol=1e-6)  # four steps of 0.1 s


def test_a_jump_is_measured_from_the_observation_of_the_chunk_that_is_there():
    rti, network = sampler(observation_jump=0.5), CountingNetwork(RAMP)
    observe(rti, 10.0, torch.ones(1, 4))
    rti.sample(network, SHAPE, generator())
    observe(rti, 10.1, torch.full((1, 4), 1.4))  # gave no chunk
    observe(rti, 10.2, torch.full((1, 4), 1.8))  # 0.4 from that one, 0.8 from the chunk's
    rti.sample(network, SHAPE, generator())
    assert rti.cold


def test_discrete_columns_of_the_guess_shrink_to_a_tenth_of_their_sign():
    answer = torch.stack([torch.full((1, 8), 0.9), torch.full((1, 8), -0.8)], dim=2)
    rti, network = sampler(discrete_columns=(1,)), CountingNetwork(answer)
    rti.sample(network, SHAPE, generator())
    network.asked.clear()
    rti.sample(network, SHAPE, generator())
    guess = network.asked[0][1]
    torch.testing.assert_close(guess[0, 0], torch.tensor([0.9, -0.1]), rtol=0, atol=1e-5)


def test_another_batch_size_is_a_new_beginning():
    rti = sampler()
    rti.sample(CountingNetwork(RAMP), SHAPE, generator())
    rti.sample(CountingNetwork(RAMP.repeat(2, 1, 1)), (2, 8, 2), generator())
    assert rti.cold


def test_a_given_latent_is_denoised_in_full():
    rti, network = sampler(), CountingNetwork(RAMP)
    rti.sample(network, SHAPE, generator())
    rti.sample(network, SHAPE, generator(), initial=torch.zeros(SHAPE))
    assert rti.cold


def test_thresholds_must_be_positive():
    with pytest.raises(ConfigError, match="chunk_jump=0.0 must be positive, or None"):
        sampler(chunk_jump=0.0)


def test_warm_steps_by_name_end_at_zero():
    assert make_sampler("rti-1", SCHEDULE, "sample").polish[-1] >= 0
    assert make_sampler("rti-3", SCHEDULE, "sample").polish == (25, 12, 0)
