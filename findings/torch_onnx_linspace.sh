#!/usr/bin/env bash
# torch 2.13.0, torch.onnx.export(dynamo=False), the exporter that needs no onnxscript: torch.linspace over a size of the input comes out in
# float64, whatever its dtype says, and as NaN where that size is 1. The output of a float32 network is then float64, or NaN; the export
# gives no error, and PyTorch itself computes -1 (the start).
# Hurt: spatial softmax, the usual last layer of a camera encoder (robomimic, Diffusion Policy), exported for a faster runtime: a picture that
# the network has reduced to one row or column gives NaN, every other one features of a type that the next graph does not take.
# Instead: compute the coordinates once, as a buffer, or as a constant while torch.onnx.is_in_onnx_export().
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet torch==2.13.0 onnx==1.23.2 numpy==2.4.6
env -i PATH="$PATH" HOME="$dir" venv/bin/python - <<'PY'
import io
import sys
import warnings
from importlib.metadata import version

import numpy as np
import onnx
import torch
from onnx.reference import ReferenceEvaluator

warnings.simplefilter("ignore")


class ExpectedColumn(torch.nn.Module):
    """The mean column of each map, from -1 to 1: half of a spatial softmax."""

    def forward(self, maps):
        share = maps.flatten(2).softmax(dim=-1).view_as(maps)
        columns = torch.linspace(-1.0, 1.0, maps.shape[3], dtype=maps.dtype)
        return (share.sum(2) * columns).sum(-1)


print("torch", version("torch"), "onnx", version("onnx"))
print("expected: the exported network returns float32, and what PyTorch returns")
changed = False
for width in (1, 5):
    maps = torch.randn(1, 2, 4, width, generator=torch.Generator().manual_seed(0))
    file = io.BytesIO()
    torch.onnx.export(ExpectedColumn(), (maps,), file, dynamo=False, opset_version=18, input_names=["maps"])
    model = onnx.load_from_string(file.getvalue())
    declared = onnx.TensorProto.DataType.Name(model.graph.output[0].type.tensor_type.elem_type)
    ours = ExpectedColumn()(maps).numpy()
    theirs = ReferenceEvaluator(model).run(None, {"maps": maps.numpy()})[0]
    print(f"seen, {width} columns: {declared}, {np.round(theirs, 4).tolist()}; in PyTorch {ours.dtype}, {np.round(ours, 4).tolist()}")
    changed |= declared != "DOUBLE" or bool(np.isnan(theirs).all()) != (width == 1)
sys.exit("the behaviour has changed" if changed else 0)
PY
