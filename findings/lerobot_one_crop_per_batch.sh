#!/usr/bin/env bash
# lerobot 0.6.1: the random crop of its diffusion policy's image encoder is drawn once for a whole batch: all samples, both time steps and all
# cameras that share the encoder are cut at one place. Published results with diffusion policies cut each picture at a place of its own.
# Hurt: whoever trusts the augmentation: of a batch of 64 windows with two steps, the 128 pictures of a camera see one crop; a comparison
# with another code base at "the same augmentation" compares something else.
# Instead: crop per sample before the policy, or wrap the crop in a loop over the batch.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3.12 -m venv venv
venv/bin/pip install --quiet lerobot==0.6.1 diffusers==0.42.1
env -i PATH="$PATH" HOME="$dir" venv/bin/python - <<'PY'
import sys
from importlib.metadata import version

import torch
from lerobot.configs.types import FeatureType, PolicyFeature
from lerobot.policies.diffusion.configuration_diffusion import DiffusionConfig
from lerobot.policies.diffusion.modeling_diffusion import DiffusionRgbEncoder

torch.manual_seed(0)
config = DiffusionConfig(
    input_features={
        "observation.images.front": PolicyFeature(FeatureType.VISUAL, (3, 96, 96)),
        "observation.state": PolicyFeature(FeatureType.STATE, (2,)),
    },
    output_features={"action": PolicyFeature(FeatureType.ACTION, (2,))},
    pretrained_backbone_weights=None,
    crop_shape=(84, 84),
    crop_is_random=True,
)
encoder = DiffusionRgbEncoder(config).train()
cropped = []
encoder.backbone.register_forward_pre_hook(lambda _, inputs: cropped.append(inputs[0].clone()))
rows = torch.arange(96.0).view(96, 1).expand(96, 96)  # each pixel says where it is
batch = torch.stack([rows, rows.T, torch.zeros(96, 96)]).expand(64, 3, 96, 96) / 96
with torch.no_grad():
    for _ in range(20):
        encoder(batch)
places = [{(round(96 * float(p[0, 0, 0])), round(96 * float(p[1, 0, 0]))) for p in pictures} for pictures in cropped]
print("lerobot", version("lerobot"), "20 training batches of 64 pictures, 96 to", tuple(cropped[0].shape[2:]))
print("expected: some 50 different places in each batch")
print("seen: places in each batch", [len(batch_places) for batch_places in places], "; of all batches", len(set.union(*places)))
same = all(len(batch_places) == 1 for batch_places in places) and len(set.union(*places)) > 10
sys.exit(0 if same else "the behaviour has changed")
PY
