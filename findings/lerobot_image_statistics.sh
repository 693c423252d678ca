#!/usr/bin/env bash
# lerobot 0.6.1, statistics of pictures (`compute_stats.get_feature_stats`): all pixels are summed one by one in float32. From about 100
# pictures of 160 x 120 on, each further pixel is rounded to a multiple of 16: a wall of value 250 has a mean of 253.9 and a spread of 0, one
# of value 100 a mean of 97.4 and a spread of 26.4. The right values are 250, 100 and 0. A set's stats.json and the normalisation use them.
# Hurt: cameras that see much of one colour (a table, a black background); the error differs with the number of pictures, so two sets of one
# scene are normalised differently, and nobody sees why.
# Instead: work mean and std out in float64, and write them into stats.json before training.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3.12 -m venv venv
venv/bin/pip install --quiet 'lerobot[dataset]==0.6.1'
env -i PATH="$PATH" HOME="$dir" HF_HUB_OFFLINE=1 venv/bin/python - 2>/dev/null <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from lerobot.datasets.compute_stats import get_feature_stats

print("lerobot", version("lerobot"))
seen = []
for value in (100, 250):
    pictures = np.full((100, 3, 120, 160), value, np.uint8)  # what is looked at of an episode of 100 to 460 pictures of 640 x 480
    found = get_feature_stats(pictures, axis=(0, 2, 3), keepdims=True)
    mean, spread = float(found["mean"].ravel()[0]), float(found["std"].ravel()[0])
    print(f"expected: pictures of value {value} have mean {value} and spread 0; seen: mean {mean:.1f}, spread {spread:.1f}")
    seen += [mean, spread]
sys.exit(0 if abs(seen[0] - 97.4) < 0.5 and seen[1] > 20 and abs(seen[2] - 253.9) < 0.5 else "the behaviour has changed")
PY
