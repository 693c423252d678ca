"""Networks: shapes, sizes, and that hoisted conditioning changes nothing but the time it takes."""

import pytest
import torch
from drift_config.errors import ConfigError
from drift_core.denoisers import (
    DENOISERS,
    ConditionalUnet1D,
    JointConfig,
    MlpConfig,
    MlpDenoiser,
    ModeConfig,
    TransformerConfig,
    TransformerDenoiser,
    UNetConfig,
    make_denoiser,
)
from drift_core.errors import ShapeError

SMALL = {config.kind: config() for config in DENOISERS} | {
    "unet": UNetConfig(down_dims=(16, 32), groups=4, step_dim=16),
    "mlp": MlpConfig(width=32, blocks=2, step_dim=16),
    "transformer": TransformerConfig(width=32, heads=4, blocks=2, step_dim=16),
    # each expert runs, so that each has a gradient
    "mode": ModeConfig(width=32, heads=4, blocks=2, experts=2, top_k=2, step_dim=16),
    "joint": JointConfig(width=32, heads=4, blocks=2, step_dim=16),
}


def network(kind, seed=0):
    torch.manual_seed(seed)
    made = make_denoiser(SMALL[kind], horizon=8, action_dim=3, condition_dim=5)
    with torch.no_grad():  # adaLN starts at zero: give it something to say
        for parameter in made.films.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return made.eval()


def inputs(batch=2):
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(batch, 8, 3, generator=generator)
    return x, torch.arange(batch) * 40, torch.randn(batch, 5, generator=generator)


@pytest.mark.parametrize("kind", SMALL)
def test_output_has_the_shape_of_the_chunk(kind):
    x, k, condition = inputs()
    assert network(kind)(x, k, condition).shape == (2, 8, 3)


@pytest.mark.parametrize("kind", SMALL)
def test_step_condition_and_every_action_reach_the_output(kind):
    net = network(kind)
    x, k, condition = inputs()
    out = net(x, k, condition)
    moved = x.clone()
    moved[:, 7] += 1.0
    assert not torch.allclose(net(x, k + 1, condition), out)
    assert not torch.allclose(net(x, k, condition + 0.5), out)
    assert not torch.allclose(net(moved, k, condition)[:, 0], out[:, 0])


@pytest.mark.parametrize("kind", SMALL)
def test_every_parameter_gets_a_gradient(kind):
    net = network(kind)
    net(*inputs()).square().mean().backward()
    without = [name for name, p in net.named_parameters() if p.grad is None or not p.grad.any()]
    assert without == []


@pytest.mark.parametrize("kind", SMALL)
def test_hoisted_conditioning_gives_the_same_output(kind):
    net = network(kind)
    x, k, condition = inputs()
    hoisted = net.hoist(condition, train_steps=100)
    torch.testing.assert_close(hoisted(x, k), net(x, k, condition), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", SMALL)
def test_rows_of_a_batch_do_not_see_each_other(kind):
    net = network(kind)
    x, k, condition = inputs()
    alone = net(x[:1], k[:1], condition[:1])
    torch.testing.assert_close(net(x, k, condition)[:1], alone, rtol=1e-4, atol=1e-5)


def test_the_step_table_is_kept_until_a_weight_changes():
    net = network("mlp")
    table = net.step_table(100)
    assert table.shape == (100, 128) and net.step_table(100) is table  # 2 blocks of 2 * 32
    with torch.no_grad():
        net.films[0].step.weight.mul_(2.0)
    assert not torch.equal(net.step_table(100), table)
    before = net.step_table(100)
    net.load_state_dict(network("mlp", seed=1).state_dict())
    assert not torch.equal(net.step_table(100), before)


def test_the_step_table_follows_a_replaced_layer():
    net = network("mlp")
    before = net.step_table(100)
    net.films[0].step = torch.nn.Linear(16, 64)
    assert not torch.equal(net.step_table(100), before)


def test_sizes_are_those_of_the_benchmarks():
    def millions(net):
        return sum(p.numel() for p in net.parameters()) / 1e6

    with torch.device("meta"):
        small = ConditionalUnet1D(UNetConfig(), 16, 10, 1044)
        large = ConditionalUnet1D(UNetConfig(down_dims=(256, 512, 1024)), 16, 10, 1044)
        mlp = MlpDenoiser(MlpConfig(), 16, 10, 113)
        transformer = TransformerDenoiser(TransformerConfig(), 16, 10, 113)
    assert millions(small) == pytest.approx(25.1, abs=0.2)
    assert millions(large) == pytest.approx(80.2, abs=0.4)
    assert millions(mlp) == pytest.approx(1.10, abs=0.01)
    assert millions(transformer) < 6.0


def test_only_plain_layers_hold_the_large_weights():
    # Rank modulation replaces these modules; a large bare parameter would escape it.
    for kind in SMALL:
        net = network(kind)
        plain = (torch.nn.Linear, torch.nn.Conv1d, torch.nn.ConvTranspose1d)
        held = {id(p) for m in net.modules() if isinstance(m, plain) for p in m.parameters()}
        loose = [name for name, p in net.named_parameters() if id(p) not in held and p.ndim > 1]
        assert loose == (["position"] if kind in ("transformer", "mode", "joint") else [])


def test_a_horizon_that_cannot_be_halved_is_refused():
    with pytest.raises(ConfigError, match="horizon=10 must be a multiple of 4 for 3 down_dims"):
        ConditionalUnet1D(UNetConfig(), horizon=10, action_dim=3, condition_dim=5)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: UNetConfig(down_dims=(12,), groups=8), r"down_dims=\[12\] must be multiples of groups=8"),
        (lambda: UNetConfig(kernel_size=4), "kernel_size=4 must be odd"),
        (lambda: TransformerConfig(width=30, heads=4), "width=30 must be a multiple of heads=4"),
    ],
)
def test_impossible_sizes_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_condition_of_the_wrong_size_is_refused():
    x, k, _ = inputs()
    with pytest.raises(ShapeError, match=r"condition must be \(B, 5\), got \(2, 6\)"):
        network("mlp")(x, k, torch.zeros(2, 6))
