"""Our scenes as an environment, and learning from the state of the things instead of from pictures."""

import numpy as np
import pytest
from drift_config.errors import ConfigError
from drift_core.data.cutter import WindowCutter
from drift_core.episodes import EpisodeStore
from drift_sim.environments.arm_cell import ArmCell
from drift_sim.environments.seeing_arm import SeeingArm, SeeingHand, from_state, things
from drift_sim.shell import Shell


def test_the_state_of_an_arm_that_sees_ends_with_object_and_goal(robots, world):
    robot, seen = robots["panda"], things(world.truth())
    arm, q = SeeingArm(robot), np.concatenate([robot.home, seen])
    state = arm.state(q, 0.04)
    assert state.shape == (10 + arm.n_joints,) == (10 + 7 + 18,)
    np.testing.assert_allclose(state[:17], robot.state(robot.home, 0.04))
    np.testing.assert_allclose(state[17:20], world.truth().object.position)
    np.testing.assert_allclose(state[26:29], world.truth().goal.position)
    np.testing.assert_allclose(state[29:35], [1, 0, 0, 0, 1, 0], atol=1e-9)  # the disc lies flat, not turned
    np.testing.assert_array_equal(arm.near_home(np.stack([q, q])), np.stack([q, q]))


def test_the_state_of_a_hand_that_sees_says_nothing_of_the_arm(robots, world):
    robot, truth = robots["panda"], world.truth()
    hand = SeeingHand(robot)
    seen = hand.seen(robot.home, truth)
    pose = robot.state(robot.home, 0.04)[:9]
    np.testing.assert_allclose(seen, [*pose, *things(truth)])
    np.testing.assert_allclose(hand.state(seen, 0.04), [*pose, 0.04, *seen])
    assert hand.n_joints == 27 and SeeingHand(robots["ur5e"]).n_joints == 27


def test_what_is_recorded_from_state_is_cut_into_windows_without_pictures(
    robots, tasks, joystick, gate_config, tmp_path
):
    task = from_state(tasks["place"])
    shell = Shell(ArmCell(robots["panda"], task, gate_config, joystick, sees=SeeingArm))
    try:
        writer = shell.writer(tmp_path, "e", 3, "demonstration")
        shell.run_episode(3, expert=shell.expert("demonstrate", 3), writer=writer, duration_s=1.5)
        started = shell.environment.world.truth().object.position
    finally:
        shell.close()
    windows = WindowCutter(EpisodeStore(tmp_path), shell.environment.arm, task)("e")
    assert windows.frames == {}
    assert windows.state.shape == (16, 1, 35)  # at 0.0, 0.1 … 1.4, and at the last sample, 1.49 s
    np.testing.assert_allclose(windows.state[0, 0, 17:19], started[:2], atol=1e-3)  # nobody touched it yet


def test_a_period_that_is_no_multiple_of_the_physics_step_is_refused(robots, tasks, joystick, gate_config):
    cell = ArmCell(robots["panda"], tasks["place"], gate_config, joystick, camera_delay_s=0.0213)
    try:
        with pytest.raises(ConfigError, match=r"camera_delay_s=0.0213 must be a multiple of .* 0.002 s"):
            Shell(cell)
    finally:
        cell.close()
