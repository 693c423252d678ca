"""Rank schedules at their ends, half-way, by step and by epoch."""

import math

import pytest
from drift_config.errors import ConfigError
from drift_config.loader import parse
from drift_core.rank.adaptive import AdaptiveRank
from drift_core.rank.schedule import (
    SCHEDULES,
    ConstantRank,
    CosineDecay,
    ExponentialDecay,
    LinearDecay,
    LogarithmicDecay,
    SigmoidDecay,
)


def test_constant():
    assert [ConstantRank(fraction=0.25)(step) for step in (0, 10**6)] == [0.25, 0.25]


def test_linear_is_exact_at_both_ends_and_half_way():
    schedule = LinearDecay(start=1.0, end=0.2, steps=100)
    assert [schedule(step) for step in (0, 50, 100, 1000)] == pytest.approx([1.0, 0.6, 0.2, 0.2], abs=1e-15)


@pytest.mark.parametrize("kind", [LinearDecay, CosineDecay, ExponentialDecay, LogarithmicDecay])
def test_a_start_that_rounding_would_miss_is_exact(kind):
    start, end = 0.9858553744208395, 0.3164103827361579
    assert end + (start - end) != start
    schedule = kind(start=start, end=end, steps=10)
    assert (schedule(0), schedule(10)) == (start, end)


def test_cosine_is_exact_at_both_ends_and_half_way():
    schedule = CosineDecay(start=1.0, end=0.125, steps=100)
    assert [schedule(step) for step in (0, 50, 100)] == pytest.approx([1.0, 0.5625, 0.125], abs=1e-15)


def test_sigmoid_misses_its_start_by_what_the_table_says():
    schedule = SigmoidDecay(start=1.0, end=0.0625, steps=100, tau=0.1)
    assert 1.0 - schedule(0) == pytest.approx(0.9375 / (1.0 + math.exp(5.0)))  # 0.7 % of the range
    assert schedule(50) == pytest.approx(0.53125)
    assert schedule(100) == 0.0625


def test_a_steep_sigmoid_does_not_overflow():
    assert SigmoidDecay(start=1.0, end=0.1, steps=100_000, tau=10.0)(99_999) == pytest.approx(0.1)


def test_exponential_starts_exactly_and_falls_by_e_per_1_over_tau():
    schedule = ExponentialDecay(start=1.0, end=0.5, steps=100, tau=0.1)
    assert schedule(0) == 1.0
    assert schedule(10) == pytest.approx(0.5 + 0.5 / math.e)
    assert schedule(99) > 0.5 and schedule(100) == 0.5


def test_logarithmic_is_half_way_down_at_base_minus_1():
    schedule = LogarithmicDecay(start=1.0, end=0.2, steps=100, base=10.0)
    assert schedule(0) == 1.0
    assert schedule(9) == pytest.approx(0.6)
    assert schedule(100) == 0.2


def test_epochs_hold_the_fraction_for_their_steps():
    schedule = LinearDecay(start=1.0, end=0.5, steps=100, every=10)
    assert {schedule(step) for step in range(20, 30)} == {0.5 + 0.5 * 0.8}
    assert schedule(99) == pytest.approx(0.55) and schedule(100) == 0.5


@pytest.mark.parametrize("kind", [kind for kind in SCHEDULES if kind is not AdaptiveRank])
def test_every_schedule_falls_and_stays_between_its_ends(kind):
    fields = {"fraction": 0.5} if kind is ConstantRank else {"start": 1.0, "end": 0.125, "steps": 500}
    schedule = kind(**fields)
    values = [schedule(step) for step in range(600)]
    assert all(0.125 <= b <= a <= 1.0 for a, b in zip(values, values[1:], strict=False))


def test_a_steepness_that_is_not_finite_is_refused():
    with pytest.raises(ConfigError, match="tau=inf must be a finite number"):
        parse({"start": 1.0, "end": 0.1, "steps": 10, "tau": math.inf}, SigmoidDecay, "schedule")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"start": 0.1, "end": 0.5, "steps": 10}, "end=0.5 must be at most start=0.1"),
        ({"start": 1.0, "end": 0.5, "steps": 10, "every": 20}, "every=20 must be at most steps=10"),
        ({"start": 1.0, "end": 0.0, "steps": 10}, "end=0.0 must be greater than 0"),
        ({"start": 1.0, "end": 0.5, "steps": 0}, "steps=0 must be greater than or equal to 1"),
        ({"start": 1.0, "end": 0.5, "steps": 5, "rate": 1}, "rate=1 is unknown"),
    ],
)
def test_a_schedule_says_what_would_have_been_allowed(fields, message):
    with pytest.raises(ConfigError, match=message):
        parse(fields, LinearDecay, "schedule")
