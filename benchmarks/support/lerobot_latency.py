"""Latency of LeRobot's own diffusion policy; runs in a throw-away environment and prints one line of JSON.

python3 -m venv /tmp/lerobot && /tmp/lerobot/bin/pip install lerobot==0.4.4
python -m benchmarks.inference --lerobot-python /tmp/lerobot/bin/python
"""

import argparse
import json
import time

import torch
from lerobot.configs.types import FeatureType, PolicyFeature
from lerobot.policies.diffusion.configuration_diffusion import DiffusionConfig
from lerobot.policies.diffusion.modeling_diffusion import DiffusionModel


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--down-dims", required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--repetitions", type=int, required=True)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    config = DiffusionConfig(
        input_features={
            "observation.state": PolicyFeature(FeatureType.STATE, (10,)),
            "observation.images.front": PolicyFeature(FeatureType.VISUAL, (3, 96, 96)),
        },
        output_features={"action": PolicyFeature(FeatureType.ACTION, (10,))},
        n_obs_steps=2,
        horizon=16,
        n_action_steps=8,
        crop_shape=None,
        down_dims=tuple(int(dim) for dim in options.down_dims.split(",")),
        kernel_size=5,
        diffusion_step_embed_dim=256,
        spatial_softmax_num_keypoints=256,  # 512 features per frame: the same condition, C = 1044, as ours
        use_film_scale_modulation=True,
        pretrained_backbone_weights=None,
        use_group_norm=True,
        num_train_timesteps=100,
        device="cpu",
    )
    model = DiffusionModel(config).eval()
    batch = {
        "observation.state": torch.randn(1, 2, 10),
        "observation.images": torch.rand(1, 2, 1, 3, 96, 96),
    }
    with torch.no_grad():
        condition = model._prepare_global_conditioning(batch)
        encoder_ms = timed_ms(lambda: model._prepare_global_conditioning(batch))
        times_ms = [
            timed_ms(lambda: model.conditional_sample(1, global_cond=condition))
            for _ in range(options.repetitions)
        ]
    parameters = sum(p.numel() for p in model.unet.parameters())
    print(json.dumps({"parameters": parameters, "encoder_ms": encoder_ms, "times_ms": times_ms}))


def timed_ms(call) -> float:
    started_s = time.perf_counter()
    call()
    return 1e3 * (time.perf_counter() - started_s)


if __name__ == "__main__":
    main()
