"""Adam's moments follow a layer through every change of rank: the weight goes on at the same pace."""

import pytest
import torch
from drift_core.rank import modulate, modulated_layers, set_rank
from drift_core.training.config import RankConfig
from torch import nn
from training_case import MLP, UNET, make_trainer, next_batch

# Gradients of a 2 by 2 weight: their means, and the means of their squares.
MEAN = torch.tensor([[0.2, 0.4], [0.6, 0.8]])
SQUARE = torch.tensor([[1.0, 4.0], [9.0, 16.0]])


def layer_of(form, fraction=None):
    """Return a modulated layer with the weight diag(3, 1): at rank 1, u and v are the first unit vector."""
    layer = nn.Linear(2, 2, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.diag(torch.tensor([3.0, 1.0])))
    modulate(layer, fraction, form=form, policy="exact")
    return layer


def change(layer, fraction):
    (change,) = set_rank(layer, fraction)
    return change


def assert_moments(moments, name, first, second):
    torch.testing.assert_close(moments[name][0], torch.tensor(first))
    torch.testing.assert_close(moments[name][1], torch.tensor(second))


def test_left_takes_from_a_dense_layer_what_lies_in_its_direction():
    layer = layer_of("left")
    moments = change(layer, 0.5).carry({"weight": (MEAN, SQUARE)})
    sign = float(layer.right()[0, 0, 0])
    assert_moments(moments, "dA", [[[sign * 0.2], [sign * 0.6]]], [[[1.0], [9.0]]])


def test_usv_takes_from_a_dense_layer_the_gradients_of_its_three_factors():
    layer = layer_of("usv")
    moments = change(layer, 0.5).carry({"weight": (MEAN, SQUARE)})
    u, v = layer.U.detach()[0, 0, 0].item(), layer.Vh.detach()[0, 0, 0].item()  # 1 or -1, both the same
    assert_moments(moments, "U", [[[v * 3 * 0.2], [v * 3 * 0.6]]], [[[9.0 * 1.0], [9.0 * 9.0]]])
    assert_moments(moments, "S", [[0.2]], [[1.0]])
    assert_moments(moments, "Vh", [[[u * 3 * 0.2, u * 3 * 0.4]]], [[[9.0 * 1.0, 9.0 * 4.0]]])


def test_a_direction_in_which_all_entries_agree_keeps_its_size():
    layer = nn.Linear(2, 2, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.ones(2, 2))  # v = (1, 1) / sqrt(2)
    modulate(layer, policy="exact")
    # Both entries of a row are always 2, or 1 and -1 by turns: along v that is sqrt(8), or sqrt(.5 + .5).
    mean, square = torch.tensor([[2.0, 2.0], [0.0, 0.0]]), torch.tensor([[4.0, 4.0], [1.0, 1.0]])
    moments = change(layer, 0.5).carry({"weight": (mean, square)})
    sign = float(layer.right()[0, 0, 0].sign())
    assert_moments(moments, "dA", [[[sign * 8.0**0.5], [0.0]]], [[[8.0], [1.0]]])


def test_left_at_full_rank_again_knows_one_column_and_takes_the_other_to_be_like_it():
    layer = layer_of("left", 0.5)
    sign = float(layer.right()[0, 0, 0])
    known = (torch.tensor([[[sign * 0.2], [sign * 0.6]]]), torch.tensor([[[1.0], [9.0]]]))
    moments = change(layer, 1.0).carry({"dA": known})
    assert_moments(moments, "weight", [[0.2, 0.0], [0.6, 0.0]], [[1.0, 1.0], [9.0, 9.0]])


def test_usv_at_full_rank_again_knows_a_column_and_a_row():
    layer = layer_of("usv", 0.5)
    u, v = layer.U.detach()[0, 0, 0].item(), layer.Vh.detach()[0, 0, 0].item()
    known = {
        "U": (torch.tensor([[[v * 3 * 0.2], [v * 3 * 0.6]]]), torch.tensor([[[9.0], [81.0]]])),
        "S": (torch.tensor([[0.2]]), torch.tensor([[1.0]])),
        "Vh": (torch.tensor([[[u * 3 * 0.2, u * 3 * 0.4]]]), torch.tensor([[[9.0, 36.0]]])),
    }
    moments = change(layer, 1.0).carry(known)
    # By the column the rows are (1, 1) and (9, 9), by the row they are (1, 4) twice; between the two.
    assert_moments(moments, "weight", [[0.2, 0.4], [0.6, 0.0]], [[1.0, 2.5], [5.0, 6.5]])


@pytest.mark.parametrize(
    "ranks", [(6, 4), (4, 6), (6, 2)], ids=lambda ranks: f"from {ranks[0]} to {ranks[1]}"
)
@pytest.mark.parametrize("groups", [1, 2])
def test_usv_carries_the_mean_gradient_exactly_from_factors_that_have_moved(ranks, groups):
    torch.manual_seed(0)
    layer = nn.Conv1d(8 * groups, 12 * groups, 3, groups=groups).double()
    modulate(layer, rank=ranks[0], form="usv", policy="exact")
    with torch.no_grad():
        for factor in layer.factors().values():
            factor.add_(0.1 * torch.randn_like(factor))  # no longer orthonormal
    before = {name: factor.detach().clone() for name, factor in layer.factors().items()}
    # A gradient that the old factors know: inside their rows and columns.
    inside = before["U"] @ torch.randn(groups, ranks[0], ranks[0], dtype=torch.float64) @ before["Vh"]
    made = set_rank(layer, rank=ranks[1])[0]
    moments = made.carry({name: (g, g.square()) for name, g in gradients(before, inside).items()})
    for name, gradient in gradients(layer.factors(), inside).items():
        torch.testing.assert_close(moments[name][0], gradient.detach())
        assert bool((moments[name][1] >= 0.999 * moments[name][0].square()).all())


def gradients(factors, weight_gradient):
    """Return the gradients of U, S and Vh for that of the weight (G, N, K)."""
    u, s, vh = factors["U"], factors["S"], factors["Vh"]
    return {
        "U": weight_gradient @ vh.mT * s[:, None, :],
        "S": (u.mT @ weight_gradient @ vh.mT).diagonal(dim1=1, dim2=2),
        "Vh": s[:, :, None] * (u.mT @ weight_gradient),
    }


@pytest.mark.parametrize("denoiser", [UNET, MLP])
@pytest.mark.parametrize("form", ["left", "usv"])
@pytest.mark.parametrize(
    "fractions", [(1.0, 0.5), (0.5, 0.25), (0.25, 0.5), (0.25, 1.0)], ids=lambda f: f"{f[0]} to {f[1]}"
)
def test_the_weights_move_no_faster_right_after_a_change_of_rank(fractions, form, denoiser):
    def schedule(step):
        return fractions[0] if step < 60 else fractions[1]

    trainer = make_trainer(RankConfig(form=form, policy="exact"), schedule, denoiser=denoiser, steps=120)
    trainer.run(next_batch, steps=57)
    moved, before = [], weights_of(trainer)
    for _ in range(6):
        trainer.run(next_batch, steps=1)
        after = weights_of(trainer)
        moved.append(float((after - before).norm()))
        before = after
    assert max(moved[3:]) <= 1.5 * sum(moved[:3]) / 3


def weights_of(trainer):
    return torch.cat([layer.dense_matrix().flatten() for layer in modulated_layers(trainer.policy).values()])
