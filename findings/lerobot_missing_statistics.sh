#!/usr/bin/env bash
# lerobot 0.6.1: where the statistics of a feature are missing (another dataset's file, a renamed key), its normaliser and unnormaliser
# hand the values on as they are and say nothing. The action that the network means as a share of the range goes to the robot as radians.
# Hurt: whoever loads a policy with the statistics of another dataset: 0.5 of a range of 0.2 rad becomes 0.5 rad.
# Instead: check that every feature with a norm_map has an entry in stats before the first action.
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
from lerobot.processor import UnnormalizerProcessorStep, create_transition

RANGE = {"min": torch.tensor([-0.1]), "max": torch.tensor([0.1])}  # of the recorded action [rad]


def to_robot(stats: dict) -> float:
    """What becomes of the network's output 0.5."""
    step = UnnormalizerProcessorStep(
        features={"action": PolicyFeature(FeatureType.ACTION, (1,))},
        norm_map={FeatureType.ACTION: NormalizationMode.MIN_MAX},
        stats=stats,
    )
    return float(step(create_transition(action=torch.tensor([[0.5]])))["action"][0, 0])


print("lerobot", version("lerobot"))
right, renamed = to_robot({"action": RANGE}), to_robot({"actions": RANGE})
print(f"expected: {right:.3f} rad with the statistics, an error where they have another name")
print(f"seen: {right:.3f} rad, and {renamed:.3f} rad without a word")
sys.exit(0 if abs(right - 0.05) < 1e-6 and renamed == 0.5 else "the behaviour has changed")
PY
