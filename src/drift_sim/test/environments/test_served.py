"""Environments in processes of their own: episodes through gate, recorder and policy, and ways to fail."""

import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tiny_environment
from drift_config.errors import ConfigError
from drift_core.data.cutter import WindowCutter
from drift_core.episodes import EpisodeStore, read_episode
from drift_sim.environments.child import Child, EnvironmentFault
from drift_sim.environments.served import ServedEnvironment
from drift_sim.environments.setting import Setting
from drift_sim.errors import SimulationError
from drift_sim.expert.vector import TakeOver
from drift_sim.policy_driver import PolicyPace
from drift_sim.shell import Shell

PROGRAM = Path(tiny_environment.__file__)
PACE = PolicyPace(replan_steps=4, realtime_chunking=False, inference_s=0.0, idle_rate_hz=1.0)
SAMPLER = SimpleNamespace(reset=lambda: None, called="none", latent=None)
SETTING = Setting(horizon=8, observation_steps=2, action_steps=4)


@pytest.fixture
def serve():
    """Return a shell of a task of the tiny environment; all are ended."""
    shells = []

    def make(task, images=False, limit_s=30.0, **setting):
        command = [sys.executable, PROGRAM, task, "images" if images else "state"]
        environment = ServedEnvironment(
            lambda: Child(command, f"tiny {task}", limit_s), "tiny", replace(SETTING, **setting)
        )
        shells.append(Shell(environment))
        return shells[-1]

    yield make
    for shell in shells:
        shell.close()


class Straight:
    """Stands in for a policy: moves by `step` (2,) each step."""

    def __init__(self, shell, step):
        self.config = SimpleNamespace(observation=shell.task.observation_spec(0))
        self.step, self.seen = np.array(step, np.float32), []

    def serve(self, task):
        """It knows one task."""

    def act(self, observation, sampler, generator, prefix=None, encode=None):
        self.seen.append(observation)
        return np.tile(self.step, (8, 1))


def test_a_demonstration_succeeds_and_its_labels_are_what_was_done_from_each_state(serve, tmp_path):
    shell = serve("reach")
    writer = shell.writer(tmp_path, "e", 5, "demonstration")
    result = shell.run_episode(5, expert=shell.expert("demonstrate", 5), writer=writer)
    # at most 0.1 a step and entry from [-0.5, 0] to 0.5 and -0.5: five to ten steps, a few more with a tremor
    assert result.success
    assert 5 <= result.steps <= 14
    assert result.expert_steps == result.steps
    episode = read_episode(result.path)
    assert (episode.meta.robot, episode.meta.task) == ("point", "tiny")
    windows = WindowCutter(EpisodeStore(tmp_path), None, shell.task)("e")
    moved = np.diff(windows.state[:, -1], axis=0)
    np.testing.assert_allclose(windows.actions[:-1, 0], moved, atol=1e-6)


def test_what_each_step_earned_is_recorded_where_the_task_says_so(serve, tmp_path):
    for task in ("rewards", "reach"):
        shell = serve(task)
        writer = shell.writer(tmp_path, task, 5, "demonstration")
        shell.run_episode(5, expert=shell.expert("demonstrate", 5), writer=writer)
    episode, without = (read_episode(tmp_path / task) for task in ("rewards", "reach"))
    assert without.rewards is None and not (tmp_path / "reach" / "rewards.arrow").exists()
    # less the distance to (0.5, -0.5) after the step, which the next reading sees
    distance = np.linalg.norm(episode.joints.positions_rad - [0.5, -0.5], axis=1)
    assert len(episode.rewards) == len(episode.steps)
    np.testing.assert_allclose(episode.rewards.reward[:-1], -distance[1:], atol=1e-12)
    assert episode.rewards.reward[-1] > -0.02, "the last step has succeeded"
    np.testing.assert_allclose(episode.rewards.stamp_s[:-1], episode.joints.stamp_s[1:], atol=1e-9)


def test_an_episode_depends_on_its_seed_alone(serve):
    shell = serve("reach")
    expert = shell.expert("demonstrate")
    first, _, again = (shell.run_episode(seed, expert=expert) for seed in (1, 2, 1))
    assert first == again


def test_a_policy_that_goes_the_wrong_way_is_corrected_after_five_steps(serve, tmp_path):
    shell = serve("reach")
    expert, policy = shell.expert("correct"), Straight(shell, [-0.1, 0.1])
    result = shell.run_episode(3, policy=policy, sampler=SAMPLER, expert=expert, pace=PACE)
    assert result.success
    assert result.interventions == 1
    assert result.reasons == ("disagrees: moves elsewhere than the expert would",)
    # one held step until the first chunk, which a step later is known to lead elsewhere, five times in a row
    assert result.steps - result.expert_steps == 1 + 5


def test_a_policy_that_does_what_the_expert_would_is_left_alone(serve):
    shell = serve("reach")
    result = shell.run_episode(
        3, policy=Straight(shell, [0.1, -0.1]), sampler=SAMPLER, expert=shell.expert("correct"), pace=PACE
    )
    assert result.interventions <= 1  # one entry arrives first, and the policy goes on
    assert result.steps > result.expert_steps


def test_of_a_policy_that_waits_only_the_frames_that_it_looks_at_are_drawn(serve):
    shell = serve("reach", images=True)
    policy = Straight(shell, [0.0, 0.0])
    result = shell.run_episode(3, policy=policy, sampler=SAMPLER, pace=PACE)
    assert (result.success, result.steps) == (False, 40)
    # a chunk every four steps looks at two frames; each was drawn when its turn had come
    assert {observation.images["top"].shape for observation in policy.seen} == {(2, 8, 6, 3)}
    drawn = policy.seen[-1].images["top"][-1, 0, 0, 0]
    assert 2 * len(policy.seen) - 1 <= drawn <= 2 * len(policy.seen) + 2
    assert len(policy.seen) == pytest.approx(40 / 4, abs=1)


def test_a_policy_that_gets_the_task_back_goes_on_as_soon_whether_it_is_recorded_or_not(serve, tmp_path):
    shell = serve("reach", images=True, take_over=TakeOver(patience_steps=2, hand_back_steps=3))
    writer = shell.writer(tmp_path, "e", 3, "evaluation")

    def run(writer=None):
        policy, expert = Straight(shell, [-0.1, 0.1]), shell.expert("correct")
        return shell.run_episode(3, policy=policy, sampler=SAMPLER, expert=expert, pace=PACE, writer=writer)

    seen, recorded = run(), run(writer)
    assert seen.interventions > 1
    assert replace(recorded, path=None) == seen


def test_an_episode_that_succeeds_at_its_very_end_has_its_tail_too(serve):
    steps = serve("reach").run_episode(5, expert=serve("reach").expert("demonstrate", 5)).steps
    shell = serve("reach", max_steps=steps)
    result = shell.run_episode(5, expert=shell.expert("demonstrate", 5), tail_s=0.5)
    assert (result.success, result.fault, result.duration_s) == (True, "", pytest.approx(0.1 * steps))
    assert result.steps == steps + 5, "half a second of 0.1 s steps, past the longest duration"


def test_a_study_may_make_episodes_shorter_but_not_longer_than_the_task_has_them(serve):
    shell = serve("reach", max_steps=10)
    result = shell.run_episode(3)
    assert (result.success, result.steps) == (False, 10)
    with pytest.raises(ConfigError, match="max_steps=41 must be at most 40, that of tiny"):
        serve("reach", max_steps=41)


FAULTS = {
    "crash": "ended during act, by SIGSEGV",
    "raise": "ended during act, with exit code 1; it said: RuntimeError: the physics exploded",
    "shapes": r"must give state as \(2,\) finite numbers, got \(5,\) float64",
    "infinite": r"must give state as \(2,\) finite numbers, got \(2,\) float64, not finite",
    "slow": "gave no answer to act within 3 s",
    "priceless": r"must give reward as \(1,\) finite numbers, got \(1,\) float64, not finite",
    "garbage": "answered act with what is no message",
}


@pytest.mark.parametrize("task", FAULTS)
def test_a_fault_of_the_environment_is_one_failed_episode_that_names_it(task, serve, tmp_path):
    shell = serve(task, limit_s=3.0 if task == "slow" else 30.0)
    writer = shell.writer(tmp_path, "e", 0, "demonstration")
    result = shell.run_episode(0, expert=shell.expert("demonstrate"), writer=writer)
    assert (result.success, result.outcome, result.steps) == (False, "failure", 3)
    assert result.fault.startswith(f"environment tiny {task} ")
    with pytest.raises(EnvironmentFault, match=FAULTS[task]):
        raise EnvironmentFault(result.fault)
    assert len(read_episode(result.path).steps) == 3  # what was done until then is kept
    assert task == "slow" or shell.run_episode(1).fault == result.fault  # in a new process


def test_a_picture_of_the_wrong_size_is_named(serve, tmp_path):
    shell = serve("picture", images=True)
    result = shell.run_episode(0, writer=shell.writer(tmp_path, "e", 0, "evaluation"))
    assert "must draw top as (8, 6, 3) uint8, got (8, 5, 3) uint8" in result.fault


def test_an_unknown_task_is_named_with_those_that_there_are(serve):
    with pytest.raises(ConfigError, match="task=fly of tiny must be one of: reach, crash"):
        serve("fly")


def test_a_program_that_is_no_environment_is_named():
    command = [sys.executable, "-c", "raise SystemExit('no such thing')"]
    with pytest.raises(EnvironmentFault, match="environment none ended during start, .* 1; it said: no such"):
        ServedEnvironment(lambda: Child(command, "none", 30.0), "none")


def test_a_goal_that_cannot_be_moved_is_said(serve):
    with pytest.raises(SimulationError, match="the goal of tiny cannot be moved"):
        serve("reach").run_episode(0, goal_moves_s=0.1)
