"""Rank modulation leaves the function alone, whatever the rank; and trains only what it says."""

import copy

import pytest
import torch
from drift_core.rank import merge, modulate, rank_report, set_rank
from drift_core.rank.change import trained_part
from torch import nn

CASES = {
    "linear": (lambda: nn.Linear(24, 16), (3, 5, 24)),
    "linear without bias, wide": (lambda: nn.Linear(9, 30, bias=False), (4, 9)),
    "conv1d": (lambda: nn.Conv1d(8, 12, 5, padding=2), (4, 8, 16)),
    "conv1d strided, dilated, grouped": (lambda: nn.Conv1d(8, 12, 3, 2, 2, 2, groups=4), (4, 8, 16)),
    "conv1d same, even kernel": (lambda: nn.Conv1d(8, 12, 4, padding="same"), (4, 8, 16)),
    "conv1d circular": (lambda: nn.Conv1d(8, 12, 3, padding=1, padding_mode="circular"), (4, 8, 16)),
    "conv1d 1x1 without bias": (lambda: nn.Conv1d(8, 12, 1, bias=False), (4, 8, 16)),
    "conv1d without batch": (lambda: nn.Conv1d(8, 12, 3), (8, 16)),
    "transposed": (lambda: nn.ConvTranspose1d(8, 12, 4, stride=2, padding=1), (4, 8, 9)),
    "transposed, grouped": (
        lambda: nn.ConvTranspose1d(8, 12, 5, 3, 1, output_padding=2, groups=2, dilation=2),
        (4, 8, 9),
    ),
    "conv2d": (lambda: nn.Conv2d(6, 10, 3, padding=1), (2, 6, 8, 7)),
    "conv2d strided, grouped": (lambda: nn.Conv2d(6, 10, (3, 2), (2, 1), groups=2), (2, 6, 8, 7)),
}
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12}


def make(case, dtype):
    torch.manual_seed(0)
    build, shape = CASES[case]
    return build().to(dtype), torch.randn(shape, dtype=dtype)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("form", ["left", "usv"])
@pytest.mark.parametrize("case", CASES)
def test_five_reductions_a_raise_and_a_merge_keep_the_output(case, form, dtype):
    layer, x = make(case, dtype)
    expected, plain, keys = layer(x), type(layer), set(layer.state_dict())
    modulate(layer, 0.9, form=form, policy="exact")
    for fraction in (0.7, 0.55, 0.4, 0.25, 0.1, 0.8, 1.0, 0.3):
        set_rank(layer, fraction)
        assert (layer(x) - expected).abs().max() <= TOLERANCE[dtype]
    merge(layer)
    assert type(layer) is plain and set(layer.state_dict()) == keys
    assert (layer(x) - expected).abs().max() <= TOLERANCE[dtype]


@pytest.mark.parametrize("form", ["left", "usv"])
@pytest.mark.parametrize("case", ["linear", "conv1d", "transposed, grouped", "conv2d"])
def test_reductions_after_training_keep_the_output(case, form):
    layer, x = make(case, torch.float32)
    modulate(layer, 0.9, form=form, policy="exact")
    for fraction in (0.7, 0.5, 0.3, 0.2, 0.1, 0.6):
        train_a_little(layer, x)
        before = layer(x).detach()
        set_rank(layer, fraction)
        assert (layer(x) - before).abs().max() <= 1e-5


def test_usv_keeps_the_number_of_singular_directions_over_five_reductions():
    torch.manual_seed(0)
    layer = nn.Conv1d(16, 32, 3).double()  # W is 32 x 48, rank 32
    modulate(layer, rank=30, form="usv", policy="exact")
    for rank in (24, 18, 12, 6, 3):
        set_rank(layer, rank=rank)
        frozen, trained = layer.base()[0], (layer.left() @ layer.right())[0]
        # Rounding leaves singular values of about 1e-16; those of the weight are around 1.
        ranks = [int(torch.linalg.matrix_rank(part, atol=1e-12, rtol=0.0)) for part in (frozen, trained)]
        assert ranks == [32 - rank, rank]
        assert (layer.U.shape[-1], layer.S.shape[-1], layer.Vh.shape[-2]) == (rank, rank, rank)


def test_usv_trains_the_top_singular_directions():
    torch.manual_seed(0)
    layer = nn.Linear(20, 12).double()
    singular = torch.linalg.svdvals(layer.weight)
    modulate(layer, rank=5, form="usv", policy="exact")
    assert torch.allclose(layer.S[0], singular[:5], atol=1e-12)
    assert torch.allclose(torch.linalg.svdvals(layer.base()[0])[:7], singular[5:], atol=1e-12)


@pytest.mark.parametrize("scale", [1e-25, 1e25])  # squares of both are outside of float32
@pytest.mark.parametrize("form", ["left", "usv"])
@pytest.mark.parametrize("shape", [(20, 12), (12, 20)])
def test_the_top_directions_are_found_whatever_the_size_of_the_weight(shape, form, scale):
    torch.manual_seed(0)
    layer = nn.Linear(*shape)
    layer.weight.data *= scale
    singular = torch.linalg.svdvals(layer.weight.detach())
    modulate(layer, rank=5, form=form, policy="exact")
    kept = torch.linalg.svdvals((layer.matrix() @ layer.right().mT)[0])
    assert torch.allclose(kept, singular[:5], rtol=1e-5, atol=0.0)


@pytest.mark.parametrize("subspace", ["top", "random"])
def test_left_has_orthonormal_rows_and_changes_the_weight_inside_their_span_only(subspace):
    torch.manual_seed(0)
    layer, x = make("conv1d", torch.float64)
    generator = torch.Generator().manual_seed(1)
    modulate(layer, 0.8, policy="exact", subspace=subspace, generator=generator)
    for rank in (8, 6, 4, 3, 2):
        set_rank(layer, rank=rank, generator=generator)
        rows, before = layer.right()[0].clone(), layer.dense_matrix()[0]
        assert torch.allclose(rows @ rows.T, torch.eye(rank, dtype=torch.float64), atol=1e-12)
        train_a_little(layer, x)
        change = layer.dense_matrix()[0] - before
        assert change.abs().max() > 1e-3
        assert torch.allclose(change @ rows.T @ rows, change, atol=1e-12)


@pytest.mark.parametrize("form", ["left", "usv"])
def test_exact_leaves_the_frozen_part_alone_to_the_bit(form):
    layer, x = make("conv1d", torch.float32)
    modulate(layer, 0.25, form=form, policy="exact")
    frozen, outside = layer.base().clone(), trained_part(layer)[1][0]
    weight = layer.dense_matrix()[0]
    train_a_little(layer, x, steps=20)
    assert torch.equal(layer.base(), frozen)
    if form == "left":
        change = layer.dense_matrix()[0] - weight
        assert (change - change @ outside.T @ outside).abs().max() < 1e-6


def test_a_reduction_keeps_to_directions_that_trained_before():
    layer, _ = make("conv1d", torch.float64)
    modulate(layer, rank=8, policy="exact")
    wide = layer.right()[0].clone()
    set_rank(layer, rank=3)
    narrow = layer.right()[0]
    assert torch.allclose(narrow @ wide.T @ wide, narrow, atol=1e-12)


def test_a_fraction_is_of_each_layers_own_maximum_and_a_rank_is_global():
    net = nn.Sequential(nn.Conv1d(4, 64, 5), nn.ConvTranspose1d(64, 32, 4), nn.Linear(100, 40))
    modulate(net, 0.25, policy="exact")  # maxima: min(64, 20), min(32, 256), min(40, 100)
    assert [layer.effective for layer in rank_report(net).layers] == [5, 8, 10]
    set_rank(net, rank=30)
    assert [layer.effective for layer in rank_report(net).layers] == [20, 30, 30]


def test_a_report_counts_what_trains():
    net = nn.Sequential(nn.Linear(32, 64), nn.LayerNorm(64))
    plain = sum(p.numel() for p in net.parameters())
    modulate(net, rank=8, policy="exact")
    report = rank_report(net)
    assert report.trainable_parameters == 64 * 8 + 64 + 2 * 64  # dA, bias, norm
    assert report.parameters == plain
    assert report.effective_fraction == 0.25


def test_merged_weights_load_into_a_plain_network():
    net = nn.Sequential(nn.Conv1d(8, 16, 3), nn.Mish(), nn.ConvTranspose1d(16, 8, 4))
    plain, x = copy.deepcopy(net), torch.randn(2, 8, 10)
    modulate(net, 0.25, policy="exact", form="usv")
    train_a_little(net, x)
    expected = net(x)
    merge(net)
    plain.load_state_dict(net.state_dict())
    assert torch.allclose(plain(x), expected, atol=1e-5)


def test_a_layer_is_chosen_by_name_and_keeps_its_identity():
    net = nn.ModuleDict({"a": nn.Linear(8, 8), "b": nn.Linear(8, 8)})
    layer = net["a"]
    modulate(net, 0.5, policy="exact", where=lambda name, _: name == "a")
    assert net["a"] is layer and type(net["b"]) is nn.Linear
    assert [line.name for line in rank_report(net).layers] == ["a"]


def test_an_unchanged_rank_keeps_the_parameters():
    layer, _ = make("conv1d", torch.float32)
    modulate(layer, rank=4, policy="exact")
    parameter = layer.dA
    assert set_rank(layer, rank=4) == [] and layer.dA is parameter


def test_a_frozen_layer_stays_frozen():
    layer = nn.Linear(8, 8).requires_grad_(False)
    modulate(layer, rank=2, policy="exact")
    assert not layer.dA.requires_grad
    merge(layer)
    assert not layer.weight.requires_grad


def test_a_copy_is_independent():
    layer, x = make("conv1d", torch.float32)
    modulate(layer, rank=3, policy="exact", form="usv")
    twin = copy.deepcopy(layer)
    before = twin(x).detach()
    train_a_little(layer, x)
    assert torch.equal(twin(x), before) and not torch.equal(layer(x), before)


def test_two_forward_passes_may_precede_one_backward_pass():
    layer, x = make("conv1d", torch.float32)
    modulate(layer, rank=3, policy="exact", form="usv")
    (layer(x).sum() + layer(2.0 * x).sum()).backward()
    assert layer.Vh.grad is not None


def train_a_little(module, x, steps=3):
    optimizer = torch.optim.Adam([p for p in module.parameters() if p.requires_grad], lr=0.01)
    for _ in range(steps):
        optimizer.zero_grad()
        (module(x) - 1.0).square().mean().backward()
        optimizer.step()
