"""The adaptive schedule: shares by hand, when a rank rises and falls, that nothing flaps, and that training
goes on."""

import pytest
import torch
from drift_config.errors import ConfigError
from drift_config.loader import parse
from drift_core.rank import modulate, modulated_layers, plan_ranks
from drift_core.rank.adaptive import AdaptiveRank, outside_share
from drift_core.rank.modulation import apply_rank
from drift_core.rank.schedule import ScheduleConfig
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic.dataclasses import dataclass
from torch import nn

FIELDS = {"start": 0.25, "lowest": 0.125, "highest": 0.5, "every": 10}
SCHEDULE = AdaptiveRank(**FIELDS)  # raise above 0.8, lower below 0.4


def test_the_share_outside_is_that_of_the_energy_of_the_gradient():
    first = torch.tensor([[[1.0, 0.0]]])
    gradient = torch.tensor([[[1.0, 2.0], [3.0, 4.0]]])  # energy 1 + 4 + 9 + 16
    assert outside_share(gradient, first, None) == pytest.approx(20 / 30)
    assert outside_share(gradient, first, first.mT) == pytest.approx(16 / 30)
    assert outside_share(gradient, None, None) == 0.0
    assert outside_share(gradient, torch.eye(2)[None], None) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(
    ("outside", "if_lower", "turn"),
    [(0.81, 0.9, 1), (0.8, 0.9, 0), (0.4, 0.5, 0), (0.39, 0.8, -1), (0.39, 0.81, 0), (0.0, 0.1, -1)],
)
def test_a_rank_rises_above_one_bound_and_falls_below_the_other_if_it_would_not_rise_again(
    outside, if_lower, turn
):
    assert SCHEDULE.turn(outside, lambda: if_lower) == turn


def layer(max_rank=16, fraction=0.25, form="left", policy="exact", seed=0):
    """A square layer with the singular values 1, 1/2, 1/3, ... along the axes."""
    torch.manual_seed(seed)
    linear = nn.Linear(max_rank, max_rank)
    with torch.no_grad():
        linear.weight.copy_(torch.diag(1.0 / torch.arange(1.0, max_rank + 1)))
    module = nn.Sequential(linear)
    modulate(module, fraction, form=form, policy=policy)
    return module


def along(columns, max_rank=16):
    """A gradient with equal energy in these columns."""
    gradient = torch.zeros(max_rank, max_rank)
    gradient[:, columns] = 1.0
    return {"0": gradient}


@pytest.mark.parametrize(
    ("columns", "rank"),
    [
        (range(10, 16), 8),  # all outside the first four
        (range(0, 16), 4),  # 12 of 16 outside: .75
        (range(0, 4), 2),  # none outside; of the first two directions alone, half
        (range(2, 4), 4),  # none outside, but with the first two alone all of it: it would rise again
        (range(0, 1), 2),
    ],
)
def test_the_rank_of_a_layer_doubles_halves_or_stays(columns, rank):
    assert SCHEDULE.ranks(layer(), along(columns)) == {"0": rank}


def test_a_gradient_of_zeros_or_none_or_not_finite_changes_nothing():
    for gradients in ({"0": torch.zeros(16, 16)}, {"0": torch.full((16, 16), torch.inf)}, {}):
        assert SCHEDULE.ranks(layer(), gradients) == {"0": 4}


def test_ranks_stay_within_their_bounds():
    assert SCHEDULE.ranks(layer(fraction=0.5), along(range(10, 16))) == {"0": 8}
    assert SCHEDULE.ranks(layer(fraction=0.125), along(range(0, 1))) == {"0": 2}


def test_with_the_policy_fast_the_next_rank_is_one_at_which_another_number_of_directions_trains():
    module = layer(256, 1.0, policy="fast")  # 128 and 64 train dense, which is no slower; 32 do not
    (only,) = modulated_layers(module).values()
    schedule = AdaptiveRank(start=1.0, lowest=0.0625, highest=1.0, every=1)
    ranks = schedule.ranks(module, along(range(0, 4), 256))
    assert only.dense and ranks == {"0": 32}
    apply_rank(plan_ranks(module, ranks))
    assert only.rank == 32 and schedule.ranks(module, along(range(200, 256), 256)) == {"0": 64}


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    start=st.sampled_from([0.125, 0.25, 0.5]),
    form=st.sampled_from(["left", "usv"]),
    falling=st.floats(0.0, 3.0),
    bounds=st.tuples(st.floats(0.05, 0.9), st.floats(0.05, 0.95)),
)
def test_for_the_same_gradient_a_rank_goes_one_way_and_comes_to_rest_within_its_bounds(
    seed, start, form, falling, bounds
):
    low, high = min(bounds), max(bounds)
    if high - low < 0.01:
        high = low + 0.01
    schedule = AdaptiveRank(start, 0.125, 0.5, every=1, raise_above=high, lower_below=low)
    module = layer(fraction=start, form=form)
    generator = torch.Generator().manual_seed(seed)
    scale = torch.exp(-falling * torch.rand(16, generator=generator))
    gradient = {"0": torch.randn(16, 16, generator=generator) * scale}
    ranks = [modulated_layers(module)["0"].requested]
    for _ in range(5):
        wanted = schedule.ranks(module, gradient)
        apply_rank(plan_ranks(module, wanted))
        ranks.append(wanted["0"])
    assert all(2 <= rank <= 8 for rank in ranks) and ranks[-1] == ranks[-2]
    assert ranks in (sorted(ranks), sorted(ranks, reverse=True)), "no flapping"


def test_the_schedule_counts_steps_from_the_start_of_its_round():
    assert [step for step in range(31) if SCHEDULE.is_due(step)] == [10, 20, 30]
    assert SCHEDULE(0) == SCHEDULE(1_000) == 0.25 and SCHEDULE.scaled(0.5).every == 5


@dataclass
class Holder:
    schedule: ScheduleConfig


def test_it_is_a_kind_of_schedule_and_says_what_is_allowed():
    assert parse({"schedule": {"kind": "adaptive", **FIELDS}}, Holder, "x.yaml").schedule == SCHEDULE
    with pytest.raises(ConfigError, match=r"start=0.9 must lie in 0.125..0.5"):
        parse({**FIELDS, "start": 0.9}, AdaptiveRank, "x")
    with pytest.raises(ConfigError, match="lower_below=0.8 must be below raise_above=0.8"):
        parse({**FIELDS, "lower_below": 0.8}, AdaptiveRank, "x")


def test_ranks_of_plan_ranks_are_checked_before_anything_changes():
    module = layer()
    with pytest.raises(ConfigError, match=r"layer 0: rank=17 must lie in 1..16"):
        plan_ranks(module, {"0": 17})
    with pytest.raises(ConfigError, match="differ in:"):
        plan_ranks(module, {})
