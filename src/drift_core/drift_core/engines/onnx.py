"""ONNX Runtime on the CPU: about three times as fast as PyTorch for one chunk. An optional package.

The network is exported once per architecture, which takes seconds for a large one; new weights are then only
written into that graph.
"""

import importlib.util
import logging
import warnings
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from drift_core.denoisers import DenoiserConfig, make_denoiser
from drift_core.denoisers.denoiser import Denoiser
from drift_core.engines.engine import Engine, EngineError, example_inputs, verified

if TYPE_CHECKING:
    from onnx import ModelProto

_PACKAGES = ("onnxruntime", "onnx")
_OPSET = 18
_ARCHITECTURES = 4  # graphs kept; without their weights they are small


def onnx_available() -> bool:
    """Return whether the packages are installed."""
    return all(importlib.util.find_spec(package) is not None for package in _PACKAGES)


def onnx_engine(denoiser: Denoiser) -> Engine:
    """Return an engine with the weights that `denoiser` (on the CPU) has now; as many threads as PyTorch."""
    if not onnx_available():
        raise EngineError(f"engine='onnx' needs the packages {', '.join(_PACKAGES)}, which are not installed")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.inter_op_num_threads = 1
    # Waiting threads would otherwise spin and take the core from the control loop.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(_model(denoiser), options, providers=["CPUExecutionProvider"])

    def trunk(x: Tensor, film: Tensor) -> Tensor:
        return torch.from_numpy(session.run(None, {"x": x.numpy(), "film": film.numpy()})[0])

    return verified("onnx", trunk, denoiser)


class _Trunk(nn.Module):
    """The trunk as a module of its own, as the exporter wants it."""

    def __init__(self, denoiser: Denoiser) -> None:
        super().__init__()
        self.denoiser = denoiser

    def forward(self, x: Tensor, film: Tensor) -> Tensor:
        return self.denoiser.trunk(x, film)


def _model(denoiser: Denoiser) -> bytes:
    """Return the trunk with its weights as an ONNX file."""
    graph = _graph(denoiser.config, denoiser.horizon, denoiser.action_dim)
    filled = type(graph)()
    filled.CopyFrom(graph)
    weights = _Trunk(denoiser).state_dict()
    for tensor in filled.graph.initializer:
        if tensor.name in weights:
            tensor.raw_data = weights[tensor.name].numpy().tobytes()
    return filled.SerializeToString()


@lru_cache(_ARCHITECTURES)
def _graph(config: DenoiserConfig, horizon: int, action_dim: int) -> "ModelProto":
    """Return the trunk of that architecture as a graph whose weights, by their names, are empty."""
    import onnx

    trunk = _Trunk(make_denoiser(config, horizon, action_dim, condition_dim=1)).eval()
    with TemporaryDirectory() as folder, warnings.catch_warnings(), torch.no_grad():
        path = Path(folder) / "trunk.onnx"
        # The tracing exporter: half a second and one package, against 5-15 s and three of its successor.
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        torch.onnx.export(
            trunk,
            example_inputs(trunk.denoiser, seed=0),
            path,
            dynamo=False,
            opset_version=_OPSET,
            input_names=["x", "film"],
            output_names=["out"],
            do_constant_folding=False,  # would replace weights by others without a name
        )
        model = onnx.load(path)
    names = set(trunk.state_dict())
    for tensor in model.graph.initializer:
        if tensor.name in names:
            tensor.ClearField("raw_data")
    return model
