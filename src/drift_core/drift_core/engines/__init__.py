"""What runs the networks at inference: PyTorch ("eager"), OpenVINO on a CPU or a CUDA graph.

"auto" takes the faster of eager and the one for the device, in float32. An engine is built for one set of
weights and verified against PyTorch before anybody uses it.
"""

import logging
from collections.abc import Callable

from drift_config.errors import ConfigError

from drift_core.denoisers.denoiser import Denoiser
from drift_core.encoders import CameraEncoder
from drift_core.engines.cuda_graph import cuda_graph_engine
from drift_core.engines.engine import EAGER, Engine, EngineError, build
from drift_core.engines.openvino import openvino_available, openvino_bf16_engine, openvino_engine

__all__ = ["ENGINES", "Engine", "EngineError", "check_engine", "make_engine"]

_Network = Denoiser | CameraEncoder


def eager_engine(network: _Network) -> Engine:
    """Return PyTorch itself as an engine."""
    return build(EAGER, network, lambda part: part)


_MAKERS: dict[str, Callable[[_Network], Engine]] = {
    EAGER: eager_engine,
    "openvino": openvino_engine,
    "openvino_bf16": openvino_bf16_engine,
    "cuda_graph": cuda_graph_engine,
}
ENGINES = ("auto", *_MAKERS)
_log = logging.getLogger(__name__)


def check_engine(name: str) -> None:
    """Refuse a name that does not exist; ConfigError."""
    if name not in ENGINES:
        raise ConfigError(f"engine={name!r} must be one of: {', '.join(ENGINES)}")


def make_engine(name: str, network: _Network) -> Engine:
    """Return the engine called `name` for batch size 1 and the weights that `network` has now.

    May take seconds for the first large network: build it off the inference path. EngineError: it cannot be
    built, or computes something else; "auto" then stays with eager.
    """
    check_engine(name)
    if name != "auto":
        return _MAKERS[name](network)
    on_cpu = next(network.parameters()).device.type == "cpu"
    traceable = isinstance(network, CameraEncoder) or network.traceable
    if not traceable or (on_cpu and not openvino_available()):
        return eager_engine(network)
    try:
        fast = (openvino_engine if on_cpu else cuda_graph_engine)(network)
    except EngineError as error:
        _log.warning("%s; eager runs instead", error)
        return eager_engine(network)
    return fast if fast.call_ms < fast.eager_ms else eager_engine(network)
