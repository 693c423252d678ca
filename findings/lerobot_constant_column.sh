#!/usr/bin/env bash
# lerobot 0.6.1, the normaliser of its policies: a column that never moved in the recordings is divided by 1e-8. A joint recorded at 0.3 rad
# throughout and read as 0.301 on the robot enters the network as about 200,000 (MIN_MAX) or 100,000 (MEAN_STD).
# Hurt: demonstrations in which a joint, the gripper or a spare column stands still; training is perfect, the first run on the robot is not.
# Instead: look for columns with min == max (or std near 0) and leave them out, or give them a range of your own before training.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3.12 -m venv venv
venv/bin/pip install --quiet lerobot==0.6.1
env -i PATH="$PATH" HOME="$dir" venv/bin/python - <<'PY'
import sys
from importlib.metadata import version

import torch
from lerobot.configs.types import FeatureType, NormalizationMode, PolicyFeature
from lerobot.processor import NormalizerProcessorStep, create_transition

STATE = "observation.state"
recorded = torch.tensor([[-1.0, 0.3], [0.0, 0.3], [1.0, 0.3]])  # (samples, joints) [rad]
statistics = {"min": recorded.amin(0), "max": recorded.amax(0), "mean": recorded.mean(0), "std": recorded.std(0)}
print("lerobot", version("lerobot"))
print("expected: 0.301 rad of a joint that stood at 0.3 rad stays a number of the order of 1 (or is an error)")
seen = []
for mode in (NormalizationMode.MIN_MAX, NormalizationMode.MEAN_STD):
    step = NormalizerProcessorStep(
        features={STATE: PolicyFeature(FeatureType.STATE, (2,))},
        norm_map={FeatureType.STATE: mode},
        stats={STATE: statistics},
    )
    seen.append(float(step(create_transition(observation={STATE: torch.tensor([[0.0, 0.301]])}))["observation"][STATE][0, 1]))
    print(f"seen: {seen[-1]:.0f} with {mode.value}")
sys.exit(0 if seen[0] > 1e5 and seen[1] > 5e4 else "the behaviour has changed")
PY
