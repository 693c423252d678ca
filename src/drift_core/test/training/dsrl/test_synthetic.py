"""Made-up transitions beside recorded ones: as many as asked for, near what the actor would do."""

from dataclasses import replace

import pytest
import torch
from drift_config.errors import ConfigError
from drift_config.loader import parse
from drift_core.errors import CheckpointError, DataError
from drift_core.noise import NoiseActor, NoiseActorConfig
from drift_core.training.dsrl import DsrlConfig, DsrlLearner, Transitions
from drift_core.training.dsrl.synthetic import SyntheticReplay, trajectory_model

SHAPE = (2, 1)  # T, A
SMALL = {
    "chunks": 2, "trajectories": 100, "steps": 150, "batch_size": 64, "lr": 3e-3, "sampler": "ddim-8",
    "every": 10, "network": {"width": 32, "blocks": 1, "step_dim": 16},
}  # fmt: skip
LEARNER = {"batch_size": 20, "width": 8, "denoised": 4}


def act(condition, latent):
    """A policy that executes the first number of its noise."""
    return latent[:, :1]


def recorded(count=60):
    """Attempts of two chunks; chunk and score of the second are what the noise is, if it is in [0, 1]."""
    rng = torch.Generator().manual_seed(0)
    latent, condition = torch.randn(count, *SHAPE, generator=rng), torch.randn(count, 1, generator=rng)
    last = torch.arange(count) % 2 == 1
    action = act(condition, latent)
    reward = torch.where(last, action[:, 0, 0].clamp(0.0, 1.0), 0.0)
    following = torch.cat([condition[1:], condition[-1:]])
    return Transitions(condition, latent.flatten(1), action, reward, following, last, last)


def actor_at(mean):
    """An actor that moves the first number of the noise by `mean`."""
    actor = NoiseActor(NoiseActorConfig(width=8, max_norm=4.0), *SHAPE, 1)
    with torch.no_grad():
        actor.head.bias[0] = mean
    return actor


def settings(**changes):
    file = LEARNER | {"synthetic": SMALL | changes}
    return parse(file, DsrlConfig, "x.yaml")


def made_up(mean=0.0, replay=None, tell=lambda text: None, steps=30, all_earn=False, **changes):
    config = settings(steps=steps, **changes).synthetic
    model = trajectory_model(replay or recorded(), config, 7)
    model.learn(lambda step, loss: None)
    return SyntheticReplay(model, act, actor_at(mean), SHAPE, config, 7, tell, all_earn)


def test_what_is_made_up_are_transitions_whose_noise_nobody_knows():
    told = []
    source = made_up(tell=told.append)
    made = source()
    assert made.chosen.isnan().all() and made.chosen.shape == (len(made), 2) and not made.fresh.any()
    assert made.action.shape == (len(made), 1, 1) and made.following.shape == made.condition.shape
    assert (made.reward[~made.last] == 0.0).all() and 0.0 <= made.reward.min() <= made.reward.max() <= 1.0
    ended = int(made.last.sum())
    assert told == [f"{len(made)} synthetic transitions made, guidance 0.2: {ended} of 100 trajectories end"]
    again = source()
    assert (source.draws, source.made) == (2, len(made) + len(again))
    assert not torch.equal(made.condition[:9], again.condition[:9])


def test_where_every_step_earns_so_do_chunks_that_are_made_up():
    replay = recorded()
    replay = replace(replay, reward=torch.full_like(replay.reward, 0.5) + 0.1 * torch.randn(len(replay)))
    made = made_up(replay=replay, all_earn=True)()
    assert (made.reward[~made.last] > 0.0).float().mean() > 0.9
    assert 0.0 <= made.reward.min() <= made.reward.max() <= 1.0


def test_guided_chunks_lie_where_the_actor_would_go():
    down, up = (made_up(mean, guidance=0.5, steps=100)().action.mean() for mean in (-1.0, 1.0))
    assert up > down + 0.3


def test_with_guidance_zero_it_does_not_matter_where_the_actor_would_go():
    down, up = (made_up(mean, guidance=0.0)() for mean in (-1.0, 1.0))
    assert torch.equal(down.action, up.action)


class Others:
    """The same transitions each time."""

    def __init__(self, transitions):
        self.transitions, self.draws, self.made = transitions, 0, 0

    def __call__(self):
        self.draws += 1
        return self.transitions


def test_a_state_with_made_up_transitions_is_none_of_a_learner_without():
    rng = [torch.Generator().manual_seed(0) for _ in range(2)]
    with_them = DsrlLearner(
        actor_at(0.0), act, recorded(), SHAPE, settings(share=0.25), rng[0], Others(recorded())
    )
    plain = parse(LEARNER, DsrlConfig, "x.yaml")
    without = DsrlLearner(actor_at(0.0), act, recorded(), SHAPE, plain, rng[1])
    for learner in (with_them, without):
        learner.step()
    for learner, other in ((with_them, without), (without, with_them)):
        before = learner.state()
        with pytest.raises(CheckpointError, match=r"state of the round: key 'made.action' is missing or unk"):
            learner.load_state(other.state())
        after = learner.state()
        assert all(torch.equal(before[key].nan_to_num(), value.nan_to_num()) for key, value in after.items())


def test_the_learner_asks_for_others_in_time_and_mixes_in_their_share():
    config, replay = settings(share=0.25), recorded()
    synthetic = Others(replace(replay, condition=torch.full_like(replay.condition, 99.0)))
    rng = torch.Generator().manual_seed(0)
    learner = DsrlLearner(actor_at(0.0), act, replay, SHAPE, config, rng, synthetic)
    terms, asked = [], []
    for _ in range(21):
        terms.append(learner.step())
        asked.append(synthetic.draws)
    assert asked == [1] * 10 + [2] * 10 + [3], "before the steps 1, 11 and 21"
    assert terms[0]["synthetic"] == 60.0
    mixed = learner._mixed(learner._draw(torch.arange(60)), synthetic)
    assert int((mixed.condition == 99.0).sum()) == 5 and len(mixed) == 20


def test_without_it_nothing_changes():
    rng = [torch.Generator().manual_seed(0) for _ in range(2)]
    plain = parse(LEARNER, DsrlConfig, "x.yaml")
    learners = [DsrlLearner(actor_at(0.0), act, recorded(), SHAPE, plain, each) for each in rng]
    assert learners[0].step() == learners[1].step() and "synthetic" not in learners[0].step()


def test_little_that_is_recorded_is_refused_with_the_number():
    with pytest.raises(DataError, match="needs 50 recorded chunks to learn from, there are 40"):
        made_up(replay=recorded(40))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"variant": "sac"}, "synthetic must be left out with variant='sac', which learns from noise"),
        ({"variant": "find"}, "synthetic must be left out with variant='find'"),
        ({"batch_size": 1}, "synthetic.share=0.5 of batch_size=1 must be at least one chunk, and leave one"),
        ({"synthetic": SMALL | {"share": 1.0}}, "share"),
        ({"synthetic": SMALL | {"chunks": 1}}, "chunks"),
        ({"synthetic": SMALL | {"sampler": "rti-3"}}, "sampler"),
    ],
)
def test_settings_that_cannot_work_are_refused_by_name(changes, message):
    with pytest.raises(ConfigError, match=message):
        parse(LEARNER | {"synthetic": SMALL} | changes, DsrlConfig, "x.yaml")
