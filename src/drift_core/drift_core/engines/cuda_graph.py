"""A CUDA graph: a whole part as one launch; starting a hundred small kernels takes longer than they do."""

import torch
from torch import Tensor

from drift_core.denoisers.denoiser import Denoiser
from drift_core.encoders import CameraEncoder
from drift_core.engines.engine import Engine, EngineError, build
from drift_core.engines.parts import Part, Run

_WARM_UP = 3  # calls before the capture, in which libraries choose their kernels


@torch.no_grad()
def cuda_graph_engine(network: Denoiser | CameraEncoder) -> Engine:
    """Return an engine that replays the parts of `network`, which must be on a CUDA device."""
    device = next(network.parameters()).device
    if device.type != "cuda":
        raise EngineError(f"engine='cuda_graph' needs a network on a CUDA device, got device={device}")
    try:
        return build("cuda_graph", network, _captured)
    except RuntimeError as error:  # an operation that cannot be captured, no memory left
        raise EngineError(f"engine='cuda_graph' cannot be built: {error}") from error


def _captured(part: Part) -> Run:
    inputs = part.example(seed=0)
    device = inputs[0].device
    stream = torch.cuda.Stream(device)
    stream.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(stream):
        for _ in range(_WARM_UP):
            part(*inputs)
    stream.synchronize()
    graph = torch.cuda.CUDAGraph()
    # thread_local: another thread may go on denoising with the engine before this one
    with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
        out = part(*inputs)

    def run(*given: Tensor) -> Tensor:
        for place, value in zip(inputs, given, strict=True):
            place.copy_(value)
        graph.replay()
        return out.clone()

    return run
