"""Every gradient equals autograd's on a dense reparametrisation W = W0 + A V, for all layer types."""

import pytest
import torch
from drift_core.rank import modulate
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.func import functional_call

SETTINGS = settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)


@st.composite
def layers(draw):
    """Return a layer and an input for it, float64."""
    kind = draw(st.sampled_from(["linear", "conv1d", "transposed", "conv2d"]))
    bias, batch = draw(st.booleans()), draw(st.integers(1, 3))
    if kind == "linear":
        n_in, n_out = draw(st.integers(1, 9)), draw(st.integers(1, 9))
        middle = draw(st.sampled_from([(), (3,)]))
        return nn.Linear(n_in, n_out, bias), (batch, *middle, n_in)
    groups = draw(st.integers(1, 3))
    n_in, n_out = groups * draw(st.integers(1, 3)), groups * draw(st.integers(1, 4))
    kernel, stride = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    dilation, padding = draw(st.integers(1, 2)), draw(st.integers(0, 2))
    length = draw(st.integers(dilation * (kernel - 1) + 1, dilation * (kernel - 1) + 5))
    if kind == "transposed":
        padding = min(padding, dilation * (kernel - 1) // 2)
        extra = draw(st.integers(0, max(stride, dilation) - 1))
        layer = nn.ConvTranspose1d(n_in, n_out, kernel, stride, padding, extra, groups, bias, dilation)
        return layer, (batch, n_in, length)
    if kind == "conv1d":
        mode = draw(st.sampled_from(["zeros", "circular", "replicate"]))
        layer = nn.Conv1d(n_in, n_out, kernel, stride, min(padding, length), dilation, groups, bias, mode)
        return layer, (batch, n_in, length)
    return nn.Conv2d(n_in, n_out, kernel, stride, padding, dilation, groups, bias), (
        batch,
        n_in,
        length,
        length + 1,
    )


@pytest.mark.parametrize("form", ["left", "usv"])
@SETTINGS
@given(case=layers(), share=st.floats(0.05, 0.95), seed=st.integers(0, 99))
def test_gradients_equal_those_of_a_dense_reparametrisation(form, case, share, seed):
    layer, shape = case
    torch.manual_seed(seed)
    layer = layer.double()
    x = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    rank = max(1, int(share * _max_rank(layer)))
    if rank == _max_rank(layer):
        return  # dense: nothing of ours is in use
    plain = type(layer)
    bias = layer.bias
    modulate(layer, rank=rank, form=form, policy="exact")
    with torch.no_grad():
        for factor in layer.factors().values():
            factor.add_(0.3 * torch.randn_like(factor))
    names = [*layer.factors(), *(["bias"] if bias is not None else [])]
    y = layer(x)
    cotangent = torch.randn_like(y)
    ours = torch.autograd.grad(y, [x, *(layer.get_parameter(name) for name in names)], cotangent)

    # The same function by ordinary autograd: the plain layer with a weight made of copies of the factors.
    copies = [layer.get_parameter(name).detach().clone().requires_grad_() for name in names]
    factors = dict(zip(names, copies, strict=True))
    left = factors["dA"] if form == "left" else factors["U"] * factors["S"][:, None, :]
    right = layer.right() if form == "left" else factors["Vh"]
    weight = layer.layout.to_weight(layer.base() + left @ right)
    layer.set_dense(layer.dense_matrix(), trainable=True)
    layer.plain()
    assert type(layer) is plain
    dense = functional_call(
        layer, {"weight": weight, **({"bias": factors["bias"]} if bias is not None else {})}, x
    )
    assert torch.allclose(y, dense, atol=1e-12)
    theirs = torch.autograd.grad(dense, [x, *copies], cotangent)
    for name, got, want in zip(["x", *names], ours, theirs, strict=True):
        assert torch.allclose(got, want, atol=1e-11, rtol=1e-11), name


@pytest.mark.parametrize("form", ["left", "usv"])
def test_gradients_pass_the_finite_difference_check(form):
    torch.manual_seed(0)
    layer = nn.Conv1d(4, 6, 3, stride=2, padding=1, groups=2).double()
    modulate(layer, rank=2, form=form, policy="exact")
    x = torch.randn(2, 4, 9, dtype=torch.float64, requires_grad=True)
    names = [*layer.factors(), "bias"]

    def function(x, *values):
        return functional_call(layer, dict(zip(names, values, strict=True)), x)

    values = [layer.get_parameter(name).detach().requires_grad_() for name in names]
    assert torch.autograd.gradcheck(function, (x, *values))


def test_no_weight_gradient_is_formed_and_the_input_is_not_kept():
    layer = nn.Conv1d(64, 64, 5, padding=2)
    modulate(layer, rank=4, policy="exact")
    saved = {}

    def keep(tensor):
        saved[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes() // 4
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        y = layer(torch.randn(2, 64, 16, requires_grad=True))
    y.sum().backward()
    assert layer.frozen.grad is None
    assert sorted(saved.values()) == [2 * 4 * 16, 64 * 4]  # P and A; the input has 2048 values


@pytest.mark.parametrize("build", [lambda: nn.Conv1d(6, 8, 3), lambda: nn.ConvTranspose1d(6, 8, 3)])
def test_a_pass_with_other_factors_leaves_the_gradients_of_the_one_before_alone(build):
    torch.manual_seed(0)
    layer = build().double()
    modulate(layer, rank=3, form="usv", policy="exact")
    x = torch.randn(2, 6, 9, dtype=torch.float64, requires_grad=True)
    wanted = [x, *layer.parameters()]
    expected = torch.autograd.grad(layer(x).square().sum(), wanted)
    y = layer(x)
    with torch.no_grad():
        functional_call(layer, {"Vh": 5.0 * layer.Vh}, (x,))
    for got, want in zip(torch.autograd.grad(y.square().sum(), wanted), expected, strict=True):
        assert torch.equal(got, want)


@pytest.mark.parametrize("form", ["left", "usv"])
def test_an_empty_batch_is_fine(form):
    layer = nn.Conv1d(6, 8, 3)
    modulate(layer, rank=3, form=form, policy="exact")
    y = layer(torch.zeros(0, 6, 9))
    y.sum().backward()
    assert y.shape == (0, 8, 7) and all(bool((p.grad == 0.0).all()) for p in layer.parameters())


def test_autocast_computes_in_bfloat16_and_gives_gradients_in_float32():
    layer = nn.Conv1d(16, 16, 5, padding=2)
    modulate(layer, rank=4, policy="exact")
    x = torch.randn(2, 16, 16)
    exact = layer(x)
    with torch.autocast("cpu", torch.bfloat16):
        y = layer(x)
    assert y.dtype == torch.bfloat16 and (y - exact).abs().max() < 0.05
    y.float().sum().backward()
    assert layer.dA.grad.dtype == torch.float32 and layer.bias.grad.dtype == torch.float32


def _max_rank(layer):
    from drift_core.rank.layout import layout_of

    return layout_of(layer).max_rank
