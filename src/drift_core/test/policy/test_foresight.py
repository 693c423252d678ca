"""How far what is seen lies from what was foreseen, with a forecast that is known."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from drift_config.errors import ConfigError
from drift_core.denoisers import JointConfig
from drift_core.denoisers.joint import StateConfig
from drift_core.objectives import DenoisingObjective
from drift_core.observation.assembler import Assembler
from drift_core.observation.spec import Observation, ObservationSpec
from drift_core.policy.batch import Future
from drift_core.policy.foresight import Foresight
from drift_core.policy.loop import Actor, PolicyLoop
from drift_core.policy.pace import Pace
from drift_core.training.trainer import Trainer
from training_case import CONFIG, make_policy, next_batch

CHUNK = np.zeros((8, 2), np.float32)


def foreseeing_policy(mask="droppable"):
    config = JointConfig(
        mask=mask, modalities=(StateConfig(),), future_steps=(2, 5), width=16, heads=2, blocks=1, step_dim=8
    )
    return make_policy(config)


def observation(t_ref_s, value):
    return Observation(t_ref_s, {}, np.full((1, 3), value, np.float32), t_ref_s)


@pytest.fixture
def foresight(monkeypatch):
    """Return one whose network says, every 0.1 s, that each number will be one more in each step."""
    made = Foresight(policy := foreseeing_policy())
    said = torch.tensor([2.0, 5.0])[None, :, None].expand(1, 2, 3)
    monkeypatch.setattr(policy.denoiser, "foresee", lambda condition, actions, train_steps: said)
    return made


def test_the_first_observation_cannot_be_compared(foresight):
    assert foresight.look(observation(1.0, 0.0), CHUNK) is None and foresight.error is None


@pytest.mark.parametrize(
    "later_s, value, error",
    [
        (0.2, 2.0, 0.0),
        (0.1, 1.0, 0.0),  # half of the way from what was seen
        (0.35, 3.0, 0.25),  # 3.5 was foreseen
        (0.5, 7.0, 4.0),
    ],
)
def test_the_error_is_the_mean_square_of_the_way_to_what_was_foreseen(foresight, later_s, value, error):
    foresight.look(observation(1.0, 0.0), CHUNK)
    assert foresight.look(observation(1.0 + later_s, value), CHUNK) == pytest.approx(error, abs=1e-5)
    assert foresight.error == pytest.approx(error, abs=1e-5)


def test_what_comes_too_late_or_again_was_not_foreseen(foresight):
    for t_ref_s in (1.0, 1.51, 1.51):
        assert foresight.look(observation(t_ref_s, 0.0), CHUNK) is None


def test_after_a_look_that_failed_nobody_knows_the_error_and_the_next_one_compares_again(foresight):
    foresight.look(observation(1.0, 0.0), CHUNK)
    foresight.look(observation(1.2, 3.0), CHUNK)
    assert foresight.error == pytest.approx(1.0)
    with pytest.raises(RuntimeError):
        foresight.look(Observation(1.4, {}, np.zeros((1, 4), np.float32), 1.4), CHUNK)  # of another arm
    assert foresight.error is None
    assert foresight.look(observation(1.4, 4.0), CHUNK) == pytest.approx(4.0)  # 2 was foreseen


def test_a_policy_that_foresees_nothing_is_refused_by_name():
    with pytest.raises(ConfigError, match="foresight=true needs a policy that foresees .* is of kind 'mlp'"):
        Foresight(make_policy())


def test_a_trained_policy_is_less_surprised_by_what_follows_from_the_state_than_by_another():
    """Two steps later each number has moved by as much as the first one says, five later by twice that."""

    def batch(generator):
        seen = next_batch(generator)
        moved = seen.state + torch.tensor([1.0, 2.0])[None, :, None] * seen.state[..., :1]
        there = torch.ones(8, 2, dtype=torch.bool)
        return replace(seen, future=Future(seen.frame_index.expand(-1, 2), moved, there))

    config = replace(CONFIG, steps=100, lr=5e-3)
    objective = DenoisingObjective()
    trainer = Trainer(foreseeing_policy(), config, None, torch.Generator().manual_seed(0), None, objective)
    trainer.run(batch)
    policy = trainer.merged_policy(averaged=False)

    def surprise(state, later):
        foresight = Foresight(policy)
        foresight.look(Observation(1.0, {}, np.array([state], np.float32), 1.0), CHUNK)
        return foresight.look(Observation(1.2, {}, np.array([later], np.float32), 1.2), CHUNK)

    expected = surprise([1.0, 0.0, -0.5], [2.0, 1.0, 0.5])
    stuck = surprise([1.0, 0.0, -0.5], [1.0, 0.0, -0.5])
    assert expected < 0.5 * stuck


def make_loop(foresees):
    spec = ObservationSpec((), state_dim=3, observation_steps=1, dt_s=0.1)
    assembler = Assembler(spec, lambda q, opening_m: q, {})
    pace = Pace(replan_steps=2, dt_s=0.1, idle_period_s=0.2)
    loop = PolicyLoop(assembler, pace, True, torch.Generator().manual_seed(0), foresees)
    loop.put_gate(1, True)
    return loop


def drive(loop, actor, stamps_s):
    """Return the chunks of observations at these times."""
    chunks = []
    for time_s in stamps_s:
        loop.put_joints(np.full(3, time_s), 0.0, time_s, time_s)
        data = loop.begin(actor, time_s, 0.0).run()
        chunks.append(loop.finish(data, 0.0).data)
        if foreseeing := loop.foreseeing():
            foreseeing.run()
    return chunks


def test_the_loop_compares_each_chunk_with_the_last_and_changes_none_by_it():
    policy = foreseeing_policy("published")
    chunks, stamps_s = [], (1.0, 1.2, 1.4)
    for foresees in (False, True):
        loop = make_loop(foresees)
        chunks.append(drive(loop, Actor(policy, policy.make_sampler("ddim-2"), 1), stamps_s))
        assert (loop.future_error is not None) is foresees
        assert loop.foreseeing() is None
    np.testing.assert_array_equal(chunks[0], chunks[1])
    loop.put_joints(np.full(3, 1.6), 0.0, 1.6, 1.6)
    loop.begin(Actor(policy, policy.make_sampler("ddim-2"), 1), 1.6, 0.0)
    loop.fail()
    assert loop.future_error is None  # what is seen now was not looked at
    drive(loop, actor := Actor(policy, policy.make_sampler("ddim-2"), 1), (1.7,))
    assert loop.future_error is None  # a chunk that does not go on from the last one
    drive(loop, actor, (1.8,))
    assert loop.future_error is not None
    loop.put_gate(2, True)  # the expert has driven meanwhile
    assert loop.future_error is None
    drive(loop, Actor(policy, policy.make_sampler("ddim-2"), 1), (1.9,))
    assert loop.future_error is None
