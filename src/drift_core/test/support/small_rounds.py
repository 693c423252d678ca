"""A task of a point without cameras, and a train file that takes a moment."""

from drift_core.task import TaskConfig

TASK = TaskConfig("walk", (), 0.1, 4, 1, 2, "point", 5.0, {})
ROUND = {
    "steps": 20, "batch_size": 8, "noise_draws": 2, "lr": 1e-3, "warmup_steps": 2, "weight_decay": 0.0,
    "clip_norm": 1.0, "ema_decay": 0.9, "threads": 1,
}  # fmt: skip
FILE = {
    "policy": {
        "encoder": None, "denoiser": {"kind": "mlp", "width": 16, "blocks": 1, "step_dim": 8},
        "prediction": "sample", "sampler": "ddim-4",
    },
    "rank": {
        "modulation": {}, "offline": {"kind": "constant", "fraction": 1.0},
        "online": {"kind": "constant", "fraction": 0.25},
    },
    "offline": ROUND, "online": ROUND | {"freeze_encoder": True, "online_share": 0.5},
}  # fmt: skip
