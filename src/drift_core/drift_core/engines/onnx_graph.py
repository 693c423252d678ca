"""The trunk of a network as an ONNX graph, for what runs networks faster than PyTorch.

It is exported once per architecture, which takes seconds for a large one. The weights are inputs of the
graph, to be filled in by name.
"""

import logging
import warnings
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor, nn

from drift_core.denoisers import DenoiserConfig, make_denoiser
from drift_core.denoisers.denoiser import Denoiser
from drift_core.engines.engine import EngineError, example_inputs

_OPSET = 18
_GRAPHS = 4  # kept, one of each architecture
INPUTS = ["x", "film"]


class _Trunk(nn.Module):
    """The trunk as a module of its own, as the exporter wants it."""

    def __init__(self, denoiser: Denoiser) -> None:
        super().__init__()
        self.denoiser = denoiser

    def forward(self, x: Tensor, film: Tensor) -> Tensor:
        return self.denoiser.trunk(x, film)


def onnx_graph(denoiser: Denoiser) -> bytes:
    """Return the trunk as an ONNX file whose inputs are INPUTS and, by their names, the weights."""
    return _graph(denoiser.config, denoiser.horizon, denoiser.action_dim, denoiser.condition_dim)


def named_weights(denoiser: Denoiser) -> dict[str, Tensor]:
    """Return what `denoiser` has for the inputs of `onnx_graph`, and more."""
    return _Trunk(denoiser).state_dict()


@lru_cache(_GRAPHS)
def _graph(config: DenoiserConfig, horizon: int, action_dim: int, condition_dim: int) -> bytes:
    """Export the trunk of that architecture; EngineError if one of its weights is not in the graph."""
    import onnx

    denoiser = _template(config, horizon, action_dim, condition_dim)
    inputs, module = example_inputs(denoiser, 0), _Trunk(denoiser)
    needed = _weights_used(module, inputs)
    with TemporaryDirectory() as folder, warnings.catch_warnings(), torch.no_grad():
        path = Path(folder) / "trunk.onnx"
        # The tracing exporter: half a second and one package, against 5-15 s and three of its successor.
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        torch.onnx.export(
            module,
            inputs,
            path,
            export_params=False,
            dynamo=False,
            opset_version=_OPSET,
            input_names=INPUTS,
            output_names=["out"],
            do_constant_folding=False,  # would replace weights by others without a name
        )
        file = path.read_bytes()
    names = {value.name for value in onnx.load_from_string(file).graph.input}
    if lost := sorted(needed - names):
        raise EngineError(f"the exported trunk lacks the weights {', '.join(lost)}")
    return file


@torch.no_grad()
def _template(config: DenoiserConfig, horizon: int, action_dim: int, condition_dim: int) -> Denoiser:
    """Return a network of that architecture in which no two tensors are equal.

    The exporter makes one of equal tensors, such as the scales of all normalisations of a new network; after
    training they differ. The global random numbers are left as they were.
    """
    with torch.random.fork_rng(devices=[]):
        denoiser = make_denoiser(config, horizon, action_dim, condition_dim).eval()
    generator = torch.Generator().manual_seed(0)
    for tensor in denoiser.state_dict().values():
        if tensor.is_floating_point():
            tensor.normal_(generator=generator)
    return denoiser


def _weights_used(module: _Trunk, inputs: tuple[Tensor, ...]) -> frozenset[str]:
    """Return the names of the parameters on which the output depends."""
    parameters = dict(module.named_parameters())
    with torch.enable_grad():
        gradients = torch.autograd.grad(module(*inputs).sum(), list(parameters.values()), allow_unused=True)
    return frozenset(
        name for name, gradient in zip(parameters, gradients, strict=True) if gradient is not None
    )
