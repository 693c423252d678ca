"""Averages are those of the merged weights, whatever the rank does meanwhile."""

from dataclasses import replace

import pytest
import torch
from drift_core.rank import Modulated, merge
from drift_core.rank.schedule import LinearDecay
from drift_core.training.ema import MergedEma, warm_decay
from training_case import CONFIG, FALLING, LEFT, UNET, USV, make_policy, make_trainer, next_batch, next_round


@pytest.mark.parametrize("modulation", [LEFT, USV])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 2e-6), (torch.float64, 1e-13)])
def test_the_average_of_merged_weights_is_kept_across_ranks_down_and_up(modulation, dtype, tolerance):
    trainer = make_trainer(modulation, FALLING, denoiser=UNET)
    trainer.policy.to(dtype)
    trainer._start(trainer.policy, CONFIG, FALLING, rank=1.0)
    expected, pending, age = merged(trainer), {}, 0

    def average_in(keys):
        for key, value in merged(trainer).items():
            if key in keys:
                share = pending.pop(key)
                expected[key] = share * expected[key] + (1.0 - share) * value

    def step():
        nonlocal age
        if trainer.schedule(trainer.round_step) != trainer.rank:  # the averages are completed, and begin anew
            average_in(set(pending))
            age = 0
        age += 1
        trainer.run(lambda g: in_dtype(next_batch(g), dtype), steps=1)
        decay = warm_decay(trainer.round_step - 1, CONFIG.ema_decay, CONFIG.ema_power)
        for key in expected:
            pending[key] = pending.get(key, 1.0) * decay
        # Weights of form usv are averaged in at every 8th step, with the decays of all eight, in turn.
        layers = [key for key in expected if is_modulated(trainer, key)]
        average_in(
            {key for key in expected if not is_usv(trainer, key) or (age + layers.index(key)) % 8 == 0}
        )

    for _ in range(37):
        step()
    average_in(set(pending))  # before the rank rises, in the middle of such eight steps
    trainer.schedule, age = LinearDecay(start=0.7, end=0.7, steps=1), 0
    for _ in range(6):
        step()
    average_in(set(pending))
    average = trainer.merged_policy().state_dict()
    for key, value in expected.items():
        assert (average[key] - value).abs().max() <= tolerance, key


def test_the_decay_forgets_what_came_before_a_round_at_its_first_step():
    assert warm_decay(0, 0.9999, 0.75) == 0.0
    assert warm_decay(1, 0.9999, 0.75) == pytest.approx(1.0 - 2.0**-0.75)
    assert warm_decay(10**9, 0.998, 0.75) == 0.998


def test_a_short_round_shows_in_the_average_in_spite_of_a_long_memory():
    trainer = make_trainer(LEFT, FALLING, ema_decay=0.9999)
    trainer.run(next_batch)
    before = trainer.merged_policy().denoiser.leave.weight
    trainer = next_round(trainer)
    trainer.run(next_batch)
    raw = trainer.merged_policy(averaged=False).denoiser.leave.weight
    average = trainer.merged_policy().denoiser.leave.weight
    # Averaged over the last part of the round, not over the 10 000 steps of the nominal memory.
    assert (average - before).norm() > 0.5 * (raw - before).norm()


def largest_memory(averages):
    """Run through all falling ranks; return the largest D that any layer had after a step."""
    trainer, largest = make_trainer(replace(LEFT, averages=averages), FALLING), 0.0
    for _ in range(40):
        trainer.run(next_batch, steps=1)
        largest = max([largest, *(before for before, _, _ in trainer._ema.state()[1].values())])
    return largest


def test_averages_that_restart_with_the_rank_are_one_frozen_weight_and_the_averaged_factor():
    assert largest_memory("carry") > 0.5
    assert largest_memory("restart") == 0.0


def test_a_run_may_bring_a_decay_of_its_own():
    trainer, decays = make_trainer(), []
    trainer.run(next_batch, steps=20, on_step=lambda at: decays.append(at.ema_decay))
    trainer.run(next_batch, steps=1, on_step=lambda at: decays.append(at.ema_decay), ema_decay=0.0)
    assert decays == [*(warm_decay(step, 0.9, 0.75) for step in range(20)), 0.0]
    average, present = (trainer.merged_policy(averaged).state_dict() for averaged in (True, False))
    assert all(torch.allclose(value, present[key], atol=1e-6) for key, value in average.items())


def test_loaded_averages_lie_where_the_parameters_are():
    averages = MergedEma(make_policy().to("meta"))
    averages.load_state(*MergedEma(make_policy()).state())
    assert {value.device.type for value in averages._average.values()} == {"meta"}


def is_modulated(trainer, key):
    layer = trainer.policy.get_submodule(key.rpartition(".")[0])
    return key.endswith("weight") and isinstance(layer, Modulated)


def is_usv(trainer, key):
    layer = trainer.policy.get_submodule(key.rpartition(".")[0])
    return is_modulated(trainer, key) and "U" in layer.factor_names()


def in_dtype(batch, dtype):
    return type(batch)(
        {},
        batch.frame_index,
        batch.features.to(dtype),
        batch.state.to(dtype),
        batch.actions.to(dtype),
        batch.mask,
    )


def merged(trainer):
    import copy

    policy = copy.deepcopy(trainer.policy)
    merge(policy)
    return {name: value.detach().clone() for name, value in policy.named_parameters()}
