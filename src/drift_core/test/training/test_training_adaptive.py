"""Training with the adaptive schedule: ranks change on the way, and nothing else is lost by it."""

import pytest
import torch
from drift_core.rank import layer_ranks, modulated_layers
from drift_core.rank.adaptive import AdaptiveRank, outside_share
from drift_core.rank.schedule import ConstantRank
from drift_core.rank.subspace import orthonormal_rows
from drift_core.training.state import load_trainer_state, save_trainer_state
from drift_core.training.trainer import Trainer
from training_case import CONFIG, LEFT, USV, make_policy, make_trainer, next_batch

UP = AdaptiveRank(0.25, 0.125, 1.0, every=10, raise_above=0.02, lower_below=0.01, batches=1)
DOWN = AdaptiveRank(0.5, 0.125, 0.5, every=10, raise_above=0.99, lower_below=0.98, batches=1)


@pytest.mark.parametrize("modulation", [LEFT, USV])
@pytest.mark.parametrize(("schedule", "way"), [(UP, 1), (DOWN, -1)])
def test_ranks_follow_the_gradient_while_weights_and_moments_go_on(modulation, schedule, way):
    trainer = make_trainer(modulation, schedule)
    before = {name: asked for name, (asked, _) in layer_ranks(trainer.policy).items()}
    trainer.run(next_batch, steps=10)
    plain = trainer.merged_policy(averaged=False).state_dict()
    looked = []
    trainer.run(next_batch, steps=1, on_step=lambda progress: looked.append(progress) or False)
    after = {name: asked for name, (asked, _) in layer_ranks(trainer.policy).items()}
    assert all(way * (after[name] - before[name]) >= 0 for name in after) and after != before
    assert (trainer.rank - schedule.start) * way > 0.0 and looked[0].rank == trainer.rank
    moved = trainer.merged_policy(averaged=False).state_dict()
    step = max(float((moved[key] - plain[key]).abs().max()) for key in plain)
    assert 0.0 < step < 20 * CONFIG.lr, "one step further, no more"
    moments = [state["exp_avg"] for state in trainer._optimizer.state.values()]
    assert all(float(state["step"]) == 11.0 for state in trainer._optimizer.state.values()) and moments


def test_a_look_leaves_weights_and_gradients_of_the_policy_alone():
    trainer = make_trainer(LEFT, UP)
    trainer.run(next_batch, steps=3)
    before = {key: value.clone() for key, value in trainer.policy.state_dict().items()}
    gradients = trainer._weight_gradients(next_batch, batches=2)
    assert gradients.keys() == layer_ranks(trainer.policy).keys()
    assert all(torch.equal(value, before[key]) for key, value in trainer.policy.state_dict().items())


def test_the_projected_gradient_is_the_part_inside():
    trainer = make_trainer(LEFT, UP)
    generator = trainer.generator.get_state()
    gradients = trainer._weight_gradients(next_batch, batches=1)
    trainer.generator.set_state(generator)
    batch = next_batch(trainer.generator)
    loss, _ = trainer._loss(batch, trainer.generator, CONFIG.noise_draws, CONFIG.shift_px)
    loss.backward()
    for name in gradients:
        layer = trainer.policy.get_submodule(name)
        if not layer.dense:
            whole = layer.layout.to_matrix(gradients[name])
            assert torch.allclose(whole @ layer.right().mT, layer.dA.grad, atol=1e-5)


def test_an_adaptive_run_goes_on_to_the_bit(tmp_path):
    whole = make_trainer(LEFT, UP)
    whole.run(next_batch, steps=15)
    save_trainer_state(tmp_path / "resume.safetensors", whole.state_dict())
    whole.run(next_batch, steps=10)
    again = Trainer(make_policy(seed=9), CONFIG, None, torch.Generator().manual_seed(99))
    again.load_state_dict(load_trainer_state(tmp_path / "resume.safetensors"))
    again.run(next_batch, steps=10)
    assert again.rank == whole.rank > UP.start and again.schedule == UP
    mine, theirs = again.state_dict(), whole.state_dict()
    assert all(torch.equal(value, theirs.tensors[key]) for key, value in mine.tensors.items())


@pytest.mark.parametrize("modulation", [LEFT, USV])
def test_along_the_gradient_as_much_of_it_as_possible_is_inside_and_nothing_else_changes(modulation):
    trainer = make_trainer(modulation, ConstantRank(0.25))
    before, state = trainer.merged_policy().state_dict(), trainer.generator.get_state()
    gradients = trainer._weight_gradients(next_batch, batches=2)
    trainer.generator.set_state(state)
    trainer.follow_gradient(next_batch, batches=2)
    after = trainer.merged_policy().state_dict()
    assert max(float((after[key] - before[key]).abs().max()) for key in before) < 1e-5
    for name, layer in modulated_layers(trainer.policy).items():
        gradient = layer.layout.to_matrix(gradients[name])
        rows = layer.right() if modulation is LEFT else orthonormal_rows(layer.Vh)
        energy = torch.linalg.svdvals(gradient).square()
        best = float(energy[..., layer.rank :].sum() / energy.sum())
        assert outside_share(gradient, rows, None) == pytest.approx(best, abs=1e-4)
    trainer.run(next_batch, steps=2)
