"""Attempts in branches in a simulation: of a point, and of an arm."""

import numpy as np
import pytest
import torch
from drift.configuration import config_file
from drift.errors import UserError
from drift.exploring import explorer
from drift.named_task import named_task
from drift_control.robot.robot import load_robot
from drift_core.policy.policy import DiffusionPolicy
from drift_core.training.config import load_train_file
from drift_core.training.rounds.b2 import branching


def new_policy(task, n_joints, train):
    torch.manual_seed(0)
    file = load_train_file(config_file("train", train))
    return DiffusionPolicy(file.policy_config(task, n_joints)).eval()


def test_an_attempt_at_the_fork_is_made_of_branches_of_each_chunk():
    task = named_task("fork")
    policy = new_policy(task, 0, "demo")
    sampler = branching(policy, "ddim-4")
    sampler.begin(1, 2, free=2)
    # an untrained policy fails somewhere on the way, which gives at most half
    assert 0.0 <= explorer("panda", task)(policy, sampler, 7) <= 0.5
    updates = sampler.take()
    assert len(updates) >= 2 and len(updates) % 2 == 0, "two noisy updates in each chunk"
    assert all(update.condition.shape == updates[0].condition.shape for update in updates)


def test_each_chunk_of_an_attempt_at_the_fork_begins_from_other_noise_and_a_repeated_attempt_from_the_same():
    class Standing:
        """A policy that stays where it is, and notes the noise that it is given."""

        def act(self, seen, sampler, generator):
            drawn.append(float(torch.randn((), generator=generator)))
            return np.tile(seen.state[-1], (8, 1))

    attempts = []
    for seed in (7, 8, 7):
        drawn = []
        explorer("panda", named_task("fork"))(Standing(), None, seed)
        attempts.append(drawn)
    one, other, again = attempts
    assert len(one) > 2 and len(set(one + other)) == len(one) + len(other)
    assert one == again


def test_an_attempt_of_an_arm_is_repeated_to_the_bit():
    task = named_task("place")
    policy = new_policy(task, load_robot(config_file("robot", "panda")).n_joints, "smoke")
    sampler, found, scores = branching(policy, "ddim-2"), [], []
    explore = explorer("panda", task)
    for _ in range(2):
        sampler.begin(1, 2, free=1)
        scores.append(explore(policy, sampler, 7))
        found.append(sampler.take())
    assert scores[0] == scores[1] <= 0.5, "an untrained policy places nothing"
    assert len(found[0]) == len(found[1]) > 5
    assert all(torch.equal(one.x_next, other.x_next) for one, other in zip(*found, strict=True))


def test_attempts_are_made_at_one_task():
    with pytest.raises(UserError, match=r"task=place\+insert must be one task"):
        explorer("panda", named_task("place+insert"))
