"""OpenVINO on the CPU, optional packages: two to three times as fast as PyTorch for one chunk or frame.

bfloat16 takes another third away, but moves the network's output by a hundredth: it has to be asked for.
"""

import importlib.util
import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from drift_core.denoisers.denoiser import Denoiser
from drift_core.encoders import CameraEncoder
from drift_core.engines.engine import TOLERANCE, Engine, EngineError, build
from drift_core.engines.onnx_graph import named_weights, onnx_graph
from drift_core.engines.parts import Part, Run

if TYPE_CHECKING:
    from openvino import Core, Model

_PACKAGES = ("openvino", "onnx")
_BFLOAT16_TOLERANCE = 0.05

Precision = Literal["f32", "bf16"]


def openvino_available() -> bool:
    """Return whether the packages are installed."""
    return all(importlib.util.find_spec(package) is not None for package in _PACKAGES)


def bfloat16_available() -> bool:
    """Return whether OpenVINO computes with bfloat16 on this processor."""
    return "BF16" in _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def openvino_engine(network: Denoiser | CameraEncoder) -> Engine:
    """Return an engine with the weights that `network` has now; as many threads as PyTorch."""
    return _engine("openvino", network, "f32", TOLERANCE)


def openvino_bf16_engine(network: Denoiser | CameraEncoder) -> Engine:
    """Return the same in bfloat16, for a processor that computes with it; it may differ by 5 %."""
    return _engine("openvino_bf16", network, "bf16", _BFLOAT16_TOLERANCE)


def _engine(name: str, network: Denoiser | CameraEncoder, precision: Precision, tolerance: float) -> Engine:
    if not openvino_available():
        raise EngineError(f"engine={name!r} needs the packages {', '.join(_PACKAGES)}: not installed")
    device = next(network.parameters()).device
    if device.type != "cpu":
        raise EngineError(f"engine={name!r} needs a network on the CPU, got device={device}")
    try:
        if precision == "bf16" and not bfloat16_available():
            raise EngineError(f"engine={name!r} needs a processor with bfloat16 arithmetic")
        return build(name, network, lambda part: _runner(part, precision), tolerance)
    except (ImportError, RuntimeError) as error:  # a broken installation, an operation that it cannot do
        raise EngineError(f"engine={name!r} cannot be built: {error}") from error


def _runner(part: Part, precision: Precision) -> Run:
    """Return what runs `part` with its present weights; one call at a time."""
    settings = {
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "INFERENCE_PRECISION_HINT": precision,
        "PERFORMANCE_HINT": "LATENCY",
        "ENABLE_CPU_PINNING": False,  # the control loop must find a free core
    }
    request = _core().compile_model(_model(part), "CPU", settings).create_infer_request()
    names = part.inputs

    def run(*inputs: Tensor) -> Tensor:
        given = {name: value.contiguous().numpy() for name, value in zip(names, inputs, strict=True)}
        return torch.from_numpy(request.infer(given, share_inputs=True)[0])

    return run


def _model(part: Part) -> "Model":
    """Return the graph of `part` with the present weights for constants."""
    model, weights = _core().read_model(onnx_graph(part)), named_weights(part)
    from openvino.opset13 import constant

    for parameter in model.get_parameters():
        name = parameter.get_friendly_name()
        if name in part.inputs:
            continue
        if name not in weights:
            raise EngineError(
                f"the exported {part.kind} needs the weight {name}, which the network does not have"
            )
        parameter.output(0).replace(constant(weights[name].numpy()).output(0))
        model.remove_parameter(parameter)
    return model


@lru_cache(1)
def _core() -> "Core":
    # Its telemetry package would report every start of a robot to a server; without it there is a stub.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    from openvino import Core

    return Core()
