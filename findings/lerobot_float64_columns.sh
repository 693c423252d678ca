#!/usr/bin/env bash
# lerobot 0.6.1, LeRobotDataset: a column declared float64 is stored as float64 and handed out as float32. A time stamp of today, 1.8e9 s,
# comes back up to 64 s off, and ten rows a tenth of a second apart all have the same one. No warning; info.json says float64.
# Hurt: sets with sensor or ROS stamps in seconds: latencies, alignment and rates worked out from what the dataset returns are noise.
# Instead: store whole nanoseconds in an int64 column (those come back as they are), or read the parquet files themselves.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3.12 -m venv venv
venv/bin/pip install --quiet 'lerobot[dataset]==0.6.1'
env -i PATH="$PATH" HOME="$dir" HF_HUB_OFFLINE=1 venv/bin/python - 2>/dev/null <<'PY'
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from lerobot.datasets.lerobot_dataset import LeRobotDataset

features = {
    "observation.state": {"dtype": "float32", "shape": (1,), "names": ["x"]},
    "action": {"dtype": "float32", "shape": (1,), "names": ["x"]},
    "stamp_s": {"dtype": "float64", "shape": (1,), "names": None},
    "stamp_ns": {"dtype": "int64", "shape": (1,), "names": None},
}
made = LeRobotDataset.create("someone/stamps", fps=10, features=features, root=Path("set"), use_videos=False)
for row in range(10):
    made.add_frame(
        {
            "observation.state": np.zeros(1, np.float32),
            "action": np.zeros(1, np.float32),
            "stamp_s": np.array([1_800_000_040.0 + row / 10]),
            "stamp_ns": np.array([1_800_000_040_000_000_000 + row * 100_000_000]),
            "task": "wait",
        }
    )
made.save_episode()
made.finalize()
found = LeRobotDataset("someone/stamps", root=Path("set"))
(file,) = Path("set/data").rglob("*.parquet")
stored = pq.read_table(file)["stamp_s"].to_pylist()
returned = [found[row]["stamp_s"].item() for row in range(10)]
print("lerobot", version("lerobot"), "- info.json says", found.meta.features["stamp_s"]["dtype"])
print(f"expected: stamp_s from {stored[0]:.1f} to {stored[-1]:.1f} s, as they stand in the file")
print(f"seen: {returned[0]:.1f} to {returned[-1]:.1f} s, {found[0]['stamp_s'].dtype}; int64 as it was: {found[9]['stamp_ns'].item()}")
right = len(set(returned)) == 1 and abs(returned[0] - stored[0]) > 10 and found[9]["stamp_ns"].item() == 1_800_000_040_900_000_000
sys.exit(0 if right else "the behaviour has changed")
PY
