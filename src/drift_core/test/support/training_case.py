"""A small policy without cameras, its data and its settings: what the tests of training share."""

from dataclasses import replace

import torch
from drift_core.denoisers import EnergyConfig, MlpConfig, UNetConfig
from drift_core.observation.spec import ObservationSpec
from drift_core.policy.batch import Batch
from drift_core.policy.policy import DiffusionPolicy, PolicyConfig
from drift_core.rank.schedule import ConstantRank, LinearDecay
from drift_core.training.config import RankConfig, TrainConfig
from drift_core.training.trainer import Trainer

CONFIG = TrainConfig(
    steps=40,
    batch_size=8,
    noise_draws=2,
    lr=1e-3,
    warmup_steps=4,
    weight_decay=1e-6,
    clip_norm=1.0,
    ema_decay=0.9,
    threads=1,
)
FALLING = LinearDecay(start=1.0, end=0.25, steps=32, every=8)  # 1, .8125, .625, .4375, then .25
LEFT = RankConfig(form="left", policy="exact")
USV = RankConfig(form="usv", policy="exact")
UNET = UNetConfig(down_dims=(16, 32), groups=4, step_dim=16)
MLP = MlpConfig(width=24, blocks=1, step_dim=8)
ENERGY = EnergyConfig(width=24, blocks=1, step_dim=8)


def make_policy(denoiser=MLP, seed=0):
    """Return a policy for a 2-D point that sees 3 numbers."""
    torch.manual_seed(seed)
    config = PolicyConfig(
        observation=ObservationSpec((), state_dim=3, observation_steps=1, dt_s=0.1),
        action_dim=2,
        action_space="point",
        horizon=8,
        action_steps=4,
        encoder=None,
        denoiser=denoiser,
        prediction="sample",
    )
    return DiffusionPolicy(config)


def next_batch(generator):
    """Draw 8 windows whose actions follow from the state."""
    state = torch.randn(8, 1, 3, generator=generator)
    steps = torch.linspace(0.0, 1.0, 8)[None, :, None]
    actions = torch.tanh(state[:, :, :2] + steps * state[:, :, 1:])
    index = torch.zeros(8, 1, dtype=torch.long)
    return Batch({}, index, torch.zeros(1, 0), state, actions, torch.ones(8, 8, dtype=torch.bool))


def next_round(trainer, schedule=None):
    """Return a trainer of the next round: it goes on from the averaged weights, those that a robot runs."""
    schedule = schedule or ConstantRank(fraction=trainer.rank)
    return Trainer(trainer.merged_policy(), trainer.config, schedule, trainer.generator, trainer.modulation)


def make_trainer(modulation=LEFT, schedule=FALLING, denoiser=MLP, seed=0, **changes):
    """Return a trainer at its first step."""
    generator = torch.Generator().manual_seed(seed)
    return Trainer(make_policy(denoiser), replace(CONFIG, **changes), schedule, generator, modulation)
