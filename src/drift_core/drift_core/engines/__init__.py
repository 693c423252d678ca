"""What runs the network at inference: PyTorch ("eager") or ONNX Runtime ("onnx"); "auto" takes the faster.

An engine is built for one set of weights and verified against PyTorch before anybody uses it.
"""

from drift_core.denoisers.denoiser import Denoiser
from drift_core.engines.engine import Engine, EngineError, eager_engine
from drift_core.engines.onnx import onnx_available, onnx_engine
from drift_core.errors import ConfigError

__all__ = ["ENGINES", "Engine", "EngineError", "make_engine"]

ENGINES = ("auto", "eager", "onnx")


def make_engine(name: str, denoiser: Denoiser, horizon: int, action_dim: int) -> Engine:
    """Return the engine called `name` for batch size 1 and the weights that `denoiser` has now.

    May take a second for a large network: build it off the inference path.
    """
    if name not in ENGINES:
        raise ConfigError(f"engine={name!r} must be one of: {', '.join(ENGINES)}")
    on_cpu = next(denoiser.parameters()).device.type == "cpu"
    if name == "onnx":
        return onnx_engine(denoiser, horizon, action_dim)
    eager = eager_engine(denoiser, horizon, action_dim)
    if name == "eager" or not on_cpu or not onnx_available():
        return eager
    onnx = onnx_engine(denoiser, horizon, action_dim)
    return onnx if onnx.step_ms < eager.step_ms else eager
