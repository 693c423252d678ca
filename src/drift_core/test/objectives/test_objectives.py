"""An objective weighs and adds what the network says, decides what trains, and reaches every report."""

from dataclasses import replace

import pytest
import torch
from drift_config.errors import ConfigError
from drift_config.loader import parse, to_plain
from drift_core.denoisers import MlpDenoiser
from drift_core.errors import CheckpointError
from drift_core.kinds import one_of
from drift_core.objectives import DENOISING, OBJECTIVES, DenoisingObjective, Objective
from drift_core.policy.batch import Future
from drift_core.training.trainer import Trainer, held_out_loss
from torch import nn
from training_case import CONFIG, FALLING, LEFT, MLP, make_policy, next_batch


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


class GuessDenoiser(MlpDenoiser):
    """An MLP with a further head that guesses from the condition what the robot will see."""

    def __init__(self, config, horizon, action_dim, condition_dim):
        super().__init__(config, horizon, action_dim, condition_dim)
        self.guess = nn.Linear(condition_dim, condition_dim)

    def loss_terms(self, windows, noise):
        terms = super().loss_terms(windows, noise)
        error = (self.guess(windows.condition)[:, None] - windows.future.state) ** 2
        seen = windows.future.mask.to(error)
        return terms | {"guess": (error.mean(dim=-1) * seen).sum() / seen.sum().clamp(min=1.0)}


def guessing_policy():
    policy = make_policy()
    policy.denoiser = GuessDenoiser(MLP, horizon=8, action_dim=2, condition_dim=3)
    return policy


def batch_with_future(generator):
    batch = next_batch(generator)
    mask = torch.ones(8, 1, dtype=torch.bool)
    mask[4:] = False
    return replace(batch, future=Future(batch.frame_index[:, -1:], 0.5 * batch.state, mask))


class DenoiserOnly(DenoisingObjective):
    """Trains the first layer alone."""

    def trained(self, policy):
        return policy.denoiser.enter


def test_terms_are_weighted_and_added():
    terms = {"a": torch.tensor(2.0), "b": torch.tensor(3.0), "c": torch.tensor(10.0)}
    objective = DenoisingObjective(weights={"b": 0.5, "c": 0.0})
    assert objective.combine(terms).item() == 2.0 + 1.5 + 0.0
    assert DENOISING.combine({"a": terms["a"]}) is terms["a"]


def test_a_weight_that_belongs_to_no_term_is_refused():
    with pytest.raises(ConfigError, match=r"weights=\['d'\] of the objective must be of its terms: \['a'\]"):
        DenoisingObjective(weights={"d": 1.0}).combine({"a": torch.tensor(1.0)})


def test_an_objective_is_read_from_the_train_file_and_written_back():
    objective = one_of(OBJECTIVES)
    data = {"kind": "denoising", "weights": {"guess": 0.1}, "future_steps": [4, 8]}
    data |= {"returns": False, "unlabelled": False}
    read = parse(data, objective, "x.yaml")
    assert read == DenoisingObjective({"guess": 0.1}, (4, 8)) and to_plain(read) == data
    with pytest.raises(ConfigError, match=r"future_steps\[0\]=0 must be greater than or equal to 1"):
        parse({**data, "future_steps": [0]}, objective, "x.yaml")
    with pytest.raises(ConfigError, match=r"weights\.guess=-1\.0 must be greater than or equal to 0"):
        parse({**data, "weights": {"guess": -1.0}}, objective, "x.yaml")


def test_the_terms_of_a_further_head_are_trained_and_reported():
    policy = guessing_policy()
    before = policy.denoiser.guess.weight.detach().clone()
    objective = DenoisingObjective(weights={"guess": 0.25}, future_steps=(1,))
    trainer = Trainer(policy, CONFIG, FALLING, generator(), LEFT, objective=objective)
    seen = []
    report = trainer.run(batch_with_future, on_step=seen.append)
    for at in seen:
        assert at.terms.keys() == {"denoising", "guess"}
        assert at.loss == pytest.approx(at.terms["denoising"] + 0.25 * at.terms["guess"], rel=1e-6)
    last = seen[-4:]  # a tenth of 40 steps
    assert report.mean_terms["guess"] == pytest.approx(sum(at.terms["guess"] for at in last) / 4)
    merged = trainer.merged_policy()
    assert not torch.equal(merged.denoiser.guess.weight, before)
    found = held_out_loss(merged, [batch_with_future(generator(1))], seed=0, objective=objective)
    assert found.total == pytest.approx(found.terms["denoising"] + 0.25 * found.terms["guess"], rel=1e-6)


def test_a_weight_of_zero_leaves_a_head_as_it_is():
    policy = guessing_policy()
    before = policy.denoiser.guess.weight.detach().clone()
    objective = DenoisingObjective(weights={"guess": 0.0})
    config = replace(CONFIG, weight_decay=0.0)
    trainer = Trainer(policy, config, None, generator(), objective=objective)
    trainer.run(batch_with_future)
    assert torch.equal(trainer.merged_policy().denoiser.guess.weight, before)


@pytest.mark.parametrize("modulation", [None, LEFT])
def test_what_the_objective_does_not_train_stays_as_it_is_to_the_bit(modulation):
    policy = make_policy()
    before = {name: value.clone() for name, value in policy.state_dict().items()}
    schedule = None if modulation is None else FALLING
    trainer = Trainer(policy, CONFIG, schedule, generator(), modulation, objective=DenoiserOnly())
    trainer.run(next_batch)
    after = trainer.merged_policy().state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    inside = {name for name in changed if name.startswith("denoiser.enter.")}
    assert inside == {"denoiser.enter.weight", "denoiser.enter.bias"}
    rest = {name for name in before if name not in inside}
    for name in rest:
        torch.testing.assert_close(after[name], before[name], rtol=0.0, atol=1e-6)  # merged from factors
    if modulation is None:
        assert changed == inside


def test_a_trainer_goes_on_to_the_bit_with_its_objective():
    objective = DenoisingObjective(weights={"guess": 0.25})
    whole = Trainer(guessing_policy(), CONFIG, FALLING, generator(), LEFT, objective=objective)
    whole.run(batch_with_future, 20)
    state = whole.state_dict()
    resumed = Trainer(guessing_policy(), CONFIG, FALLING, generator(9), LEFT)
    resumed.load_state_dict(state)
    assert resumed.objective == objective
    losses = [[], []]
    for trainer, found in zip((whole, resumed), losses, strict=True):
        trainer.run(batch_with_future, 5, lambda at, found=found: found.append(at.loss))
    assert losses[0] == losses[1]


def test_a_state_from_before_there_were_objectives_denoises():
    trainer = Trainer(make_policy(), CONFIG, FALLING, generator(), LEFT)
    state = trainer.state_dict()
    assert state.info.pop("objective")["kind"] == "denoising"
    trainer.load_state_dict(state)
    assert trainer.objective == DENOISING


def test_a_state_that_freezes_what_the_objective_trains_is_refused():
    trainer = Trainer(make_policy(), CONFIG, None, generator())
    state = trainer.state_dict()
    state.info["frozen"] = ["denoiser.enter.weight"]
    with pytest.raises(CheckpointError, match=r"frozen=\['denoiser.enter.weight'\] must be parameters of"):
        trainer.load_state_dict(state)


def test_an_objective_has_to_say_where_its_terms_come_from():
    with pytest.raises(TypeError, match="abstract"):
        Objective()
