from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from drift_config.errors import ConfigError
from drift_control.arms import ARMS
from drift_core.episodes import StepSource, read_episode
from drift_core.errors import ShapeError
from drift_core.policy.policy import NonFiniteError
from drift_sim.environments.arm_cell import ArmCell
from drift_sim.policy_driver import PolicyPace
from drift_sim.shell import START_S, Shell

SIMULATED = [name for name, arm in ARMS.items() if arm.dynamics is not None]
PACE = PolicyPace(replan_steps=8, realtime_chunking=False, inference_s=0.05, idle_rate_hz=1.0)


@pytest.fixture(scope="module")
def make_shell(robots, within_reach, joystick, gate_config):
    """Return a shell by arm and task; all are closed at the end."""
    shells = {}

    def make(robot, task):
        if (robot, task) not in shells:
            cell = ArmCell(robots[robot], within_reach(task, robot), gate_config, joystick)
            shells[robot, task] = Shell(cell)
        return shells[robot, task]

    yield make
    for shell in shells.values():
        shell.close()


class HoldPolicy:
    """Stands in for a policy that has learned to do nothing."""

    def __init__(self, spec, horizon):
        self.config = SimpleNamespace(observation=spec)
        self.horizon, self.t_refs_s = horizon, []

    def serve(self, task):
        """It knows one task."""

    def act(self, observation, sampler, generator, prefix=None, encode=None):
        self.t_refs_s.append(observation.t_ref_s)
        return np.tile(observation.state[-1, :10], (self.horizon, 1))


def hold_policy(shell):
    return HoldPolicy(shell.task.observation_spec(shell.environment.robot.n_joints), shell.task.horizon)


SAMPLER = SimpleNamespace(reset=lambda: None, called="none", latent=None)


@pytest.mark.parametrize("task", ["place", "insert"])
@pytest.mark.parametrize("robot", SIMULATED)
def test_the_expert_succeeds_through_joystick_gate_and_guard(robot, task, make_shell):
    shell = make_shell(robot, task)
    expert = shell.expert("demonstrate")
    results = [shell.run_episode(seed, expert=expert) for seed in range(6)]
    assert sum(result.success for result in results) >= 6 - (task == "insert")
    assert all(3.0 < result.duration_s < 9.0 for result in results if result.success)
    assert all(result.hold_steps <= 3 for result in results)


def test_a_goal_that_moves_is_followed_by_the_expert(make_shell):
    shell = make_shell("panda", "place")
    expert = shell.expert("demonstrate")
    shell.run_episode(0, expert=expert)
    usual = shell.environment.world.truth()
    result = shell.run_episode(0, expert=expert, goal_moves_s=2.0)
    moved = shell.environment.world.truth()
    assert result.success
    np.testing.assert_allclose(np.abs(moved.goal.position - usual.goal.position), [0.07, 0.05, 0.0])
    on_the_disc = (moved.object.position - moved.goal.position)[:2]
    assert np.linalg.norm(on_the_disc) < shell.environment.world.scene.config.success.xy_m


def test_two_runs_agree_to_the_bit(robots, tasks, joystick, gate_config, tmp_path):
    episodes = []
    for run in range(2):
        shell = Shell(ArmCell(robots["panda"], tasks["place"], gate_config, joystick))
        if run:  # what ran before must not matter
            shell.run_episode(11, expert=shell.expert("demonstrate"))
        writer = shell.writer(tmp_path / str(run), "e", 4, "demonstration")
        result = shell.run_episode(4, expert=shell.expert("demonstrate"), writer=writer, tail_s=0.3)
        episodes.append(read_episode(result.path))
        shell.close()
    first, second = episodes
    for name in ("stamp_s", "commanded", "measured", "action", "guard_flags", "source"):
        np.testing.assert_array_equal(getattr(first.steps, name), getattr(second.steps, name))
    np.testing.assert_array_equal(first.joints.positions_rad, second.joints.positions_rad)
    for camera in ("front", "wrist"):
        assert list(first.frames[camera].encoded) == list(second.frames[camera].encoded)


def test_a_recorded_demonstration_holds_what_the_nodes_would_have_recorded(make_shell, tmp_path):
    shell = make_shell("panda", "place")
    writer = shell.writer(tmp_path, "demo-1", 1, "demonstration")
    result = shell.run_episode(1, expert=shell.expert("demonstrate"), writer=writer, tail_s=0.4)
    episode = read_episode(result.path)
    assert (episode.meta.outcome, episode.meta.score) == ("success", 1.0)
    assert episode.meta.seed == 1
    assert len(episode.steps) == result.steps == pytest.approx(50 * (result.duration_s + 0.4), abs=1)
    assert np.all(np.diff(episode.steps.seq) == 1)
    assert np.mean(episode.steps.source == StepSource.EXPERT) > 0.98
    front = episode.frames["front"]
    assert front.stamp_s[0] == START_S
    np.testing.assert_allclose(np.diff(front.stamp_s), 0.1, atol=1e-9)
    np.testing.assert_allclose(front.arrival_s - front.stamp_s, 0.02, atol=1e-9)
    np.testing.assert_allclose(np.diff(episode.joints.stamp_s), 0.01, atol=1e-9)


def test_a_policy_that_does_nothing_is_helped_until_it_succeeds(make_shell, tmp_path):
    shell = make_shell("panda", "place")
    policy, expert = hold_policy(shell), shell.expert("correct")
    writer = shell.writer(tmp_path, "helped", 2, "intervention")
    result = shell.run_episode(2, policy=policy, sampler=SAMPLER, expert=expert, pace=PACE, writer=writer)
    assert result.success
    assert result.interventions >= 2
    assert all(reason.startswith("stalls") for reason in result.reasons)
    assert 0 < result.expert_steps < result.steps
    # what it wanted meanwhile is kept: its chunks, and at each step what they say, which is to stay there
    episode = read_episode(result.path)
    steps, chunks = episode.steps, episode.chunks
    assert chunks.id.tolist() == list(range(1, result.chunks + 1)) and set(chunks.sampler) == {"none"}
    by_expert = steps.source == StepSource.EXPERT
    during = np.isin(chunks.id, steps.proposed_chunk_id[by_expert]) & ~np.isin(chunks.id, steps.chunk_id)
    assert during.sum() > 0.8 * PACE.idle_rate_hz * by_expert.sum() / 50
    assert not steps.chunk_id[by_expert].any(), "none of them was executed"
    known = by_expert & (steps.proposed_chunk_id > 0)
    assert known.sum() > 0.95 * by_expert.sum()
    at = int(np.flatnonzero(known)[-1])
    chunk = chunks.data[int(np.flatnonzero(chunks.id == steps.proposed_chunk_id[at])[0])]
    np.testing.assert_allclose(steps.proposed[at], chunk[0], atol=1e-6)


def test_by_the_cosine_an_expert_helps_a_policy_that_stands_still(robots, tasks, joystick, gate_config):
    task = tasks["place"]
    scene = {**task.scene, "expert": {**task.scene["expert"], "cosine_threshold": 0.5}}
    shell = Shell(ArmCell(robots["panda"], replace(task, scene=scene), gate_config, joystick))
    try:
        policy, expert = hold_policy(shell), shell.expert("correct")
        result = shell.run_episode(2, policy=policy, sampler=SAMPLER, expert=expert, pace=PACE)
    finally:
        shell.close()
    assert result.success
    assert result.interventions >= 2
    assert {reason.partition(":")[0] for reason in result.reasons} == {"disagrees", "stalls"}


def test_a_policy_alone_that_does_nothing_fails_when_the_time_is_over(make_shell, tmp_path):
    shell = make_shell("panda", "place")
    policy = hold_policy(shell)
    writer = shell.writer(tmp_path, "idle", 2, "evaluation")
    result = shell.run_episode(2, policy=policy, sampler=SAMPLER, pace=PACE, writer=writer)
    assert not result.success
    assert result.score == read_episode(result.path).meta.score == pytest.approx(0.0, abs=1e-3)
    assert result.duration_s == pytest.approx(shell.task.max_duration_s)
    assert result.interventions == 0
    # Eight steps of a chunk are used before the next one is computed.
    np.testing.assert_allclose(np.diff(policy.t_refs_s), 0.8, atol=1e-9)


def test_a_picture_is_drawn_when_the_policy_looks_at_it_and_no_other_one(make_shell, monkeypatch):
    shell = make_shell("panda", "place")
    policy, cameras, drawn = hold_policy(shell), shell.environment.world._cameras, []
    render = cameras.render
    monkeypatch.setattr(cameras, "render", lambda *args: drawn.append(args[1]) or render(*args))
    shell.run_episode(2, policy=policy, sampler=SAMPLER, pace=PACE)
    assert drawn == ["front", "wrist"] * len(policy.t_refs_s)  # of 200 pictures each


def test_an_output_that_is_not_finite_is_counted_and_the_next_observation_is_tried(make_shell, monkeypatch):
    shell = make_shell("panda", "place")
    policy = hold_policy(shell)
    act, stamps_s = policy.act, []

    def act_or_fail(observation, *rest):
        stamps_s.append(observation.t_ref_s)
        if len(stamps_s) == 3:
            raise NonFiniteError("the network's output must be finite, got NaN or infinity")
        return act(observation, *rest)

    monkeypatch.setattr(policy, "act", act_or_fail)
    result = shell.run_episode(2, policy=policy, sampler=SAMPLER, pace=PACE)
    # every 0.8 s; the observation after the failed one came before its 0.05 s were over
    np.testing.assert_allclose(np.diff(stamps_s)[:4], [0.8, 0.8, 0.1, 0.8], atol=1e-9)
    assert (result.failures, result.chunks) == (1, len(stamps_s) - 1)


def test_any_other_error_of_a_policy_ends_the_episode(make_shell, monkeypatch):
    shell = make_shell("panda", "place")
    policy = hold_policy(shell)

    def refuse(*args):
        raise ShapeError("state must be (1, 2, 3)")

    monkeypatch.setattr(policy, "act", refuse)
    with pytest.raises(ShapeError, match="state must be"):
        shell.run_episode(2, policy=policy, sampler=SAMPLER, pace=PACE)


def test_a_policy_needs_a_sampler_and_a_pace(make_shell):
    shell = make_shell("panda", "place")
    with pytest.raises(ConfigError, match="sampler and pace"):
        shell.run_episode(0, policy=hold_policy(shell))


def test_every_control_step_is_told_with_what_the_policy_asked_for(make_shell):
    shell = make_shell("panda", "place")
    ticks = []
    result = shell.run_episode(2, policy=hold_policy(shell), sampler=SAMPLER, pace=PACE, on_tick=ticks.append)
    assert len(ticks) == result.steps
    driven = [tick for tick in ticks if tick.source == StepSource.POLICY]
    assert len(driven) > 0.98 * len(ticks)
    assert all(tick.reference.shape == (7,) for tick in driven)
