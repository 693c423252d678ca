"""Bad input to rank modulation names the layer, the value and what is allowed; nothing is half-applied."""

import warnings

import pytest
import torch
from drift_config.errors import ConfigError
from drift_core.rank import merge, modulate, set_rank
from drift_core.rank.modulation import bfloat16_is_fast
from torch import nn


def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(8, 16), nn.Linear(16, 4))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rank": 0}, r"rank=0 must lie in 1..8, the maximum of layer 0"),
        ({"rank": 9}, r"rank=9 must lie in 1..8, the maximum of layer 0"),
        ({"rank": 2.5}, r"rank=2.5 must be an integer"),
        ({"fraction": 0.0}, r"fraction=0.0 must lie in \(0, 1\]"),
        ({"fraction": 1.5}, r"fraction=1.5 must lie in \(0, 1\]"),
        ({"fraction": float("nan")}, r"fraction=nan must lie in \(0, 1\]"),
        ({"fraction": "0.5"}, r"fraction='0.5' must lie in \(0, 1\]"),
        ({"fraction": True}, r"fraction=True must lie in \(0, 1\]"),
        ({"fraction": 0.5, "rank": 2}, r"exactly one of fraction=0.5 and rank=2"),
        ({"form": "right"}, r"form='right' must be one of: left, usv"),
        ({"policy": "slow"}, r"policy='slow' must be one of: fast, exact"),
        ({"subspace": "bottom"}, r"subspace='bottom' must be one of: top, random"),
        ({"subspace": "random"}, r"generator=None must be a torch.Generator"),
        (
            {"where": lambda name, layer: False},
            r"Sequential has no layer to modulate; allowed: Linear, Conv1d",
        ),
    ],
)
def test_modulate_refuses_and_leaves_the_module_alone(arguments, message):
    module = net()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    with pytest.raises(ConfigError, match=message):
        modulate(module, **arguments)
    assert [type(layer) for layer in module] == [nn.Linear, nn.Linear]
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


def test_modulate_twice_is_refused():
    module = net()
    modulate(module, 0.5)
    with pytest.raises(ConfigError, match="layer 0 is modulated already; change its rank with set_rank"):
        modulate(module, 0.5)


def test_modulating_other_layers_later_leaves_the_first_ones_as_they_are():
    module = net()
    modulate(module, rank=4, policy="exact", where=lambda name, layer: name == "0")
    first = module[0].dA
    modulate(module, rank=2, policy="exact", where=lambda name, layer: name == "1")
    assert (module[0].rank, module[1].rank) == (4, 2)
    assert module[0].dA is first


def test_set_rank_and_merge_need_a_modulated_layer():
    with pytest.raises(ConfigError, match="Sequential has no modulated layer; call modulate first"):
        set_rank(net(), 0.5)
    with pytest.raises(ConfigError, match="Sequential has no modulated layer; call modulate first"):
        merge(net())


def test_weights_that_are_not_finite_are_refused_by_name_before_anything_changes():
    module = net()
    with torch.no_grad():
        module[1].weight[0, 0] = torch.nan
    with pytest.raises(ConfigError, match="layer 1 has weights that are not finite"):
        modulate(module, 0.5)
    assert type(module[0]) is nn.Linear

    module = net()
    modulate(module, rank=2, policy="exact")
    with torch.no_grad():
        module[1].dA[0, 0, 0] = torch.inf
    with pytest.raises(ConfigError, match="layer 1 has weights that are not finite"):
        set_rank(module, rank=1)
    assert module[0].rank == 2


def test_a_shared_weight_is_refused():
    module = net()
    module.append(nn.Linear(8, 16))
    module[2].weight = module[0].weight
    with pytest.raises(ConfigError, match="layer 0 shares its weight: 0.weight, 2.weight"):
        modulate(module, 0.5)


def test_a_weight_that_is_computed_from_others_is_refused():
    module = net()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # the old weight_norm, which keeps the layer's type
        nn.utils.weight_norm(module[1])
    with pytest.raises(ConfigError, match="layer 1 computes its weight from other parameters"):
        modulate(module, 0.5)
    assert type(module[0]) is nn.Linear


def test_half_precision_weights_are_refused():
    with pytest.raises(ConfigError, match=r"layer 0 has dtype=torch.bfloat16; allowed: float32, float64"):
        modulate(net().bfloat16(), 0.5)


def test_bfloat16_is_refused_for_float64_and_where_the_processor_has_none():
    with pytest.raises(ConfigError, match=r"layer 0 has dtype=torch.float64; bfloat16=True allows: float32"):
        modulate(net().double(), 0.5, bfloat16=True)
    if not bfloat16_is_fast(torch.device("cpu")):
        with pytest.raises(ConfigError, match="has no bfloat16 arithmetic; allowed: false"):
            modulate(net(), 0.5, bfloat16=True)
