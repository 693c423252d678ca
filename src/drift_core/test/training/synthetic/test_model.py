"""A trajectory model of a walk whose motion is known."""

import pytest
import torch
from drift_config.errors import ConfigError
from drift_core.denoisers.mlp import MlpConfig
from drift_core.training.synthetic import SyntheticConfig
from drift_core.training.synthetic.experience import Experience
from drift_core.training.synthetic.model import TrajectoryModel

SMALL = SyntheticConfig(
    chunks=2, trajectories=400, steps=250, batch_size=128, lr=4e-3, sampler="ddim-8",
    network=MlpConfig(width=64, blocks=1, step_dim=16),
)  # fmt: skip


def walk(count=150, seed=0):
    """Attempts of three steps: s' = s + a with a = N(-s / 2, 0.3^2); the score is 1 where it ends above 0."""
    rng = torch.Generator().manual_seed(seed)
    parts, seen = [], torch.randn(count, 1, generator=rng)
    for step in range(3):
        push = -0.5 * seen + 0.3 * torch.randn(count, 1, generator=rng)
        last = torch.full((count,), step == 2)
        score = (last & (seen + push > 0.0)[:, 0]).float()
        parts.append(Experience(seen, push[:, None], score, seen + push, last))
        seen = seen + push
    order = torch.arange(3 * count).view(3, count).T.flatten()
    names = ("condition", "action", "reward", "following", "last")
    return Experience(**{name: torch.cat([vars(part)[name] for part in parts]) for name in names}).rows(order)


@pytest.fixture(scope="module")
def model():
    made = TrajectoryModel(walk(), SMALL, torch.Generator().manual_seed(1))
    losses = []
    made.learn(lambda step, loss: losses.append(loss))
    assert len(losses) == 250 and losses[-1] < losses[0] / 2.0
    return made


def low(seen):
    return torch.full((len(seen), 1, 1), -2.0)


def made(model, guidance, wanted=low):
    return model.make(wanted, guidance, torch.Generator().manual_seed(2))


def astray(found):
    """Return by how much it goes elsewhere than its chunk says, root mean square."""
    return (found.condition + found.action[:, 0] - found.following)[~found.last].square().mean().sqrt()


def test_what_is_made_moves_as_what_was_recorded(model):
    found, real = made(model, 0.0), walk()
    assert real.action.std() == pytest.approx(0.45, abs=0.05), "who stood still would be astray by that"
    assert astray(found) < 0.32 and found.action.mean().abs() < 0.1
    assert found.condition.std() > 0.6 * real.condition.std()
    # A trajectory of two begins at any of three steps: one of three has its end first, one of three second.
    assert found.last.sum() / 400 == pytest.approx(2.0 / 3.0, abs=0.15)


def test_guided_chunks_are_nearer_to_what_is_wanted_and_still_move_as_recorded(model):
    plain, guided = made(model, 0.0), made(model, 0.1)
    assert guided.action.mean() < plain.action.mean() - 0.1
    assert astray(guided) < 1.5 * astray(plain)


def test_without_guidance_nobody_asks_what_is_wanted(model):
    def refused(seen):
        raise AssertionError("asked")

    same = made(model, 0.0, refused)
    assert torch.equal(same.action, made(model, 0.0).action)


def test_other_numbers_of_the_generator_make_other_trajectories(model):
    other = model.make(low, 0.0, torch.Generator().manual_seed(3))
    assert not torch.equal(other.condition[:5], made(model, 0.0).condition[:5])


def test_what_is_not_finite_is_refused_by_name():
    broken = TrajectoryModel(walk(), SMALL, torch.Generator().manual_seed(1))
    with torch.no_grad():
        broken._network.leave.weight.fill_(torch.nan)
    with pytest.raises(ConfigError, match="lr=0.004 of the trajectory model must be lower"):
        made(broken, 0.0)


def test_a_sampler_of_one_step_cannot_be_guided():
    with pytest.raises(ValueError, match="sampler='ddim-1' must take two steps or more"):
        SyntheticConfig(sampler="ddim-1")
    assert SyntheticConfig(sampler="ddim-1", guidance=0.0).guidance == 0.0
    assert SyntheticConfig(sampler="ddim-11").sampler == "ddim-11"
