"""An arm whose wrist stands a whole turn away is learned from as if it stood at home."""

from pathlib import Path

import numpy as np
import pytest
from drift_control.robot.robot import TURN_RAD, load_robot
from drift_core.data.cutter import WindowCutter
from drift_core.episodes import EpisodeMeta, EpisodeStore, EpisodeWriter, StepRecord
from drift_core.task import load_task

ROBOTS = Path(__file__).resolve().parents[3] / "config" / "robots"
WRIST_3 = 5
TASK = """
name: turn
cameras: []
dt_s: 0.1
horizon: 8
observation_steps: 1
action_steps: 4
action_space: joint_position
max_duration_s: 5.0
scene: {}
"""


@pytest.fixture
def ur5e():
    return load_robot(ROBOTS / "ur5e.yaml")


@pytest.fixture
def cutter(tmp_path, ur5e):
    (tmp_path / "task.yaml").write_text(TASK)
    return WindowCutter(EpisodeStore(tmp_path / "episodes"), ur5e, load_task(tmp_path / "task.yaml"))


def windows_of(cutter, robot, folder, turns, from_rad, to_rad):
    """The wrist turns evenly from home + `from_rad` to home + `to_rad` in 2 s, whole turns away."""
    name = f"turned{turns}"
    meta = EpisodeMeta(name, robot.name, "turn", 0, "demonstration", (), 0.1, 1000.0)
    writer = EpisodeWriter(folder / "episodes", meta)
    for tick in range(101):
        stamp_s, q = 1000.0 + tick / 50, robot.home.copy()
        q[WRIST_3] += TURN_RAD * turns + from_rad + (to_rad - from_rad) * tick / 100
        writer.add_joints(q, 0.04, stamp_s, stamp_s)
        command = np.append(q, 0.04)
        step = StepRecord(stamp_s, tick, 2, 1, 1, 0, 0, -1.0, command, command, np.zeros(10), 0)
        writer.add_step(step)
    writer.close("success")
    return cutter(name)


@pytest.mark.parametrize("turns", [1, -1])
def test_labels_like_states_know_no_whole_turns(cutter, ur5e, tmp_path, turns):
    home, turned = (windows_of(cutter, ur5e, tmp_path, n, 0.0, 0.5) for n in (0, turns))
    assert home.expert_labels > 10
    assert np.allclose(turned.state, home.state, atol=1e-5)
    assert np.allclose(turned.actions, home.actions, atol=1e-5)
    # 0.1 s of 0.5 rad in 2 s after the state: 0.025 rad beyond it
    first = home.actions[0, 0, WRIST_3] - home.state[0, -1, 10 + WRIST_3]
    assert first == pytest.approx(0.025, abs=1e-4)


def test_a_window_in_which_the_wrist_passes_half_a_turn_has_no_jump(cutter, ur5e, tmp_path):
    windows = windows_of(cutter, ur5e, tmp_path, 0, np.pi - 0.5, np.pi + 0.5)
    seen = windows.state[:, -1, 10 + WRIST_3]
    assert np.ptp(seen) > 6.0, "the state goes on at the other end"
    labels = windows.actions[..., WRIST_3][windows.mask[:, -1]]
    assert np.diff(labels, axis=1) == pytest.approx(0.05, abs=1e-4)
    assert labels[:, 0] - seen[windows.mask[:, -1]] == pytest.approx(0.05, abs=1e-4)
