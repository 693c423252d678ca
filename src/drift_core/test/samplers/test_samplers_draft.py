"""Samplers that begin from a draft: noise of the right level, later steps, and what happens without one."""

import math

import pytest
import torch
from drift_config.errors import ConfigError
from drift_core.samplers import AnchoredSampler, Draft, DraftSampler, make_sampler
from drift_core.samplers.draft import polishing_steps
from drift_core.samplers.noise_schedule import NoiseSchedule

SCHEDULE = NoiseSchedule(100)
SHAPE = (400, 8, 2)


class Fixed(Draft):
    """Always the same draft."""

    def __init__(self, value, level=0.25):
        self.value, self.level, self.kept = value, level, []

    def guess(self, shape, generator, condition, prefix):
        return None if self.value is None else torch.full(shape, self.value)

    def keep(self, chunk):
        self.kept.append(chunk)


class Network:
    """Predicts `answer` as clean data and remembers what it was asked."""

    def __init__(self, answer):
        self.answer, self.asked = answer, []

    def __call__(self, x, k):
        self.asked.append((int(k[0]), x.clone()))
        return torch.full_like(x, self.answer)


def generator():
    return torch.Generator().manual_seed(0)


def sampler(draft, steps=3):
    made = make_sampler(f"draft-{steps}", SCHEDULE, "sample")
    made.begin_from({"gru": draft})
    return made


def test_a_draft_gets_noise_of_the_level_that_the_network_is_told():
    # Published: noise of level 8, and 10 is said (DiffusionDrive); none at all (Trajectory Diffuser).
    network = Network(0.5)
    sampler(Fixed(0.5)).sample(network, SHAPE, generator())
    k, x = network.asked[0]
    a, b = math.sqrt(SCHEDULE.abar(25)), math.sqrt(1.0 - SCHEDULE.abar(25))
    assert k == 25
    assert x.mean().item() == pytest.approx(0.5 * a, abs=0.02) and x.std().item() == pytest.approx(
        b, rel=0.03
    )


def test_each_later_step_has_the_level_that_the_network_is_told():
    network = Network(0.5)  # the draft is right, so what is not signal is noise of that level
    sampler(Fixed(0.5)).sample(network, SHAPE, generator())
    assert [k for k, _ in network.asked] == [25, 7, 1]  # 25 times 1, 8/27, 1/27
    for k, x in network.asked:
        noise = (x - 0.5 * math.sqrt(SCHEDULE.abar(k))) / math.sqrt(1.0 - SCHEDULE.abar(k))
        assert noise.std().item() == pytest.approx(1.0, rel=0.03)


def test_the_result_is_what_the_network_says_and_the_draft_is_told():
    draft = Fixed(-0.4)
    found = sampler(draft).sample(Network(0.5), SHAPE, generator())
    torch.testing.assert_close(found, torch.full(SHAPE, 0.5))
    assert len(draft.kept) == 1 and draft.kept[0] is found


@pytest.mark.parametrize("steps", [1, 2, 3, 30])
def test_polishing_takes_as_many_calls_as_the_name_says(steps):
    network = Network(0.5)
    made = sampler(Fixed(0.5), steps)
    made.sample(network, SHAPE, generator())
    assert len(network.asked) == steps and not made.cold


def test_without_a_draft_a_chunk_is_denoised_in_full():
    network = Network(0.5)
    made = sampler(Fixed(None))
    made.sample(network, SHAPE, generator())
    assert made.cold and tuple(k for k, _ in network.asked) == SCHEDULE.cubic_steps(10)


def test_a_draft_that_is_not_finite_is_not_believed():
    network = Network(0.5)
    made = sampler(Fixed(float("nan")))
    made.clip = None
    broken = lambda x, k: x if k[0] < 92 and len(network.asked) < 3 and x.isnan().any() else network(x, k)  # noqa: E731
    found = made.sample(broken, SHAPE, generator())
    assert made.cold and found.isfinite().all()


def test_a_latent_that_is_given_is_denoised_in_full():
    network = Network(0.5)
    made = sampler(Fixed(0.5))
    made.sample(network, SHAPE, generator(), initial=torch.zeros(SHAPE))
    assert made.cold and len(network.asked) == 10


def test_a_sampler_that_finds_no_draft_of_its_kind_says_which_it_needs():
    with pytest.raises(
        ConfigError,
        match="sampler='anchored-2' needs a policy with a draft of kind anchors, this one has: gru",
    ):
        make_sampler("anchored-2", SCHEDULE, "sample").begin_from({"gru": Fixed(0.0)})
    with pytest.raises(
        ConfigError,
        match="sampler='draft-3' needs a policy with a draft of kind gru or mlp or zeros, this one has: none",
    ):
        make_sampler("draft-3", SCHEDULE, "sample").begin_from({})


def test_each_sampler_takes_the_draft_that_it_is_for():
    both = {"anchors": Fixed(0.1, level=0.4), "mlp": Fixed(0.2)}
    anchored, drafted = (make_sampler(name, SCHEDULE, "sample") for name in ("anchored-2", "draft-3"))
    for made in (anchored, drafted):
        made.begin_from(both)
    assert (type(anchored), type(drafted)) == (AnchoredSampler, DraftSampler)
    assert anchored.draft is both["anchors"] and anchored.polish == (40, 5)  # 40 and 40 / 8
    assert drafted.draft is both["mlp"] and drafted.polish == (25, 7, 1)


def test_polishing_begins_within_the_schedule():
    assert polishing_steps(1.0, 1, SCHEDULE) == (99,)
    assert polishing_steps(0.01, 3, SCHEDULE) == (2, 1, 0)
