"""The training loop: it learns, it repeats, it stops, and the optimizer follows every change of rank."""

import math
from dataclasses import replace

import pytest
import torch
from drift_config.errors import ConfigError
from drift_core.rank import has_modulated_layers, modulate, modulated_layers
from drift_core.rank.schedule import ConstantRank, LinearDecay
from drift_core.training.config import RankConfig
from drift_core.training.optimizer import learning_rate, make_optimizer
from drift_core.training.trainer import DivergedError, Trainer, held_out_loss
from training_case import (
    CONFIG,
    ENERGY,
    FALLING,
    LEFT,
    MLP,
    UNET,
    USV,
    make_policy,
    make_trainer,
    next_batch,
    next_round,
)


def test_the_learning_rate_rises_then_falls_along_half_a_cosine():
    config = replace(CONFIG, steps=104, warmup_steps=4, lr=1.0, lr_end=0.2)
    rates = [learning_rate(config, step) for step in (0, 3, 4, 54, 104, 500)]
    assert rates == pytest.approx([0.2, 0.8, 1.0, 0.6, 0.2, 0.2])


@pytest.mark.parametrize("modulation", [LEFT, USV])
@pytest.mark.parametrize("denoiser", [MLP, UNET, ENERGY])
def test_training_from_full_rank_down_reduces_the_loss(modulation, denoiser):
    trainer = make_trainer(modulation, denoiser=denoiser, steps=60)
    batches = [next_batch(torch.Generator().manual_seed(100 + n)) for n in range(4)]
    before = held_out_loss(trainer.merged_policy(), batches, seed=0).total
    report = trainer.run(next_batch)
    after = held_out_loss(trainer.merged_policy(), batches, seed=0).total
    assert after < 0.8 * before
    assert (report.steps, report.rank_changes, trainer.rank) == (60, 4, 0.25)


@pytest.mark.parametrize("modulation", [LEFT, USV, replace(LEFT, moments="reset")])
def test_the_optimizer_moves_every_factor_after_every_change_of_rank(modulation):
    trainer = make_trainer(modulation, denoiser=UNET)
    for _ in range(5):
        trainer.run(next_batch, steps=1)  # the first step after a change
        before = {name: p.detach().clone() for name, p in trainer.policy.named_parameters()}
        trainer.run(next_batch, steps=7)
        for name, parameter in trainer.policy.named_parameters():
            assert not torch.equal(parameter, before[name]), name


def test_the_same_seed_gives_the_same_weights_to_the_bit():
    runs = [make_trainer(), make_trainer()]
    for trainer in runs:
        trainer.run(next_batch)
    first, second = (trainer.merged_policy().state_dict() for trainer in runs)
    assert all(torch.equal(value, second[key]) for key, value in first.items())


def test_random_numbers_outside_are_left_alone_and_the_thread_count_is_put_back():
    trainer = make_trainer()
    torch.set_num_threads(2)
    state = torch.get_rng_state()
    trainer.run(next_batch, steps=12)
    assert torch.equal(torch.get_rng_state(), state) and torch.get_num_threads() == 2
    torch.set_num_threads(1)


def test_progress_tells_the_step_the_rank_and_the_rate_and_may_stop():
    trainer, seen = make_trainer(), []

    def on_step(progress):
        seen.append(progress)
        return progress.step == 10

    report = trainer.run(next_batch, on_step=on_step)
    assert (report.steps, report.stopped) == (10, True)
    assert [p.round_step for p in seen] == list(range(1, 11))
    assert [p.rank for p in seen] == [1.0] * 8 + [0.8125] * 2
    assert seen[0].lr == pytest.approx(1e-3 / 5) and seen[0].round_steps == 40
    assert trainer.run(next_batch).steps == 30  # what is left of the round


def test_the_merged_policy_is_plain_and_computes_what_was_trained():
    trainer = make_trainer(USV, denoiser=UNET)
    trainer.run(next_batch)
    assert has_modulated_layers(trainer.policy)
    merged = trainer.merged_policy(averaged=False)
    assert not has_modulated_layers(merged)
    plain = make_policy(UNET, seed=5)
    plain.load_state_dict(merged.state_dict())
    x, k, condition = torch.randn(3, 8, 2), torch.tensor([0, 50, 99]), torch.randn(3, 3)
    trained = trainer.policy.denoiser(x, k, condition)
    assert torch.allclose(plain.denoiser(x, k, condition), trained, atol=1e-5)


def test_a_round_begins_with_the_averaged_weights_at_the_minimum_rank():
    trainer = make_trainer()
    trainer.run(next_batch)
    averaged = trainer.merged_policy().state_dict()
    trainer = next_round(trainer, ConstantRank(fraction=0.125))
    begun = trainer.merged_policy(averaged=False).state_dict()
    assert (trainer.rank, trainer.round_step, trainer.step) == (0.125, 0, 0)
    assert all(torch.allclose(value, begun[key], atol=1e-6) for key, value in averaged.items())
    trainer.run(next_batch)
    assert (trainer.round_step, trainer.step) == (40, 40)


def test_without_a_schedule_all_weights_train_as_they_are():
    generator = torch.Generator().manual_seed(0)
    trainer = Trainer(make_policy(), CONFIG, None, generator)
    assert not has_modulated_layers(trainer.policy)
    report = trainer.run(next_batch)
    assert (report.rank, report.effective_rank, report.rank_changes) == (1.0, 1.0, 0)


def test_the_effective_rank_is_reported_beside_the_one_asked_for():
    modulation = RankConfig(form="left", policy="fast")
    trainer = make_trainer(modulation, ConstantRank(fraction=0.25), denoiser=MLP)
    report = trainer.run(next_batch, steps=1)
    assert (report.rank, report.effective_rank) == (0.25, 1.0)  # all layers are too small to gain


def test_only_the_part_that_was_chosen_is_modulated():
    modulation = RankConfig(policy="exact", part="denoiser", kinds=("Conv1d",))
    trainer = make_trainer(modulation, ConstantRank(fraction=0.5), denoiser=UNET)
    kinds = {type(layer).__name__ for layer in modulated_layers(trainer.policy).values()}
    assert kinds == {"ModulatedConv1d"}


def test_a_schedule_may_adapt_to_what_it_sees():
    class HalveWhenTheLossIsLow:
        fraction = 1.0

        def __call__(self, step):
            return self.fraction

        def on_step(self, progress):
            if progress.loss < 0.8:
                self.fraction = 0.5

    schedule, seen = HalveWhenTheLossIsLow(), []
    trainer = make_trainer(LEFT, schedule)
    trainer.run(next_batch, on_step=lambda progress: seen.append(progress) or schedule.on_step(progress))
    first_low = next(p.step for p in seen if p.loss < 0.8)
    assert 0 < first_low < 40
    assert [p.rank for p in seen] == [1.0] * first_low + [0.5] * (40 - first_low)


@pytest.mark.parametrize("fraction", [2.0, "0.5", True])
def test_a_first_rank_that_is_not_allowed_leaves_the_policy_plain_for_another_try(fraction):
    policy = make_policy()
    with pytest.raises(ConfigError, match=rf"fraction={fraction!r} at step 0 must lie in \(0, 1\]"):
        Trainer(policy, CONFIG, lambda step: fraction, torch.Generator(), LEFT)
    assert not has_modulated_layers(policy)
    retried = Trainer(policy, CONFIG, ConstantRank(fraction=0.5), torch.Generator(), LEFT)
    assert retried.run(next_batch, steps=1).rank == 0.5


def test_a_start_that_fails_later_leaves_the_policy_plain_with_its_flags():
    policy = make_policy().eval()
    policy.requires_grad_(False)
    before = {name: value.clone() for name, value in policy.state_dict().items()}
    with pytest.raises(ConfigError, match="DiffusionPolicy has nothing to train: freeze_encoder=False"):
        Trainer(policy, CONFIG, ConstantRank(fraction=0.5), torch.Generator(), LEFT)
    assert not has_modulated_layers(policy) and not policy.training
    assert not any(parameter.requires_grad for parameter in policy.parameters())
    assert all(torch.equal(value, before[name]) for name, value in policy.state_dict().items())


@pytest.mark.parametrize("fraction", [0.0, 1.5, math.nan])
def test_a_schedule_that_leaves_its_range_changes_nothing(fraction):
    trainer = make_trainer(USV, lambda step: 0.5 if step < 6 else fraction)
    trainer.run(next_batch, steps=6)
    before = trainer.state_dict()
    with pytest.raises(ConfigError, match=rf"fraction={fraction} at step 6 must lie in \(0, 1\]"):
        trainer.run(next_batch)
    after = trainer.state_dict()
    assert after.info == before.info and after.tensors.keys() == before.tensors.keys()
    assert all(torch.equal(value, after.tensors[key]) for key, value in before.tensors.items())


def test_a_fraction_that_changes_no_layers_rank_keeps_optimizer_and_averages():
    trainer = make_trainer(LEFT, lambda step: 0.5 + 0.001 * step)
    trainer.run(next_batch, steps=4)
    optimizer, segments = trainer._optimizer, trainer._ema._segments
    assert trainer.run(next_batch, steps=3).rank_changes == 0 and trainer.rank == 0.506
    assert trainer._optimizer is optimizer and trainer._ema._segments is segments


def test_a_random_subspace_trains_too():
    trainer = make_trainer(RankConfig(policy="exact", subspace="random"))
    assert math.isfinite(trainer.run(next_batch).mean_loss)


def test_a_loss_that_is_not_finite_stops_before_the_weights_are_touched():
    trainer = make_trainer()
    trainer.run(next_batch, steps=3)
    before = trainer.merged_policy(averaged=False).state_dict()

    def broken(generator):
        batch = next_batch(generator)
        batch.actions[0, 0, 0] = torch.nan
        return batch

    with pytest.raises(DivergedError, match="loss=nan with gradient norm nan at step 4 must be finite"):
        trainer.run(broken)
    after = trainer.merged_policy(averaged=False).state_dict()
    assert trainer.step == 3 and all(torch.equal(value, after[key]) for key, value in before.items())


def test_bfloat16_autocast_trains_float32_weights():
    trainer = make_trainer(denoiser=UNET, autocast=True)
    report = trainer.run(next_batch)
    assert math.isfinite(report.mean_loss)
    assert {p.dtype for p in trainer.policy.parameters()} == {torch.float32}


def test_weight_decay_shrinks_weights_but_no_factors():
    torch.manual_seed(0)
    trainer = make_trainer(LEFT, LinearDecay(start=1.0, end=0.25, steps=1), weight_decay=0.1, lr_end=1e-3)
    trainer.run(next_batch, steps=2)
    for group in trainer._optimizer.param_groups:
        decayed = {id(p) for p in group["params"]} if group["weight_decay"] else set()
        for layer in modulated_layers(trainer.policy).values():
            assert layer.dense or not {id(f) for f in layer.factors().values()} & decayed


def test_moments_are_carried_to_lower_ranks_as_the_gradient_is():
    trainer = make_trainer(LEFT, FALLING)
    trainer.run(next_batch, steps=8)
    layer = trainer.policy.denoiser.enter
    moments = trainer._optimizer.state[layer.weight]["exp_avg"].clone()
    trainer._follow_schedule(next_batch)
    carried = trainer._optimizer.state[layer.dA]
    assert torch.allclose(carried["exp_avg"][0], moments @ layer.right()[0].T, atol=1e-8)
    assert float(carried["step"]) == 8.0 and bool((carried["exp_avg_sq"] >= 0.0).all())


@pytest.mark.parametrize("form", ["left", "usv"])
def test_a_step_through_factors_moves_the_weight_as_far_as_a_dense_step(form):
    torch.manual_seed(0)
    dense, factored = torch.nn.Conv1d(64, 64, 5), torch.nn.Conv1d(64, 64, 5)
    factored.load_state_dict(dense.state_dict())
    modulate(factored, rank=8, form=form, policy="exact")
    x = torch.randn(16, 64, 12)
    moved = []
    for layer in (dense, factored):
        before = weight_of(layer)
        optimizer = make_optimizer(layer, weight_decay=0.0, matched=True)
        for group in optimizer.param_groups:
            group["lr"] = 1e-4 * group["scale"]
        (layer(x).sin() - 1.0).square().sum().backward()
        optimizer.step()
        moved.append(float((weight_of(layer) - before).norm()))
    assert moved[0] == pytest.approx(1e-4 * math.sqrt(64 * 320), rel=1e-3)
    assert moved[1] == pytest.approx(moved[0], rel=0.25)


def weight_of(layer):
    return layer.dense_matrix() if hasattr(layer, "layout") else layer.weight.detach().flatten(1).clone()
