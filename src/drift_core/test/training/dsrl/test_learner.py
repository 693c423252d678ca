"""On problems whose best noise is known the actor finds it, and goes no further than it may."""

from dataclasses import replace

import pytest
import torch
from drift_core.noise import NoiseActor, NoiseActorConfig
from drift_core.noise.actor import kl_to_normal
from drift_core.training.dsrl import DsrlConfig, DsrlLearner, FindLearner, Transitions
from drift_core.training.dsrl.replay import returns

SHAPE = (2, 1)  # T, A


def two_modes(condition, latent):
    """A policy of one step: the sign of the first number of its noise decides between -1 and 1."""
    return torch.where(latent[:, :1] > 0.0, 1.0, -1.0)  # (B, 1, 1)


def bandit(count, wanted, seed=0):
    """Attempts of one chunk by a policy without actor; 1 where its mode was the `wanted` one."""
    rng = torch.Generator().manual_seed(seed)
    condition, latent = torch.randn(count, 1, generator=rng), torch.randn(count, *SHAPE, generator=rng)
    action = two_modes(condition, latent)
    reward = (action[:, 0, 0] == wanted(condition[:, 0])).float()
    last = torch.ones(count, dtype=torch.bool)
    return Transitions(condition, latent.flatten(1), action, reward, condition, last, last)


def new_actor(replay):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        return NoiseActor(NoiseActorConfig(width=32, max_norm=4.0), *SHAPE, replay.condition.shape[1])


def learned(replay, act=two_modes, steps=100, **changes):
    rng = torch.Generator().manual_seed(1)
    actor = new_actor(replay)
    settings = {
        "width": 32,
        "batch_size": 64,
        "lr": 3e-3,
        "denoised": 16,
        "kl_nats": 3.0,
        "tau": 0.05,
    } | changes
    learner = DsrlLearner(actor, act, replay, SHAPE, DsrlConfig(**settings), rng)
    for _ in range(steps):
        terms = learner.step()
    return actor, learner, terms


def attempts_of(actor, count, rng):
    replay = bandit(count, torch.ones_like)
    with torch.no_grad():
        latent = actor.latent(replay.condition, torch.randn(count, *SHAPE, generator=rng))
    action = two_modes(replay.condition, latent)
    return replace(replay, chosen=latent.flatten(1), action=action, reward=(action[:, 0, 0] == 1.0).float())


def right(actor, wanted, count=400):
    rng = torch.Generator().manual_seed(3)
    condition = torch.randn(count, 1, generator=rng)
    with torch.no_grad():
        action = two_modes(condition, actor.latent(condition, torch.randn(count, *SHAPE, generator=rng)))
    return (action[:, 0, 0] == wanted(condition[:, 0])).float().mean().item()


@pytest.mark.parametrize("variant", ["aliased", "sac"])
def test_the_better_of_two_modes_is_chosen_by_the_noise(variant):
    def up(condition):
        return torch.ones_like(condition)

    replay = bandit(300, up)
    assert 0.4 < replay.reward.mean() < 0.6
    actor, _, terms = learned(replay, variant=variant)
    assert right(actor, up) > 0.9
    assert terms["value"] > 0.8


def test_the_choice_depends_on_what_is_seen():
    actor, _, _ = learned(bandit(400, torch.sign), steps=150)
    assert right(actor, torch.sign) > 0.85


def test_chunks_whose_noise_nobody_knows_teach_too():
    replay = bandit(300, torch.ones_like)
    unknown = replace(replay, chosen=torch.full_like(replay.chosen, torch.nan))
    actor, _, _ = learned(unknown)
    assert right(actor, torch.ones_like) > 0.9


def test_the_divergence_stays_within_its_budget():
    replay = bandit(300, torch.ones_like)
    near, far = (
        learned(replay, steps=steps, kl_nats=nats, variant="sac")[0]
        for steps, nats in ((300, 0.1), (100, 5.0))
    )
    condition = torch.randn(200, 1)
    with torch.no_grad():
        kl = [float(kl_to_normal(*actor(condition)).mean()) for actor in (near, far)]
    assert kl[0] < 0.8 < kl[1]


def test_the_score_at_the_end_counts_for_what_led_there():
    # Two chunks: if the first is 1, the second succeeds; if it is -1, nothing does.
    rng = torch.Generator().manual_seed(0)
    latent = torch.randn(300, *SHAPE, generator=rng)
    first = two_modes(None, latent)
    start, good, bad = (torch.tensor([value]) for value in (0.0, 1.0, -1.0))
    after = torch.where(first[:, 0] > 0.0, good, bad)
    zeros, ones = torch.zeros(300), torch.ones(300, dtype=torch.bool)
    begin = Transitions(start.expand(300, 1), latent.flatten(1), first, zeros, after, ~ones, ones)
    second = torch.randn(300, *SHAPE, generator=rng)
    end = Transitions(
        after, second.flatten(1), two_modes(None, second), (after[:, 0] > 0.0).float(), after, ones, ones
    )
    replay = Transitions(**{name: torch.cat([value, vars(end)[name]]) for name, value in vars(begin).items()})
    actor, learner, _ = learned(replay, steps=150, gamma=0.9, variant="sac")
    values = learner.value(start.expand(2, 1), torch.tensor([[1.5, 0.0], [-1.5, 0.0]]))
    assert values[0].item() == pytest.approx(0.9, abs=0.2) and values[1].item() < 0.3
    chosen = actor.latent(start.expand(200, 1), torch.randn(200, *SHAPE))
    assert (chosen[:, 0] > 0.0).float().mean() > 0.9


def test_it_is_the_same_to_the_bit_from_the_same_seed():
    replay = bandit(50, torch.ones_like)
    one, other = (learned(replay, steps=5)[0] for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def test_a_policy_gradient_finds_the_better_mode_too():
    replay, rng = bandit(300, torch.ones_like), torch.Generator().manual_seed(1)
    actor = new_actor(replay)
    settings = DsrlConfig(variant="find", width=32, batch_size=64, lr=3e-3, kl_nats=3.0)
    for _ in range(3):  # rounds, each on what the actor of the last one has done
        learner = FindLearner(actor, replay, settings, rng)
        for _ in range(60):
            terms = learner.step()
        replay = attempts_of(actor, 300, rng)
    assert right(actor, torch.ones_like) > 0.8 and terms["kl"] < 4.0


def test_the_return_of_a_chunk_is_the_discounted_score_of_its_attempt():
    replay = bandit(5, torch.ones_like)
    reward, last = torch.tensor([0.0, 0.0, 1.0, 0.0, 0.5]), torch.tensor([False, False, True, False, True])
    found = returns(replace(replay, reward=reward, last=last), 0.5)
    assert found.tolist() == [0.25, 0.5, 1.0, 0.25, 0.5]


def test_what_another_policy_has_done_is_no_gradient():
    replay = bandit(300, torch.ones_like)
    stale = replace(
        replay, fresh=torch.arange(300) < 150, reward=torch.where(torch.arange(300) < 150, 1.0, 0.0)
    )
    learner = FindLearner(new_actor(stale), stale, DsrlConfig(width=8), torch.Generator())
    assert len(learner._return) == 150 and (learner._return == 1.0).all()
