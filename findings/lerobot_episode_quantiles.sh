#!/usr/bin/env bash
# lerobot 0.6.1: the quantiles of a data set are the means of its episodes' quantiles. A joint that works at another place in each episode,
# within 0.1 rad of it and over 2.2 rad in all, has q01 = -0.10 and q99 = 0.10 instead of -1.08 and 1.08, so normalisation by quantiles
# (the default of pi05, molmoact2, lingbot_va) gives the network up to 11 instead of 1; a goal that is constant in an episode has a range of 0,
# and gives 200,000,000.
# Hurt: training looks like training; what differs between episodes, which is what a policy should look at, is out of range or drowns the rest.
# Instead: compute q01 and q99 over all rows (numpy.quantile) and write them into meta/stats.json before training.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3.12 -m venv venv
venv/bin/pip install --quiet "lerobot[dataset]==0.6.1"
env -i PATH="$PATH" HOME="$dir" HF_HUB_OFFLINE=1 venv/bin/python - 2>errors <<'PY' || { tail -3 errors; exit 1; }
import sys
from importlib.metadata import version

import numpy as np
import torch
from lerobot.configs.types import FeatureType, NormalizationMode, PolicyFeature
from lerobot.datasets.lerobot_dataset import LeRobotDataset
from lerobot.processor import NormalizerProcessorStep, TransitionKey

NAMES = ["goal", "joint"]
column = {"dtype": "float32", "shape": (2,), "names": NAMES}
written = LeRobotDataset.create("me/reach", 10, {"observation.state": column, "action": column}, root="set", use_videos=False)
rows = []
for goal in np.linspace(-1, 1, 20):  # one place for each episode
    for t in range(100):
        rows.append(np.array([goal, goal + 0.1 * np.sin(t / 5)], np.float32))
        written.add_frame({"observation.state": rows[-1], "action": rows[-1], "task": "reach"})
    written.save_episode()
written.finalize()

statistics = LeRobotDataset("me/reach", root="set").meta.stats["action"]
step = NormalizerProcessorStep(
    features={"action": PolicyFeature(FeatureType.ACTION, (2,))},
    norm_map={FeatureType.ACTION: NormalizationMode.QUANTILES},
    stats={"action": statistics},
)
given = step({TransitionKey.ACTION: torch.tensor(np.array(rows))})[TransitionKey.ACTION].abs().amax(0)
print("lerobot", version("lerobot"))
for n, name in enumerate(NAMES):
    true = np.quantile(np.array(rows)[:, n], (0.01, 0.99))
    low, high = statistics["q01"][n], statistics["q99"][n]
    print(f"{name}: expected q01, q99 = {true[0]:.2f}, {true[1]:.2f} and about 1 at most after normalising;", end=" ")
    print(f"seen {low:.2f}, {high:.2f} and {float(given[n]):.3g}")
same = statistics["q99"][0] < 0.01 and 0.09 < statistics["q99"][1] < 0.11 and given[0] > 1e8 and 10.5 < given[1] < 11.5
sys.exit(0 if same else "the behaviour has changed")
PY
