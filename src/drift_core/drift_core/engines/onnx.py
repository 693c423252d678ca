"""ONNX Runtime on the CPU: about three times as fast as PyTorch for one chunk. An optional package."""

import importlib.util
import logging
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor, nn

from drift_core.denoisers.denoiser import Denoiser
from drift_core.engines.engine import Engine, EngineError, example_inputs, verified

_PACKAGES = ("onnxruntime", "onnx")
_OPSET = 18


def onnx_available() -> bool:
    """Return whether the packages are installed."""
    return all(importlib.util.find_spec(package) is not None for package in _PACKAGES)


def onnx_engine(denoiser: Denoiser, horizon: int, action_dim: int) -> Engine:
    """Return an engine with the weights that `denoiser` (on the CPU) has now; as many threads as PyTorch."""
    if not onnx_available():
        raise EngineError(f"engine='onnx' needs the packages {', '.join(_PACKAGES)}, which are not installed")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.inter_op_num_threads = 1
    # Waiting threads would otherwise spin and take the core from the control loop.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    model = _export(denoiser, horizon, action_dim)
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def trunk(x: Tensor, film: Tensor) -> Tensor:
        return torch.from_numpy(session.run(None, {"x": x.numpy(), "film": film.numpy()})[0])

    return verified("onnx", trunk, denoiser, horizon, action_dim)


class _Trunk(nn.Module):
    """The trunk as a module of its own, as the exporter wants it."""

    def __init__(self, denoiser: Denoiser) -> None:
        super().__init__()
        self.denoiser = denoiser

    def forward(self, x: Tensor, film: Tensor) -> Tensor:
        return self.denoiser.trunk(x, film)


def _export(denoiser: Denoiser, horizon: int, action_dim: int) -> bytes:
    inputs = example_inputs(denoiser, horizon, action_dim, seed=0)
    with TemporaryDirectory() as folder, warnings.catch_warnings(), torch.no_grad():
        path = Path(folder) / "trunk.onnx"
        # The tracing exporter: half a second and one package, against 5-15 s and three of its successor.
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        torch.onnx.export(
            _Trunk(denoiser),
            inputs,
            path,
            dynamo=False,
            opset_version=_OPSET,
            input_names=["x", "film"],
            output_names=["out"],
        )
        return path.read_bytes()
