"""Engines compute what PyTorch computes, and only for the weights that they were built for."""

import numpy as np
import pytest
import torch
from drift_core.denoisers import MlpConfig, TransformerConfig, UNetConfig, make_denoiser
from drift_core.denoisers.denoiser import Stages, mish
from drift_core.engines import EngineError, make_engine
from drift_core.engines.engine import verified
from drift_core.errors import ConfigError
from drift_core.observation import Observation, ObservationSpec
from drift_core.policy import DiffusionPolicy, PolicyConfig

SMALL = {
    "unet": UNetConfig(down_dims=(16, 32), groups=4, step_dim=16),
    "mlp": MlpConfig(width=32, blocks=2, step_dim=16),
    "transformer": TransformerConfig(width=32, heads=4, blocks=2, step_dim=16),
}


def network(kind="mlp"):
    torch.manual_seed(0)
    return make_denoiser(SMALL[kind], horizon=8, action_dim=2, condition_dim=2).eval()


def policy():
    torch.manual_seed(0)
    spec = ObservationSpec((), state_dim=2, observation_steps=1, dt_s=0.1)
    return DiffusionPolicy(PolicyConfig(spec, 2, "point", 8, 4, None, SMALL["mlp"], "sample")).eval()


def act(made):
    seen = Observation(0.0, {}, np.ones((1, 2), dtype=np.float32), 0.0)
    return made.act(seen, made.make_sampler("ddim-4"), torch.Generator().manual_seed(0))


@pytest.mark.parametrize("kind", SMALL)
def test_eager_is_itself(kind):
    engine = make_engine("eager", network(kind))
    assert engine.name == "eager" and engine.difference == 0.0 and engine.step_ms > 0.0


@pytest.mark.parametrize("kind", SMALL)
def test_onnx_agrees_with_eager(kind):
    engine = make_engine("onnx", network(kind))
    assert engine.name == "onnx" and engine.difference < 1e-4


def test_the_exported_mish_is_mish_over_the_whole_range(monkeypatch):
    x = torch.cat([torch.linspace(-100.0, 100.0, 2001), torch.linspace(-1.0, 1.0, 2001)])
    monkeypatch.setattr("torch.onnx.is_in_onnx_export", lambda: True)
    torch.testing.assert_close(mish(x), torch.nn.functional.mish(x), rtol=1e-5, atol=1e-6)
    assert mish(torch.tensor(1.0)) == pytest.approx(0.8650983882673103)  # tanh(ln(1 + e))


@pytest.mark.parametrize("kind", SMALL)
def test_new_weights_go_into_the_graph_that_is_there(kind, monkeypatch):
    make_engine("onnx", network(kind))
    monkeypatch.setattr("torch.onnx.export", lambda *args, **kwargs: pytest.fail("exported again"))
    other = network(kind)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(0.01)
    assert make_engine("onnx", other).difference < 1e-4


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("kind", SMALL)
def test_a_cuda_graph_agrees_with_eager(kind):
    engine = make_engine("cuda_graph", network(kind).to("cuda"))
    assert engine.name == "cuda_graph" and engine.difference < 1e-4


def test_a_cuda_graph_needs_a_cuda_device():
    with pytest.raises(EngineError, match="needs a network on a CUDA device, got device=cpu"):
        make_engine("cuda_graph", network())


def test_auto_takes_one_of_the_others():
    assert make_engine("auto", network()).name in ("eager", "onnx")


def test_a_policy_acts_the_same_with_an_engine():
    made = policy()
    plain = act(made)
    made.use_engine(make_engine("auto", made.denoiser))
    np.testing.assert_allclose(act(made), plain, atol=1e-4)


def test_changed_weights_need_a_new_engine():
    made = policy()
    made.use_engine(make_engine("eager", made.denoiser))
    with torch.no_grad():
        made.denoiser.leave.bias.add_(1.0)
    with pytest.raises(EngineError, match="engine='eager' was built for other weights"):
        act(made)
    made.use_engine(None)
    assert act(made).shape == (8, 2)


def test_an_engine_that_computes_something_else_is_refused():
    net = network()
    with pytest.raises(EngineError, match="engine='wrong' differs by .* from eager, allowed: 0.0001"):
        verified("wrong", Stages(net.condition_film, lambda x, film: 1.01 * net.trunk(x, film)), net)
    with pytest.raises(EngineError, match="engine='wrong' differs by .* from eager, allowed: 0.0001"):
        verified("wrong", Stages(lambda condition: 1.01 * net.condition_film(condition), net.trunk), net)
    with pytest.raises(EngineError, match="engine='wrong' differs by nan"):
        verified("wrong", Stages(net.condition_film, lambda x, film: net.trunk(x, film) * float("nan")), net)


def test_an_unknown_engine_lists_the_allowed_ones():
    with pytest.raises(ConfigError, match="engine='tensorrt' must be one of: auto, eager, onnx, cuda_graph"):
        make_engine("tensorrt", network())


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr("drift_core.engines.onnx.onnx_available", lambda: False)
    with pytest.raises(EngineError, match="needs the packages onnxruntime, onnx"):
        make_engine("onnx", network())
