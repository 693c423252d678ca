"""Make another policy for a trained one's inputs: `python make_policy.py PRETRAINED_MODEL OUT`.

Not trained, but with all that the first has not: BatchNorm that has seen pictures, pictures cut to 84 x 84,
one encoder for all cameras, FiLM without a scale, prediction of the actions themselves.
"""

import sys
from pathlib import Path

import torch
from lerobot.policies.diffusion.configuration_diffusion import DiffusionConfig
from lerobot.policies.diffusion.modeling_diffusion import DiffusionPolicy
from lerobot.policies.factory import make_pre_post_processors


def main() -> None:
    """Make it."""
    trained, out = Path(sys.argv[1]), Path(sys.argv[2])
    first = DiffusionPolicy.from_pretrained(trained)
    config = DiffusionConfig(
        input_features=first.config.input_features,
        output_features=first.config.output_features,
        horizon=16,
        n_action_steps=8,
        down_dims=(64, 128),
        device="cpu",
        push_to_hub=False,
        pretrained_backbone_weights=None,
        use_group_norm=False,
        crop_shape=(84, 84),
        use_separate_rgb_encoder_per_camera=False,
        use_film_scale_modulation=False,
        prediction_type="sample",
    )
    torch.manual_seed(0)
    policy = DiffusionPolicy(config).train()
    with torch.no_grad():
        for _ in range(20):
            policy.diffusion.rgb_encoder(torch.rand(8, 3, 96, 96))
    policy.eval().save_pretrained(out)
    for processor in make_pre_post_processors(first.config, pretrained_path=str(trained)):
        processor.save_pretrained(out)


if __name__ == "__main__":
    main()
