#!/usr/bin/env bash
# safetensors 0.8.0: load(bytes) returns the tensors in an order of its own in every process, while load_file(path) of the same bytes
# sorts them; and save_file with two or more entries of metadata writes other bytes each time, so equal checkpoints have unequal digests.
# Hurt: training processes that walk over the dictionary (broadcast, all-reduce, optimizer groups by position) mix up tensors of one shape
# without a word; whoever names or compares checkpoints by the SHA-256 of the file sees a new one at every save.
# Instead: sort the names after load(bytes); hash names, types, shapes and bytes of the tensors, or write one entry of metadata.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet safetensors==0.8.0 numpy==2.4.6
cat >once.py <<'PY'
import hashlib
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import load, load_file, save_file

tensors = {f"layer{i}": np.full(4, i, np.float32) for i in range(8)}
save_file(tensors, "plain.safetensors")
save_file(tensors, "described.safetensors", metadata={f"key{i}": "value" for i in range(8)})
data = Path("plain.safetensors").read_bytes()
digest = [hashlib.sha256(Path(f"{name}.safetensors").read_bytes()).hexdigest()[:12] for name in ("plain", "described")]
sys.stdout.write("|".join([",".join(load(data)), ",".join(load_file("plain.safetensors")), *digest]))
PY
env -i PATH="$PATH" HOME="$dir" venv/bin/python - <<'PY'
import subprocess
import sys
from importlib.metadata import version

runs = [subprocess.run([sys.executable, "once.py"], capture_output=True, text=True, check=True).stdout for _ in range(6)]
of_bytes, of_files, plain, described = (set(column) for column in zip(*(run.split("|") for run in runs), strict=True))
print("safetensors", version("safetensors"), "in six processes, eight tensors, eight entries of metadata")
print("expected: one order, and one digest of each file")
print(f"seen: load(bytes) {len(of_bytes)} orders, e.g. {sorted(of_bytes)[0]}; load_file {len(of_files)}")
print(f"seen: digests of the file without metadata {len(plain)}, with metadata {len(described)}")
same = len(of_bytes) > 1 and len(of_files) == 1 and len(plain) == 1 and len(described) > 1
sys.exit(0 if same else "the behaviour has changed")
PY
