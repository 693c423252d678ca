"""A CUDA graph: the whole trunk as one launch; starting a hundred small kernels takes longer than they do."""

import torch
from torch import Tensor

from drift_core.denoisers.denoiser import Denoiser, Stages, Trunk
from drift_core.engines.engine import Engine, EngineError, example_inputs, verified

_WARM_UP = 3  # calls before the capture, in which libraries choose their kernels


@torch.no_grad()
def cuda_graph_engine(denoiser: Denoiser) -> Engine:
    """Return an engine that replays the trunk of `denoiser`, which must be on a CUDA device."""
    device = next(denoiser.parameters()).device
    if device.type != "cuda":
        raise EngineError(f"engine='cuda_graph' needs a network on a CUDA device, got device={device}")
    try:
        stages = Stages(denoiser.condition_film, _captured(denoiser, device))
        return verified("cuda_graph", stages, denoiser)
    except RuntimeError as error:  # an operation that cannot be captured, no memory left
        raise EngineError(f"engine='cuda_graph' cannot be built: {error}") from error


def _captured(denoiser: Denoiser, device: torch.device) -> Trunk:
    x, film = example_inputs(denoiser, seed=0)
    stream = torch.cuda.Stream(device)
    stream.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(stream):
        for _ in range(_WARM_UP):
            denoiser.trunk(x, film)
    stream.synchronize()
    graph = torch.cuda.CUDAGraph()
    # thread_local: another thread may go on denoising with the engine before this one
    with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
        out = denoiser.trunk(x, film)

    def trunk(new_x: Tensor, new_film: Tensor) -> Tensor:
        x.copy_(new_x)
        film.copy_(new_film)
        graph.replay()
        return out.clone()

    return trunk
