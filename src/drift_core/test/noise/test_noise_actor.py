"""An actor moves the first latent: not at all when it is new, and never further than it may."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from drift_config.errors import ConfigError
from drift_core.noise import NoiseActor, NoiseActorConfig
from drift_core.noise.actor import kl_to_normal
from drift_core.observation.spec import Observation
from drift_core.policy.checkpoint import CheckpointInfo, load_checkpoint, save_checkpoint
from training_case import make_policy

INFO = CheckpointInfo("walk", "point", 1, 0, 1.0, 1.0, 0, None, "offline", 0.0)
SEEN = Observation(0.0, {}, np.array([[0.1, -0.2, 0.3]], np.float32), 0.0)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def actor(**changes):
    return NoiseActor(NoiseActorConfig(width=16, **changes), 8, 2, 3)


def push(network, mean):
    """Let the actor choose `mean` (D,) in all conditions."""
    with torch.no_grad():
        network.head.bias[: network.dims] = torch.as_tensor(mean, dtype=torch.float32)


def act(policy, sampler="ddim-4", seed=0):
    return policy.act(SEEN, policy.make_sampler(sampler), generator(seed))


@pytest.mark.parametrize("latent", ["full", "steady"])
def test_a_policy_with_a_new_actor_acts_as_it_did(latent):
    policy = make_policy().eval()
    new = policy.with_noise_actor(NoiseActorConfig(latent=latent, max_norm=2.0))
    np.testing.assert_allclose(act(new), act(policy), atol=1e-6)
    if latent == "full":
        assert (act(new) == act(policy)).all(), "to the bit"


def test_the_actor_travels_in_the_checkpoint(tmp_path):
    policy = make_policy().eval().with_noise_actor(NoiseActorConfig(width=16))
    push(policy.noise_actor, torch.linspace(-1.0, 1.0, 16))
    save_checkpoint(tmp_path / "policy_000001.safetensors", policy, INFO)
    loaded = load_checkpoint(tmp_path / "policy_000001.safetensors").policy
    assert loaded.config.noise == NoiseActorConfig(width=16)
    assert (act(loaded) == act(policy)).all()
    plain = loaded.with_noise_actor(None)
    assert (act(plain) == act(make_policy().eval())).all() and not (act(plain) == act(loaded)).all()


def test_the_latent_that_is_recorded_is_the_one_that_was_chosen():
    policy = make_policy().eval().with_noise_actor(NoiseActorConfig(width=16, max_norm=3.0))
    sampler = policy.make_sampler("ddim-4")
    policy.act(SEEN, sampler, generator())
    before = sampler.latent
    push(policy.noise_actor, torch.full((16,), 0.5))
    policy.act(SEEN, sampler, generator())
    torch.testing.assert_close(sampler.latent, before + 0.5)


@pytest.mark.parametrize("sampler", ["ddpm-10", "rti-3"])
def test_a_sampler_that_does_not_follow_from_the_noise_is_refused(sampler):
    policy = make_policy().with_noise_actor(NoiseActorConfig())
    with pytest.raises(ConfigError, match=f"sampler='{sampler}' must be deterministic and begin from noise"):
        policy.make_sampler(sampler)
    assert policy.with_noise_actor(None).make_sampler(sampler).called == sampler


@pytest.mark.parametrize("latent", ["full", "steady", "repeated"])
def test_no_latent_is_longer_than_allowed(latent):
    network = actor(latent=latent, max_norm=1.5)
    push(network, torch.full((network.dims,), 30.0))
    found = network.latent(torch.randn(5, 3), torch.randn(5, 8, 2))
    torch.testing.assert_close(found.flatten(1).norm(dim=1), torch.full((5,), 1.5 * math.sqrt(16.0)))
    far = actor(latent=latent, max_norm=30.0)
    push(far, torch.full((far.dims,), 2.0))
    chosen = far.coordinates(far.latent(torch.zeros(2000, 3), torch.randn(2000, 8, 2)))
    torch.testing.assert_close(chosen.mean(0), torch.full((far.dims,), 2.0), atol=0.12, rtol=0.0)


def test_what_a_steady_actor_does_not_choose_stays_as_drawn():
    network, noise = actor(latent="steady", max_norm=30.0), torch.randn(4, 8, 2)
    push(network, [4.0, 0.0])
    found = network.latent(torch.zeros(4, 3), noise)
    # the mean over 8 steps moves by 4 / sqrt(8), in the first column only
    torch.testing.assert_close(found - noise, torch.tensor([4.0 / math.sqrt(8.0), 0.0]).expand(4, 8, 2))


def test_a_repeated_latent_is_the_same_at_each_step():
    found = actor(latent="repeated").latent(torch.zeros(4, 3), torch.randn(4, 8, 2))
    assert torch.equal(found, found[:, :1].expand(4, 8, 2))


def test_the_divergence_from_the_normal_distribution_by_hand():
    # mean 2: 2 nats; sigma 2: (4 - 1) / 2 - ln 2
    found = kl_to_normal(torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, math.log(2.0)]]))
    assert found.item() == pytest.approx(2.0 + 1.5 - math.log(2.0))
    assert kl_to_normal(*actor()(torch.randn(3, 3))).tolist() == [0.0, 0.0, 0.0]


def test_the_architecture_says_whether_there_is_an_actor():
    policy = make_policy()
    assert policy.config.noise is None and policy.noise_actor is None
    named = policy.with_noise_actor(NoiseActorConfig(latent="steady"))
    assert named.config == replace(policy.config, noise=NoiseActorConfig(latent="steady"))
