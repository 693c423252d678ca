"""Let a trained diffusion policy act on rows of a set: `python act.py PRETRAINED_MODEL SET OUT.npz`.

Saves what it saw, the noise it began with, and its actions (rows, horizon, A) in the units of the set. The
noise on the way is that of torch's generator seeded with the row's number.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from lerobot.datasets.lerobot_dataset import LeRobotDataset
from lerobot.policies.diffusion.modeling_diffusion import DiffusionPolicy
from lerobot.policies.factory import make_pre_post_processors

ROWS = (3, 40, 80)


def main() -> None:
    """Act."""
    trained, folder, out = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
    policy = DiffusionPolicy.from_pretrained(trained).eval()
    before, after = make_pre_post_processors(policy.config, pretrained_path=str(trained))
    steps = [step / 10 for step in range(1 - policy.config.n_obs_steps, 1)]
    inputs = list(policy.config.input_features)
    rows = LeRobotDataset(
        "drift/export", root=folder, delta_timestamps={name: steps for name in inputs}, video_backend="pyav"
    )
    saved: dict[str, list] = {"noise": [], "actions": [], "conditions": [], **{name: [] for name in inputs}}
    for row in ROWS:
        item = rows[row]
        batch = before({name: item[name][None] for name in inputs})
        cameras = list(policy.config.image_features)
        if cameras:
            batch["observation.images"] = torch.stack([batch[name] for name in cameras], dim=-4)
        torch.manual_seed(row)
        noise = torch.randn(1, policy.config.horizon, policy.config.action_feature.shape[0])
        with torch.no_grad():
            condition = policy.diffusion._prepare_global_conditioning(batch)
            normal = policy.diffusion.conditional_sample(1, global_cond=condition, noise=noise)
        saved["noise"].append(noise.numpy())
        saved["conditions"].append(condition.numpy())
        saved["actions"].append(after(normal).numpy())
        for name in inputs:
            saved[name].append(item[name].numpy())
    np.savez(out, rows=np.array(ROWS), **{name: np.stack(values) for name, values in saved.items()})


if __name__ == "__main__":
    main()
