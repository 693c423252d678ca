"""The policy `fast` never trains fewer directions than asked for, and full rank where that is cheaper."""

import pytest
import torch
from drift_core.rank import merge, modulate, rank_report, set_rank
from drift_core.rank.cost import break_even_rank, fast_rank
from drift_core.rank.halves import join_halves, split_halves
from drift_core.rank.layout import Layout
from drift_core.rank.modulation import bfloat16_is_fast
from torch import nn

SQUARE = Layout("convolution", 1, 512, 512, (5,))  # N = 512, K = 2560


def test_break_even_is_where_the_multiply_adds_are_equal():
    n, k = 512, 2560
    r = break_even_rank(SQUARE, "left")
    assert 2 * n * k + 2 * r * (n + k) + r * n == pytest.approx(3 * n * k)
    r = break_even_rank(SQUARE, "usv")
    assert 2 * n * k + 3 * r * (n + k) == pytest.approx(3 * n * k)
    assert r == pytest.approx(142.2, abs=0.1)


def test_a_rank_below_break_even_is_rounded_up_to_whole_blocks():
    assert [fast_rank(SQUARE, "left", rank) for rank in (1, 16, 17, 64)] == [16, 16, 32, 64]


def test_a_rank_above_break_even_becomes_full():
    assert fast_rank(SQUARE, "left", 200) == 512  # break-even at 197
    assert [fast_rank(SQUARE, "usv", rank) for rank in (96, 112)] == [96, 512]  # 3/4 of break-even is 107


def test_a_report_tells_what_was_asked_for_from_what_trains():
    net = nn.Sequential(nn.Conv1d(256, 256, 5), nn.Conv1d(8, 8, 1))
    modulate(net, 0.125, policy="fast")
    wide, small = rank_report(net).layers
    assert (wide.requested, wide.effective) == (32, 32)
    assert (small.requested, small.effective) == (1, 8)  # too small to gain anything
    set_rank(net, 0.5)
    assert [(line.requested, line.effective) for line in rank_report(net).layers] == [(128, 256), (4, 8)]


def test_halves_give_the_tensor_back_to_the_bit():
    values = torch.cat([torch.randn(1000), torch.tensor([0.0, -0.0, 1e-42, 3e38, -1.0])])
    high, low = split_halves(values)
    assert torch.equal(join_halves(high, low).view(torch.int32), values.view(torch.int32))
    assert torch.allclose(high.float(), values, rtol=2**-8)


@pytest.mark.skipif(not bfloat16_is_fast(torch.device("cpu")), reason="no bfloat16 on this processor")
@pytest.mark.parametrize("form", ["left", "usv"])
def test_a_bfloat16_frozen_part_changes_the_output_a_little_and_the_merged_weight_not_at_all(form):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv1d(32, 32, 5, padding=2), nn.Flatten(), nn.Linear(512, 64))
    x = torch.randn(4, 32, 16)
    expected, weights = net(x), [net[0].weight.clone(), net[2].weight.clone()]
    modulate(net, 0.25, policy="exact", form=form, bfloat16=True)
    y = net(x)
    assert y.dtype == torch.float32 and 0.0 < (y - expected).abs().max() < 0.02
    y.sum().backward()
    assert all(p.grad is not None for p in net.parameters())
    merge(net)
    tolerance = 0.0 if form == "left" else 1e-6
    for layer, weight in zip((net[0], net[2]), weights, strict=True):
        assert (layer.weight - weight).abs().max() <= tolerance


@pytest.mark.skipif(not bfloat16_is_fast(torch.device("cpu")), reason="no bfloat16 on this processor")
@pytest.mark.parametrize("form", ["left", "usv"])
def test_training_leaves_both_halves_of_the_frozen_part_alone_to_the_bit(form):
    torch.manual_seed(0)
    layer = nn.Conv1d(16, 32, 5, padding=2)
    modulate(layer, 0.25, policy="exact", form=form, bfloat16=True)
    high, low, base = layer.frozen[:32].clone(), layer.frozen_low.clone(), layer.base().clone()
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.01)
    for _ in range(20):
        optimizer.zero_grad()
        layer(torch.randn(4, 16, 8)).square().mean().backward()
        optimizer.step()
    assert torch.equal(layer.frozen[:32], high) and torch.equal(layer.frozen_low, low)
    assert torch.equal(layer.base(), base)
