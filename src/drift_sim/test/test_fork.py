import numpy as np
from drift_sim.scenes.fork import Fork, Way, demonstrate, rollout


def test_demonstrations_succeed_and_use_both_ways(tasks):
    runs = [demonstrate(tasks["fork"], seed) for seed in range(40)]
    assert all(run.success for run in runs)
    left = sum(run.way is Way.LEFT for run in runs)
    assert 10 <= left <= 30


def test_the_same_seed_gives_the_same_demonstration(tasks):
    first, second = demonstrate(tasks["fork"], 3), demonstrate(tasks["fork"], 3)
    np.testing.assert_array_equal(first.actions, second.actions)


def test_the_mean_of_both_ways_hits_the_obstacle(tasks):
    fork = Fork(tasks["fork"])
    position = fork.reset(0)
    while not fork.done:
        position = fork.step(position + [0.04, 0.0])
    assert fork.crashed
    assert not fork.episode().success


def test_an_attempt_that_fails_has_half_of_the_share_of_its_way_as_score(tasks):
    fork = Fork(tasks["fork"])
    start = fork.reset(0)
    assert fork.episode().score == 0.0
    goal = np.array([1.0, 0.0])
    for _ in range(5):
        fork.step(goal)  # 0.04 m each, straight to the goal
    distance = np.linalg.norm(goal - start)
    np.testing.assert_allclose(fork.episode().score, 0.5 * 0.2 / distance, rtol=1e-9)
    fork.step(start - [1.0, 0.0])
    assert fork.episode().score < 0.5 * 0.2 / distance, "where it ends counts"
    assert demonstrate(tasks["fork"], 0).score == 1.0


def test_the_point_moves_no_faster_than_its_limit(tasks):
    fork = Fork(tasks["fork"])
    start = fork.reset(0)
    moved = fork.step(start + [10.0, 0.0])
    np.testing.assert_allclose(moved - start, [0.04, 0.0])  # 0.4 m/s for 0.1 s


def test_a_rollout_executes_the_first_action_steps_of_each_chunk(tasks):
    task = tasks["fork"]
    seen = []

    def go_left(observation):
        seen.append(observation.state[-1].copy())
        start = observation.state[-1].astype(float)
        return start + np.arange(1, task.horizon + 1)[:, None] * [0.02, 0.02]

    run = rollout(task, 0, go_left)
    np.testing.assert_allclose(seen[1] - seen[0], [0.16, 0.16], atol=1e-6)  # eight steps of 0.02
    assert not run.success
    assert run.way is Way.LEFT


def test_a_point_can_be_put_to_the_other_side_within_a_rollout(tasks):
    task = tasks["fork"]
    seen = []

    def go_left(observation):
        seen.append(observation.state[-1].copy())
        start = observation.state[-1].astype(float)
        return start + np.arange(1, task.horizon + 1)[:, None] * [0.02, 0.02]

    rollout(task, 0, go_left, mirror_step=8)
    np.testing.assert_allclose(seen[1], [seen[0][0] + 0.16, -(seen[0][1] + 0.16)], atol=1e-6)
