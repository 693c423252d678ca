#!/usr/bin/env bash
# Meta-World 3.1.1: env.reset(seed=7) does not look at the seed. The scenes come one after the other from the seed given to make(), so
# two resets with one seed give two scenes, and two seeds at the same count give one.
# Hurt: paired comparisons of policies "on the same seeds": the pairs are not pairs as soon as one run resets once more.
# Instead: call env.unwrapped.seed(s) before each reset, with one fixed seed for make().
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet metaworld==3.1.1 packaging==26.4 gymnasium==1.4.0 mujoco==3.3.0 numpy==2.4.6
env -i PATH="$PATH" HOME="$dir" venv/bin/python - <<'PY'
import sys
import warnings
from importlib.metadata import version

warnings.simplefilter("ignore")
import gymnasium
import metaworld  # registers the environments
import numpy as np


def scenes(*seeds: int) -> list[tuple[float, ...]]:
    """The block's place after each reset of one new environment."""
    env = gymnasium.make("Meta-World/MT1", env_name="push-v3", seed=1, disable_env_checker=True)
    return [tuple(np.round(env.reset(seed=seed)[0][4:7], 4).tolist()) for seed in seeds]


first, repeated = scenes(7, 7)
other, _ = scenes(8, 8)
print("metaworld", version("metaworld"))
print("expected: reset(seed=7) gives one scene each time, reset(seed=8) another")
print(f"seen: seed 7 {first}, seed 7 again {repeated}; new environment, seed 8 {other}")
sys.exit(0 if first != repeated and first == other else "the behaviour has changed")
PY
