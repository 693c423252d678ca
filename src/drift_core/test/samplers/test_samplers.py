"""Samplers against diffusers on the same noise, and their hooks against numbers worked out by hand."""

import math

import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler, DPMSolverMultistepScheduler
from drift_config.errors import ConfigError
from drift_core.errors import ShapeError
from drift_core.samplers import (
    SAMPLERS,
    DdimSampler,
    DdpmSampler,
    DpmSolverSampler,
    RtiSampler,
    Start,
    make_sampler,
)
from drift_core.samplers.noise_schedule import NoiseSchedule

SHAPE = (2, 8, 3)
SCHEDULE = NoiseSchedule(100)
NAME_IN_DIFFUSERS = {"epsilon": "epsilon", "sample": "sample", "v": "v_prediction"}
COMMON = {"num_train_timesteps": 100, "beta_schedule": "squaredcos_cap_v2"}


def smooth_network(x, k):
    """A smooth function of x and k that stands for a trained network."""
    return torch.tanh(0.7 * x + 0.3 * x.roll(1, dims=1)) + 0.1 * torch.sin(k.float() / 10.0)[:, None, None]


def latent(seed=0, shape=SHAPE):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def generator(seed=1):
    return torch.Generator().manual_seed(seed)


def run_diffusers(scheduler, timesteps, x, step_kwargs):
    for t in timesteps:
        output = smooth_network(x, t.expand(x.shape[0]))
        x = scheduler.step(output, t, x, **step_kwargs).prev_sample
    return x


@pytest.mark.parametrize("prediction", ["epsilon", "sample", "v"])
def test_ddpm_agrees_with_diffusers(prediction):
    # fixed_small variance, clip_sample to [-1, 1], all 100 steps.
    reference = DDPMScheduler(
        **COMMON,
        variance_type="fixed_small",
        clip_sample=True,
        clip_sample_range=1.0,
        prediction_type=NAME_IN_DIFFUSERS[prediction],
    )
    reference.set_timesteps(100)
    expected = run_diffusers(reference, reference.timesteps, latent(), {"generator": generator()})
    sampler = DdpmSampler(SCHEDULE, prediction, SCHEDULE.cubic_steps(100), clip=1.0)
    found = sampler.sample(smooth_network, SHAPE, generator(), initial=latent())
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("eta", [0.0, 1.0])
@pytest.mark.parametrize("prediction", ["epsilon", "sample", "v"])
def test_ddim_agrees_with_diffusers(prediction, eta):
    # Spacing "leading", 10 steps: 90, 80, ..., 0; clip_sample to [-1, 1] with the noise derived from the
    # clipped value (use_clipped_model_output); set_alpha_to_one: the last update leads to clean data.
    reference = DDIMScheduler(
        **COMMON,
        clip_sample=True,
        clip_sample_range=1.0,
        set_alpha_to_one=True,
        steps_offset=0,
        timestep_spacing="leading",
        prediction_type=NAME_IN_DIFFUSERS[prediction],
    )
    reference.set_timesteps(10)
    steps = tuple(range(90, -1, -10))
    assert tuple(reference.timesteps.tolist()) == steps
    options = {"eta": eta, "use_clipped_model_output": True, "generator": generator()}
    expected = run_diffusers(reference, reference.timesteps, latent(), options)
    sampler = DdimSampler(SCHEDULE, prediction, steps, clip=1.0, eta=eta)
    found = sampler.sample(smooth_network, SHAPE, generator(), initial=latent())
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # inside diffusers
@pytest.mark.parametrize("prediction", ["epsilon", "sample", "v"])
@pytest.mark.parametrize("steps", [(90, 80, 70, 60, 50, 40, 30, 20, 10, 0), (92, 60, 31, 8, 1)])
def test_dpm_solver_agrees_with_diffusers(prediction, steps):
    # dpmsolver++, solver_order 2, midpoint, lower_order_final, final_sigmas_type "zero", no thresholding.
    reference = DPMSolverMultistepScheduler(
        **COMMON,
        algorithm_type="dpmsolver++",
        solver_order=2,
        solver_type="midpoint",
        lower_order_final=True,
        final_sigmas_type="zero",
        thresholding=False,
        prediction_type=NAME_IN_DIFFUSERS[prediction],
    )
    reference.set_timesteps(timesteps=list(steps))
    expected = run_diffusers(reference, reference.timesteps, latent(), {})
    sampler = DpmSolverSampler(SCHEDULE, prediction, steps, clip=None)
    found = sampler.sample(smooth_network, SHAPE, generator(), initial=latent())
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def perfect_network(x_0, prediction):
    """Return a network that knows the answer."""

    def denoise(x, k):
        abar = SCHEDULE.alphas_cumprod[k][:, None, None]
        noise = (x - abar.sqrt() * x_0) / (1.0 - abar).sqrt()
        return {
            "epsilon": noise,
            "sample": x_0.expand_as(x),
            "v": abar.sqrt() * noise - (1 - abar).sqrt() * x_0,
        }[prediction]

    return denoise


@pytest.mark.parametrize("prediction", ["epsilon", "sample", "v"])
@pytest.mark.parametrize("name", [f"{kind}-{steps}" for kind in SAMPLERS for steps in (1, 2, 7, 100)])
def test_every_sampler_reaches_the_data_of_a_network_that_knows_it(name, prediction):
    x_0 = torch.linspace(-1.0, 1.0, 24).view(1, 8, 3)
    sampler = make_sampler(name, SCHEDULE, prediction)
    found = sampler.sample(perfect_network(x_0, prediction), SHAPE, generator())
    torch.testing.assert_close(found, x_0.expand(SHAPE), rtol=0, atol=2e-3)


@pytest.mark.parametrize("prediction", ["epsilon", "sample"])
@pytest.mark.parametrize("name", ["ddim-3", "ddim-8", "dpm-8", "ddpm-8", "ddpm-100"])
def test_few_steps_survive_a_network_with_errors(name, prediction):
    # An error of 0.05 in what the network predicts must not become many times that in the data.
    x_0 = torch.linspace(-0.8, 0.8, 24).view(1, 8, 3)
    exact = perfect_network(x_0, prediction)
    error = 0.05 * latent(seed=5)
    sampler = make_sampler(name, SCHEDULE, prediction)
    found = sampler.sample(lambda x, k: exact(x, k) + error, SHAPE, generator())
    assert (found - x_0).abs().mean() < 0.1


def test_the_first_step_of_all_does_not_blow_up_with_predicted_noise():
    # sqrt(abar_99) = 5e-4: an unclipped estimate from a noise error of 0.05 would be off by 100.
    sampler = DdimSampler(SCHEDULE, "epsilon", (99, 60, 30, 0), clip=1.2)
    exact = perfect_network(torch.zeros(1, 8, 3), "epsilon")
    found = sampler.sample(lambda x, k: exact(x, k) + 0.05, SHAPE, generator())
    assert found.abs().max() <= 1.2


def test_updates_are_for_the_actual_pair_of_steps():
    # One DDIM update 50 -> 10 by hand: sqrt(abar_10) x_0 + sqrt(1 - abar_10) noise.
    x_0, noise = latent(2).clamp(-1, 1), latent(3)
    k = torch.tensor([50, 50])
    x = SCHEDULE.add_noise(x_0, noise, k)
    sampler = DdimSampler(SCHEDULE, "sample", (50, 10))
    trace = sampler.trace(lambda x, k: x_0, SHAPE, generator(), start=Start(x, (50, 10)))
    expected = math.sqrt(SCHEDULE.abar(10)) * x_0 + math.sqrt(1.0 - SCHEDULE.abar(10)) * noise
    torch.testing.assert_close(trace.steps[0].x_next, expected, rtol=1e-4, atol=1e-4)
    assert [(step.k, step.k_next) for step in trace.steps] == [(50, 10), (10, -1)]


def test_a_gapped_ddpm_step_has_the_posterior_of_the_gap():
    # q(x_10 | x_50, x_0) is Gaussian; its precision and mean by Bayes' rule from the two factors.
    a, b = SCHEDULE.abar(50), SCHEDULE.abar(10)
    sampler = DdpmSampler(SCHEDULE, "sample", (50, 10))
    mean, sigma = sampler.update(torch.tensor([2.0]), torch.tensor([1.0]), 50, 10, None)
    precision = 1.0 / (1.0 - b) + (a / b) / (1.0 - a / b)
    by_bayes = (math.sqrt(b) / (1.0 - b) + math.sqrt(a / b) * 2.0 / (1.0 - a / b)) / precision
    assert sigma**2 == pytest.approx(1.0 / precision)
    assert mean.item() == pytest.approx(by_bayes, rel=1e-6)


def test_the_same_latent_gives_the_same_result_and_the_generator_is_not_touched():
    sampler = make_sampler("ddim-8", SCHEDULE, "epsilon")
    used = generator()
    before = used.get_state()
    first = sampler.sample(smooth_network, SHAPE, used, initial=latent())
    assert torch.equal(used.get_state(), before)
    assert torch.equal(sampler.sample(smooth_network, SHAPE, used, initial=latent()), first)


def test_starting_in_the_middle_continues_the_same_path():
    sampler = make_sampler("ddim-8", SCHEDULE, "epsilon")
    trace = sampler.trace(smooth_network, SHAPE, generator(), initial=latent())
    middle = trace.steps[3]
    rest = tuple(step.k for step in trace.steps[3:])
    found = sampler.sample(smooth_network, SHAPE, generator(), start=Start(middle.x, rest))
    assert torch.equal(found, trace.x_0)


def test_log_probability_is_a_sum_over_steps_and_dimensions():
    sampler = DdimSampler(SCHEDULE, "sample", (50, 10), eta=1.0)
    trace = sampler.trace(lambda x, k: torch.zeros_like(x), SHAPE, generator(), initial=latent())
    step, last = trace.steps
    mean, sigma = sampler.update(step.x, torch.zeros(SHAPE), 50, 10, None)
    expected = torch.distributions.Normal(mean, sigma).log_prob(step.x_next).sum(dim=(1, 2))
    torch.testing.assert_close(step.log_prob, expected)
    assert last.log_prob.tolist() == [0.0, 0.0]  # the update to clean data is deterministic
    torch.testing.assert_close(trace.log_prob(), expected)


def test_log_probability_of_a_recorded_step_is_differentiable_in_the_network():
    sampler = DdpmSampler(SCHEDULE, "epsilon", (50, 10))
    trace = sampler.trace(smooth_network, SHAPE, generator())
    step = trace.steps[0]
    gain = torch.ones((), requires_grad=True)
    again = sampler.log_prob(lambda x, k: gain * smooth_network(x, k), step)
    torch.testing.assert_close(again.detach(), step.log_prob)
    again.sum().backward()
    assert gain.grad is not None and torch.isfinite(gain.grad) and gain.grad != 0


def test_branches_share_the_past_and_differ_in_the_future():
    sampler = DdpmSampler(SCHEDULE, "epsilon", (90, 50, 10))
    trace = sampler.trace(smooth_network, SHAPE, generator())
    start = trace.branch(1, copies=3)
    assert start.steps == (50, 10) and start.x.shape == (6, 8, 3)
    assert torch.equal(start.x[0], start.x[2]) and torch.equal(start.x[3], trace.steps[1].x[1])
    found = sampler.sample(smooth_network, (6, 8, 3), generator(9), start=start)
    assert not torch.allclose(found[0], found[1])


def test_guidance_sees_x_and_the_clean_estimate_and_moves_the_result():
    seen = []

    def push_up(x, x_0, k):
        seen.append((tuple(x.shape), k))
        return x_0 + 0.5

    sampler = DdimSampler(SCHEDULE, "sample", (60, 20))
    found = sampler.sample(lambda x, k: torch.zeros_like(x), SHAPE, generator(), guide=push_up)
    assert seen == [(SHAPE, 60), (SHAPE, 20)]
    torch.testing.assert_close(found, torch.full(SHAPE, 0.5))


def test_extra_heads_of_a_network_are_tolerated():
    sampler = make_sampler("ddim-4", SCHEDULE, "epsilon")
    plain = sampler.sample(smooth_network, SHAPE, generator(), initial=latent())
    with_heads = sampler.sample(
        lambda x, k: (smooth_network(x, k), torch.zeros(7)), SHAPE, generator(), initial=latent()
    )
    assert torch.equal(plain, with_heads)


@pytest.mark.parametrize(
    "name", ["ddim", "ddim-", "ddim-0", "ddim-101", "euler-10", "ddim-1.5", "rti--3", ""]
)
def test_an_unknown_sampler_lists_the_allowed_ones(name):
    allowed = ", ".join(f"{kind}-<steps>" for kind in SAMPLERS)
    with pytest.raises(ConfigError, match=f"must be one of: {allowed}, steps 1 to 100"):
        make_sampler(name, SCHEDULE, "epsilon")


def test_names_make_the_right_class_and_number_of_steps():
    made = {name: make_sampler(name, SCHEDULE, "v") for name in ("ddpm-100", "ddim-8", "dpm-10", "rti-3")}
    kinds = [type(sampler) for sampler in made.values()]
    assert kinds == [DdpmSampler, DdimSampler, DpmSolverSampler, RtiSampler]
    assert [len(sampler.steps) for sampler in made.values()] == [100, 8, 10, 10]
    assert len(made["rti-3"].polish) == 3


def test_steps_must_decrease_within_the_schedule():
    for steps in ((), (5, 5), (3, 4), (100, 0), (3, -1)):
        with pytest.raises(ConfigError, match=r"must decrease within \[0, 99\]"):
            DdimSampler(SCHEDULE, "epsilon", steps)


def test_a_latent_of_the_wrong_shape_is_refused():
    with pytest.raises(ShapeError, match=r"must be \(B, T, A\) = \(2, 8, 3\), got \(2, 8, 4\)"):
        make_sampler("ddim-2", SCHEDULE, "epsilon").sample(
            smooth_network, SHAPE, generator(), initial=torch.zeros(2, 8, 4)
        )


def test_initial_and_start_exclude_each_other():
    with pytest.raises(ConfigError, match="initial and start must not both be given"):
        make_sampler("ddim-2", SCHEDULE, "epsilon").sample(
            smooth_network, SHAPE, generator(), initial=latent(), start=Start(latent(), (5, 0))
        )
