"""ONNX Runtime on the CPU: about three times as fast as PyTorch for one chunk. An optional package.

Both stages of the network are exported once per architecture, which takes seconds for a large one; new
weights are then only written into those graphs.
"""

import importlib.util
import logging
import warnings
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor, nn

from drift_core.denoisers import DenoiserConfig, make_denoiser
from drift_core.denoisers.denoiser import Denoiser, Stages
from drift_core.engines.engine import Engine, EngineError, example_condition, example_inputs, verified

if TYPE_CHECKING:
    from onnx import ModelProto

_PACKAGES = ("onnxruntime", "onnx")
_OPSET = 18
_GRAPHS = 8  # kept, two of each architecture; without their weights they are small
_INPUTS = {"condition_film": ["condition"], "trunk": ["x", "film"]}

Stage = Literal["condition_film", "trunk"]


def onnx_available() -> bool:
    """Return whether the packages are installed."""
    return all(importlib.util.find_spec(package) is not None for package in _PACKAGES)


def onnx_engine(denoiser: Denoiser) -> Engine:
    """Return an engine with the weights that `denoiser` (on the CPU) has now; as many threads as PyTorch."""
    if not onnx_available():
        raise EngineError(f"engine='onnx' needs the packages {', '.join(_PACKAGES)}, which are not installed")
    return verified("onnx", Stages(_runner(denoiser, "condition_film"), _runner(denoiser, "trunk")), denoiser)


def _runner(denoiser: Denoiser, stage: Stage) -> Callable[..., Tensor]:
    """Return one stage with the present weights."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.inter_op_num_threads = 1
    # Waiting threads would otherwise spin and take the core from the control loop.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(
        _model(denoiser, stage), options, providers=["CPUExecutionProvider"]
    )
    names = _INPUTS[stage]

    def run(*inputs: Tensor) -> Tensor:
        given = {name: value.numpy() for name, value in zip(names, inputs, strict=True)}
        return torch.from_numpy(session.run(None, given)[0])

    return run


class _Stage(nn.Module):
    """One stage as a module of its own, as the exporter wants it."""

    def __init__(self, denoiser: Denoiser, stage: Stage) -> None:
        super().__init__()
        self.denoiser, self.stage = denoiser, stage

    def forward(self, *inputs: Tensor) -> Tensor:
        return getattr(self.denoiser, self.stage)(*inputs)


def _model(denoiser: Denoiser, stage: Stage) -> bytes:
    """Return one stage with its weights as an ONNX file."""
    graph = _graph(denoiser.config, denoiser.horizon, denoiser.action_dim, denoiser.condition_dim, stage)
    filled = type(graph)()
    filled.CopyFrom(graph)
    weights = _Stage(denoiser, stage).state_dict()
    for tensor in filled.graph.initializer:
        if tensor.name in weights:
            tensor.raw_data = weights[tensor.name].numpy().tobytes()
    return filled.SerializeToString()


@lru_cache(_GRAPHS)
def _graph(
    config: DenoiserConfig, horizon: int, action_dim: int, condition_dim: int, stage: Stage
) -> "ModelProto":
    """Return one stage of that architecture as a graph whose weights, by their names, are empty."""
    import onnx

    denoiser = make_denoiser(config, horizon, action_dim, condition_dim).eval()
    inputs = example_inputs(denoiser, 0) if stage == "trunk" else (example_condition(denoiser, 0),)
    module = _Stage(denoiser, stage)
    with TemporaryDirectory() as folder, warnings.catch_warnings(), torch.no_grad():
        path = Path(folder) / "stage.onnx"
        # The tracing exporter: half a second and one package, against 5-15 s and three of its successor.
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        torch.onnx.export(
            module,
            inputs,
            path,
            dynamo=False,
            opset_version=_OPSET,
            input_names=_INPUTS[stage],
            output_names=["out"],
            do_constant_folding=False,  # would replace weights by others without a name
        )
        model = onnx.load(path)
    names = set(module.state_dict())
    for tensor in model.graph.initializer:
        if tensor.name in names:
            tensor.ClearField("raw_data")
    return model
