"""A part of a network as an ONNX graph, for what runs networks faster than PyTorch.

It is exported once per architecture, which takes seconds for a large one. The weights are inputs of the
graph, to be filled in by name.
"""

import logging
import warnings
from collections.abc import Hashable
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor

from drift_core.engines.engine import EngineError
from drift_core.engines.parts import Part

_OPSET = 18
_GRAPHS = 8  # kept, one of each architecture
_graphs: dict[Hashable, bytes] = {}  # by architecture, oldest first


def onnx_graph(part: Part) -> bytes:
    """Return the part as an ONNX file whose inputs are its own and, by their names, the weights.

    EngineError if one of the weights is not in the graph.
    """
    architecture = part.architecture
    if architecture not in _graphs:
        while len(_graphs) >= _GRAPHS:
            del _graphs[next(iter(_graphs))]
        _graphs[architecture] = _exported(part)
    return _graphs[architecture]


def named_weights(part: Part) -> dict[str, Tensor]:
    """Return what `part` has for the inputs of `onnx_graph`, and more."""
    return part.state_dict()


def _exported(part: Part) -> bytes:
    import onnx

    twin = _twin(part)
    inputs, needed = twin.example(0), _weights_used(twin)
    with TemporaryDirectory() as folder, warnings.catch_warnings(), torch.no_grad():
        path = Path(folder) / "part.onnx"
        # The tracing exporter: half a second and one package, against 5-15 s and three of its successor.
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        torch.onnx.export(
            twin,
            inputs,
            path,
            export_params=False,
            dynamo=False,
            opset_version=_OPSET,
            input_names=list(twin.inputs),
            output_names=["out"],
            do_constant_folding=False,  # would replace weights by others without a name
        )
        file = path.read_bytes()
    names = {value.name for value in onnx.load_from_string(file).graph.input}
    if lost := sorted(needed - names):
        raise EngineError(f"the exported {part.kind} lacks the weights {', '.join(lost)}")
    return file


@torch.no_grad()
def _twin(part: Part) -> Part:
    """Return a part of the same architecture in which no two tensors are equal.

    The exporter makes one of equal tensors, such as the scales of all normalisations of a new network; after
    training they differ. The global random numbers are left as they were.
    """
    with torch.random.fork_rng(devices=[]):
        twin = part.twin()
    generator = torch.Generator().manual_seed(0)
    for tensor in twin.state_dict().values():
        if tensor.is_floating_point():
            tensor.normal_(generator=generator)
    return twin


def _weights_used(part: Part) -> frozenset[str]:
    """Return the names of the parameters on which the output depends."""
    parameters = dict(part.named_parameters())
    with torch.enable_grad():
        out = part(*part.example(0)).sum()
        gradients = torch.autograd.grad(out, list(parameters.values()), allow_unused=True)
    return frozenset(
        name for name, gradient in zip(parameters, gradients, strict=True) if gradient is not None
    )
