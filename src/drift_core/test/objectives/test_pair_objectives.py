"""Preferences move a policy to what is preferred, at any rank, and no further than its reference allows."""

import math
from dataclasses import replace

import pytest
import torch
from drift_config.errors import ConfigError
from drift_config.loader import parse, to_plain
from drift_core.errors import CheckpointError
from drift_core.kinds import one_of
from drift_core.objectives import PAIR_OBJECTIVES, D3poObjective, SetSupervisedObjective
from drift_core.objectives.pairs import Estimates
from drift_core.rank.schedule import ConstantRank
from drift_core.training.trainer import Trainer
from training_case import CONFIG, LEFT, make_policy, next_batch
from two_ways import LEFT_WAY, RIGHT_WAY, generator, undecided_policy, ways_of, windows

QUARTER = ConstantRank(fraction=0.25)


def left_over_right(rng, count=16):
    state = torch.randn(count, 1, 3, generator=rng)
    chosen, refused = (
        windows(state, way + 0.05 * torch.randn(count, 8, 2, generator=rng)) for way in (LEFT_WAY, RIGHT_WAY)
    )
    return replace(chosen, refused=refused)


@pytest.fixture(scope="module")
def undecided():
    return undecided_policy()


def tuned(policy, objective, steps=150, schedule=QUARTER):
    config = replace(CONFIG, steps=steps, lr=2e-3, ema_decay=0.95)
    copy = make_policy(policy.config.denoiser)
    copy.load_state_dict(policy.state_dict())
    trainer = Trainer(copy, config, schedule, generator(), LEFT if schedule else None, objective=objective)
    trainer.run(left_over_right)
    return trainer.merged_policy()


@pytest.mark.parametrize(
    ("objective", "least"), [(D3poObjective(weights={"kl": 0.01}), 0.9), (SetSupervisedObjective(), 0.8)]
)
def test_an_undecided_policy_learns_which_way_is_preferred_and_keeps_going_well(undecided, objective, least):
    left, good = ways_of(undecided)
    assert 0.35 < left < 0.65 and good > 0.97
    left, good = ways_of(tuned(undecided, objective))
    assert left > least and good > 0.94


def test_a_reference_that_is_near_holds_the_policy_back(undecided):
    near, far = (tuned(undecided, D3poObjective(weights={"kl": weight}), 80) for weight in (10.0, 0.01))
    assert ways_of(near)[0] < ways_of(far)[0] - 0.2


def estimates(chosen, refused, policy, reference, mask, nats=2.0):
    both = torch.tensor([[[[chosen], [chosen]]], [[[refused], [refused]]]])  # (2, 1, T=2, A=1)
    made = [torch.full((2, 1, 2, 1), value) for value in (policy, reference)]
    return Estimates(both, *made, torch.tensor([mask]), torch.tensor([nats]))


def test_d3po_by_hand():
    # chosen 1, refused -1, both estimated 0 before and 0.5 now, one of two steps counts, 2 nats per square:
    # log ratios 2 (1 - 0.25) = 1.5 and 2 (1 - 2.25) = -2.5; beta 0.1 of 4 is 0.4
    found = D3poObjective().of_pairs(estimates(1.0, -1.0, 0.5, 0.0, [True, False]))
    assert found["preference"].item() == pytest.approx(math.log(1.0 + math.exp(-0.4)))
    assert found["kl"].item() == pytest.approx(2.0 * 0.25)
    unmoved = D3poObjective().of_pairs(estimates(1.0, -1.0, 0.5, 0.5, [True, True]))
    assert unmoved["preference"].item() == pytest.approx(math.log(2.0)) and unmoved["kl"].item() == 0.0


@pytest.mark.parametrize("objective", [D3poObjective(), SetSupervisedObjective()])
def test_a_pair_of_chunks_that_are_alike_says_nothing(objective):
    # 0.08 apart; a second pair, 2 apart, counts alone
    name = {"d3po": "preference", "set_supervised": "set"}[objective.kind]
    alike, other = (estimates(1.0, refused, 0.0, 0.0, [True, True]) for refused in (0.92, -1.0))
    assert objective.of_pairs(alike)[name].item() == 0.0
    both = Estimates(
        *(torch.cat([getattr(each, part) for each in (alike, other)], dim=1) for part in ("clean", "policy")),
        torch.cat([alike.reference, other.reference], dim=1),
        torch.cat([alike.mask, other.mask]),
        torch.cat([alike.nats, other.nats]),
    )
    assert objective.of_pairs(both)[name].item() == pytest.approx(objective.of_pairs(other)[name].item())


def test_a_pair_that_is_wrong_by_far_still_pulls():
    wrong = torch.full((2, 1, 2, 1), -40.0, requires_grad=True)
    found = replace(estimates(1.0, -1.0, 0.0, 0.0, [True, True]), policy=wrong)
    D3poObjective().of_pairs(found)["preference"].backward()
    assert (wrong.grad.abs() > 0.1).all()


def test_within_the_set_nothing_pulls_and_outside_the_distance_to_it():
    objective = SetSupervisedObjective(radius=0.3)
    # chosen 1, refused -1: 2 apart, so that the ball of each number has a radius of 0.6
    inside = objective.of_pairs(estimates(1.0, -1.0, 0.5, 0.5, [True, False]))
    assert inside["set"].item() == 0.0
    outside = objective.of_pairs(estimates(1.0, -1.0, 0.0, 0.0, [True, False]))
    assert outside["set"].item() == pytest.approx((1.0 - 0.6) ** 2, rel=1e-5)


def test_without_a_radius_the_set_is_the_correction_itself():
    found = SetSupervisedObjective(radius=0.0).of_pairs(estimates(1.0, -1.0, 0.25, 0.0, [True, True]))
    assert found["set"].item() == pytest.approx(0.75**2, rel=1e-5)


@pytest.mark.parametrize("prediction", ["epsilon", "sample", "v"])
def test_a_policy_that_is_its_reference_has_learned_nothing_whatever_it_predicts(prediction):
    policy = make_policy()
    policy.config = replace(policy.config, prediction=prediction)
    terms = D3poObjective().terms(policy, left_over_right(generator()), generator(), 2, reference=policy)
    assert terms["preference"].item() == pytest.approx(math.log(2.0)) and terms["kl"].item() == 0.0


def test_nothing_trains_on_batches_without_pairs():
    policy = make_policy()
    trainer = Trainer(policy, CONFIG, QUARTER, generator(), LEFT, objective=D3poObjective())
    with pytest.raises(ConfigError, match="D3poObjective needs what was refused: train with a kind"):
        trainer.run(next_batch)
    with pytest.raises(ConfigError, match="D3poObjective needs a reference"):
        D3poObjective().terms(policy, left_over_right(generator()), generator())


def test_a_round_on_preferences_goes_on_to_the_bit(undecided):
    def trainer(seed=0):
        copy = make_policy(undecided.config.denoiser)
        copy.load_state_dict(undecided.state_dict())
        return Trainer(copy, CONFIG, QUARTER, generator(seed), LEFT, objective=D3poObjective())

    whole, resumed = trainer(), trainer(9)
    whole.run(left_over_right, 10)
    resumed.load_state_dict(whole.state_dict())
    losses = [[], []]
    for each, found in zip((whole, resumed), losses, strict=True):
        each.run(left_over_right, 5, lambda at, found=found: found.append(at.loss))
    assert losses[0] == losses[1]
    plain = Trainer(make_policy(undecided.config.denoiser), CONFIG, QUARTER, generator(), LEFT)
    with pytest.raises(CheckpointError, match="its objective needs a reference"):
        plain.load_state_dict(whole.state_dict())


@pytest.mark.parametrize("objective", [D3poObjective(beta=0.5), SetSupervisedObjective(radius=0.1)])
def test_what_is_minimised_is_read_from_the_train_file_and_written_back(objective):
    assert parse(to_plain(objective), one_of(PAIR_OBJECTIVES), "x.yaml") == objective
    with pytest.raises(ConfigError, match=r"path_steps=1 must be greater than or equal to 2"):
        parse({"kind": objective.kind, "path_steps": 1}, one_of(PAIR_OBJECTIVES), "x.yaml")
