#!/usr/bin/env bash
# diffusers 0.42.1, DDIMScheduler: 51 of 100 training steps sample far worse than 50, with each of the three timestep spacings. `step` always
# goes 100 // steps timesteps down, whatever the list of timesteps says: "leading" therefore begins in the middle (at 50, with noise that
# belongs to 99), "trailing" and "linspace" begin at 99 and leave the list at every step.
# Hurt: diffusion policies trained with 100 steps and sampled with 15, 40, 60 or 75 of them; more steps can be worse, and nothing is said.
# Instead: a number of steps that divides the training steps, or DPMSolverMultistepScheduler, which follows its list.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet diffusers==0.42.1 torch==2.13.0 numpy==2.4.6
env -i PATH="$PATH" HOME="$dir" venv/bin/python - <<'PY'
import sys
import warnings
from importlib.metadata import version

import torch
from diffusers import DDIMScheduler

warnings.simplefilter("ignore")
MEAN, STD = 0.5, 0.3  # of the data, whose best denoiser is known in closed form
noise = torch.randn(20000, generator=torch.Generator().manual_seed(0))


def sample(steps: int, spacing: str) -> tuple[int, float, float]:
    """The first timestep, and mean and standard deviation of what is sampled."""
    scheduler = DDIMScheduler(
        num_train_timesteps=100, beta_schedule="squaredcos_cap_v2", clip_sample=False, timestep_spacing=spacing
    )
    scheduler.set_timesteps(steps)
    x = noise
    for t in scheduler.timesteps:
        kept = scheduler.alphas_cumprod[t]
        clean = MEAN + kept.sqrt() * STD**2 / (kept * STD**2 + 1 - kept) * (x - kept.sqrt() * MEAN)
        x = scheduler.step((x - kept.sqrt() * clean) / (1 - kept).sqrt(), t, x).prev_sample
    return int(scheduler.timesteps[0]), float(x.mean()), float(x.std())


print("diffusers", version("diffusers"))
print(f"expected: 51 steps give the data about as well as 50: mean {MEAN}, standard deviation {STD}")
changed = False
for spacing, first in (("leading", 50), ("trailing", 99), ("linspace", 99)):
    fifty, more = sample(50, spacing), sample(51, spacing)
    print(f"seen, {spacing}: 50 steps {fifty[1]:.3f} and {fifty[2]:.3f}; 51 steps begin at {more[0]}: {more[1]:.3f} and {more[2]:.3f}")
    changed |= abs(fifty[1] - MEAN) > 0.02 or abs(fifty[2] - STD) > 0.02
    changed |= more[0] != first or MEAN - more[1] < 0.1 or more[2] - STD < 0.05
sys.exit("the behaviour has changed" if changed else 0)
PY
