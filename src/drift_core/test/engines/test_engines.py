"""Engines compute what PyTorch computes, and only for the weights that they were built for."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from drift_config.errors import ConfigError
from drift_core import engines
from drift_core.denoisers import MlpConfig, ModeConfig, TransformerConfig, UNetConfig, make_denoiser
from drift_core.denoisers.denoiser import mish
from drift_core.encoders import CameraEncoder, ResNetConfig, SmallCnnConfig
from drift_core.engines import EngineError, make_engine, onnx_graph, openvino
from drift_core.engines.engine import build
from drift_core.observation.spec import CameraSpec, Observation, ObservationSpec
from drift_core.policy.policy import DiffusionPolicy, PolicyConfig

SMALL = {
    "unet": UNetConfig(down_dims=(16, 32), groups=4, step_dim=16),
    "mlp": MlpConfig(width=32, blocks=2, step_dim=16),
    "transformer": TransformerConfig(width=32, heads=4, blocks=2, step_dim=16),
    "mode": ModeConfig(width=32, heads=4, blocks=2, step_dim=16),
}


def network(kind="mlp"):
    torch.manual_seed(0)
    return make_denoiser(SMALL[kind], horizon=8, action_dim=2, condition_dim=2).eval()


@torch.no_grad()
def trained(kind="mlp", seed=1):
    """Return a network in which, as after training, every number has gone its own way."""
    net, generator = network(kind), torch.Generator().manual_seed(seed)
    for parameter in net.parameters():
        parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))
    return net


CAMERAS = (CameraSpec("front", 32, 32), CameraSpec("wrist", 32, 48))
ENCODERS = {
    "small_cnn": SmallCnnConfig(channels=8, maps=4),
    "resnet18": ResNetConfig(),
    "softmax": ResNetConfig(pool="spatial_softmax"),
}


@torch.no_grad()
def encoder(kind="small_cnn", seed=1):
    torch.manual_seed(seed)
    cameras = CAMERAS if kind == "small_cnn" else CAMERAS[1:]  # the large ones take a second to export
    made, generator = CameraEncoder(ENCODERS[kind], cameras).eval(), torch.Generator().manual_seed(seed)
    for parameter in made.parameters():
        parameter.add_(0.01 * torch.randn(parameter.shape, generator=generator))
    return made


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
    assert engine.name == "eager" and engine.difference == 0.0 and engine.call_ms > 0.0


@pytest.mark.parametrize("kind", SMALL)
def test_openvino_agrees_with_eager(kind):
    for net in (network(kind), trained(kind)):
        engine = make_engine("openvino", net)
        assert engine.name == "openvino" and engine.difference < 1e-4


@pytest.mark.skipif(not openvino.bfloat16_available(), reason="needs a processor with bfloat16")
@pytest.mark.parametrize("kind", SMALL)
def test_openvino_in_bfloat16_agrees_with_eager_in_two_digits(kind):
    engine = make_engine("openvino_bf16", trained(kind))
    assert engine.name == "openvino_bf16" and 1e-4 < engine.difference < 0.05


def test_bfloat16_is_refused_where_the_processor_has_none(monkeypatch):
    class Core:
        def get_property(self, device, name):
            return ["FP32"]

    monkeypatch.setattr(openvino, "_core", Core)
    with pytest.raises(EngineError, match="engine='openvino_bf16' needs a processor with bfloat16"):
        make_engine("openvino_bf16", network())


def test_openvino_does_not_report_to_anybody():
    code = (
        "import sys; from drift_core.engines.openvino import _core; _core(); "
        "print(sys.modules['openvino_telemetry'])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "None"


def test_the_exported_mish_is_mish_over_the_whole_range(monkeypatch):
    x = torch.cat([torch.linspace(-100.0, 100.0, 2001), torch.linspace(-1.0, 1.0, 2001)])
    monkeypatch.setattr("torch.onnx.is_in_onnx_export", lambda: True)
    torch.testing.assert_close(mish(x), torch.nn.functional.mish(x), rtol=1e-5, atol=1e-6)
    assert mish(torch.tensor(1.0)) == pytest.approx(0.8650983882673103)  # tanh(ln(1 + e))


@pytest.mark.parametrize("kind", SMALL)
def test_new_weights_go_into_the_graph_that_is_there(kind, monkeypatch):
    make_engine("openvino", network(kind))
    monkeypatch.setattr("torch.onnx.export", lambda *args, **kwargs: pytest.fail("exported again"))
    for seed in (1, 2):
        assert make_engine("openvino", trained(kind, seed)).difference < 1e-4


def test_an_export_leaves_the_random_numbers_of_others_alone():
    net = network()
    torch.manual_seed(5)
    expected = torch.randn(3)
    torch.manual_seed(5)
    onnx_graph._graphs.clear()
    make_engine("openvino", net)
    assert torch.equal(torch.randn(3), expected)


def test_a_weight_that_the_export_lost_is_named(monkeypatch):
    net = network()
    monkeypatch.setattr(onnx_graph, "_twin", lambda part: part.twin())  # equal tensors
    onnx_graph._graphs.clear()
    with pytest.raises(EngineError, match=r"the exported trunk lacks the weights .*norm\.weight"):
        make_engine("openvino", net)
    onnx_graph._graphs.clear()


def test_weights_that_a_network_of_other_layers_lacks_are_named():
    net = network()
    net.leave = torch.nn.Sequential(net.leave)
    with pytest.raises(EngineError, match=r"needs the weight denoiser\.leave\.(bias|weight), which"):
        make_engine("openvino", net)


@pytest.mark.parametrize("kind", ENCODERS)
def test_openvino_runs_the_encoder_of_each_camera_as_eager_does(kind):
    made = encoder(kind)
    engine = make_engine("openvino", made)
    cameras = [camera.name for camera in made.cameras]
    assert list(engine.runs) == cameras and engine.difference < 1e-4
    frame = torch.randint(0, 256, (1, 32, 48, 3), dtype=torch.uint8).permute(0, 3, 1, 2)  # as it arrives
    with torch.no_grad():
        expected = made.network(cameras[-1])(frame)
    found = engine.checked_runs(made)[cameras[-1]](frame)
    torch.testing.assert_close(found, expected, rtol=0.0, atol=1e-4 * float(expected.abs().max()))


def test_an_encoder_is_exported_once_for_cameras_and_weights_alike(monkeypatch):
    onnx_graph._graphs.clear()
    exported, export = [], torch.onnx.export
    monkeypatch.setattr(
        "torch.onnx.export", lambda *args, **kwargs: exported.append(1) or export(*args, **kwargs)
    )
    for seed in (1, 2):
        assert make_engine("openvino", encoder(seed=seed)).difference < 1e-4
    assert len(exported) == 2  # of two sizes of pictures


def test_changed_weights_of_an_encoder_need_a_new_engine():
    torch.manual_seed(0)
    spec = ObservationSpec(CAMERAS, state_dim=2, observation_steps=1, dt_s=0.1)
    made = DiffusionPolicy(PolicyConfig(spec, 2, "point", 8, 4, ENCODERS["small_cnn"], SMALL["mlp"])).eval()
    made.use_engine(None, make_engine("eager", made.encoder))
    made.encode_frame("front", np.zeros((32, 32, 3), np.uint8))
    with torch.no_grad():
        made.encoder.network("wrist").conv1.bias.add_(1.0)
    with pytest.raises(EngineError, match="engine='eager' was built for other weights"):
        made.encode_frame("front", np.zeros((32, 32, 3), np.uint8))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_cuda_graph_runs_an_encoder_as_eager_does():
    engine = make_engine("cuda_graph", encoder("resnet18").to("cuda"))
    assert engine.name == "cuda_graph" and engine.difference < 1e-4


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("kind", SMALL)
def test_a_cuda_graph_agrees_with_eager(kind):
    engine = make_engine("cuda_graph", trained(kind).to("cuda"))
    assert engine.name == "cuda_graph" and engine.difference < 1e-4


def test_a_cuda_graph_needs_a_cuda_device():
    with pytest.raises(EngineError, match="needs a network on a CUDA device, got device=cpu"):
        make_engine("cuda_graph", network())


def test_auto_takes_one_of_the_others():
    assert make_engine("auto", network()).name in ("eager", "openvino")


def test_auto_takes_the_faster_one_and_builds_pytorch_only_where_it_is(monkeypatch):
    made = make_engine("openvino", network())
    calls = []

    def eager(denoiser):
        calls.append(denoiser)
        return build("eager", denoiser, lambda part: part)

    monkeypatch.setattr(engines, "eager_engine", eager)
    for eager_ms, name, count in ((2.0 * made.call_ms, "openvino", 0), (0.5 * made.call_ms, "eager", 1)):
        monkeypatch.setattr(
            engines, "openvino_engine", lambda denoiser, ms=eager_ms: replace(made, eager_ms=ms)
        )
        assert make_engine("auto", network()).name == name and len(calls) == count


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
        build("wrong", net, lambda part: lambda x, film: 1.01 * net.trunk(x, film))
    with pytest.raises(EngineError, match="engine='wrong' differs by nan"):
        build("wrong", net, lambda part: lambda x, film: net.trunk(x, film) * float("nan"))


def test_an_unknown_engine_lists_the_allowed_ones():
    with pytest.raises(
        ConfigError,
        match="engine='tensorrt' must be one of: auto, eager, openvino, openvino_bf16, cuda_graph",
    ):
        make_engine("tensorrt", network())


@pytest.mark.parametrize("error", [RuntimeError("no kernel"), ImportError("libtbb.so")])
def test_what_fails_inside_openvino_is_an_engine_error_and_auto_goes_on_with_pytorch(error, monkeypatch):
    def fail(*_):
        raise error

    monkeypatch.setattr(openvino, "_runner", lambda *_: fail)  # builds, then fails when it is tried
    with pytest.raises(EngineError, match=f"engine='openvino' cannot be built: {error}"):
        make_engine("openvino", network())
    assert make_engine("auto", network()).name == "eager"


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr("drift_core.engines.openvino.openvino_available", lambda: False)
    with pytest.raises(EngineError, match="needs the packages openvino, onnx"):
        make_engine("openvino", network())
