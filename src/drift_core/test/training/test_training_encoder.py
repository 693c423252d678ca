"""Training a policy that sees: its encoder rank-modulated, frozen for a round, partly frozen by others."""

from dataclasses import replace

import pytest
import torch
from drift_core.encoders import SmallCnnConfig
from drift_core.errors import CheckpointError
from drift_core.observation.spec import CameraSpec, ObservationSpec
from drift_core.policy.batch import Batch
from drift_core.policy.policy import DiffusionPolicy, PolicyConfig
from drift_core.rank.schedule import ConstantRank
from drift_core.training.config import RankConfig
from drift_core.training.trainer import Trainer
from training_case import CONFIG, FALLING, MLP

FROZEN = replace(CONFIG, freeze_encoder=True)


def seeing_policy(seed=0):
    """Return a policy that sees one picture of 16 by 16 and 3 numbers."""
    torch.manual_seed(seed)
    camera = CameraSpec(name="front", height=16, width=16)
    config = PolicyConfig(
        observation=ObservationSpec((camera,), state_dim=3, observation_steps=1, dt_s=0.1),
        action_dim=2,
        action_space="point",
        horizon=8,
        action_steps=4,
        encoder=SmallCnnConfig(channels=8, maps=4),
        denoiser=MLP,
        prediction="sample",
    )
    return DiffusionPolicy(config)


def next_batch(generator):
    """Draw 4 windows with a picture each."""
    images = {"front": torch.randint(0, 256, (4, 3, 16, 16), dtype=torch.uint8, generator=generator)}
    state, actions = torch.randn(4, 1, 3, generator=generator), torch.rand(4, 8, 2, generator=generator)
    mask = torch.ones(4, 8, dtype=torch.bool)
    return Batch(images, torch.arange(4)[:, None], None, state, actions, mask)


def trainer_of(policy, config=CONFIG, schedule=None, modulation=None):
    return Trainer(policy, config, schedule, torch.Generator().manual_seed(0), modulation)


def trained_of_encoder(trainer):
    return {name for name, p in trainer.policy.encoder.named_parameters() if p.requires_grad}


@pytest.mark.parametrize("part", ["encoder", "all"])
@pytest.mark.parametrize("form", ["left", "usv"])
@pytest.mark.parametrize("frozen", [False, True])
def test_an_encoder_trains_rank_modulated_and_goes_on_to_the_bit(part, form, frozen):
    modulation = RankConfig(form=form, policy="exact", part=part)
    trainer = trainer_of(seeing_policy(), replace(CONFIG, freeze_encoder=frozen), FALLING, modulation)
    trainer.run(next_batch, steps=10)
    conv1 = trainer.policy.encoder.networks["front"].conv1
    assert conv1.rank == 6  # .8125 of 8, below 1 since step 8
    assert conv1.trainable is not frozen
    resumed = trainer_of(seeing_policy(seed=1))
    resumed.load_state_dict(trainer.state_dict())
    for one in (trainer, resumed):
        one.run(next_batch, steps=8)
    a, b = trainer.state_dict().tensors, resumed.state_dict().tensors
    assert a.keys() == b.keys() and all(torch.equal(value, b[key]) for key, value in a.items())


def test_what_others_froze_of_the_encoder_stays_frozen():
    policy = seeing_policy()
    policy.encoder.requires_grad_(False)
    policy.encoder.networks["front"].norm.requires_grad_(True)
    norm = {"networks.front.norm.weight", "networks.front.norm.bias"}
    assert trained_of_encoder(trainer_of(policy)) == norm
    assert trained_of_encoder(trainer_of(policy, FROZEN)) == set()


def test_a_round_after_a_frozen_one_trains_the_modulated_encoder_again():
    modulation = RankConfig(policy="exact", part="all")
    trainer = trainer_of(seeing_policy(), FROZEN, ConstantRank(fraction=0.5), modulation)
    trainer.run(next_batch, steps=2)
    assert trained_of_encoder(trainer) == set()
    trainer = trainer_of(trainer.merged_policy(), CONFIG, ConstantRank(fraction=0.5), modulation)
    assert trained_of_encoder(trainer) == {name for name, _ in trainer.policy.encoder.named_parameters()}


def test_a_state_remembers_what_freezing_froze():
    policies = [seeing_policy(), seeing_policy(seed=1)]
    for policy in policies:
        policy.encoder.networks["front"].to_maps.requires_grad_(False)
    trainer, other = trainer_of(policies[0], FROZEN), trainer_of(policies[1])
    state = trainer.state_dict()
    assert len(state.info["frozen"]) == 8  # weight and bias of three convolutions and a norm, not of to_maps
    other.load_state_dict(state)
    assert trained_of_encoder(other) == set()
    state.info["frozen"] = ["denoiser.enter.weight"]
    with pytest.raises(CheckpointError, match=r"frozen=\['denoiser.enter.weight'\] must be parameters of"):
        other.load_state_dict(state)
