#!/usr/bin/env bash
# gym-xarm 0.1.1: one step simulates a tenth of the time that it says. `dt` and the frame rate of 25 Hz say 40 ms, the clock moves by 4. The
# velocities of the state are multiplied by the 40 ms, so they are ten times the motion from one observation to the next; and agent_pos of
# the pixel observations is the hand minus the table's centre twice, the state's hand minus it once, so the two are 1.8 m apart.
# Hurt: rates and time limits taken over to a robot, velocities used to predict or to limit, agent_pos taken for a place beside the table.
# Instead: take the time from env.unwrapped.data.time, difference the positions, and add center_of_table to agent_pos.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet gym-xarm==0.1.1 mujoco==2.3.7 gymnasium==1.4.0 gymnasium-robotics==1.4.2 numpy==2.4.6
env -i PATH="$PATH" HOME="$dir" venv/bin/python - <<'PY'
import sys
from importlib.metadata import version

import gym_xarm  # registers the environment
import gymnasium
import numpy as np

env = gymnasium.make("gym_xarm/XarmLift-v0", obs_type="state").unwrapped
observation, _ = env.reset(seed=0)
action = np.array([0.0, 1.0, 0.0, 0.0], np.float32)
for _ in range(5):
    observation, *_ = env.step(action)
began_s = env.data.time
moved, said = [], []
for _ in range(5):
    before = observation
    observation, *_ = env.step(action)
    moved.append(observation[:3] - before[:3])
    said.append(observation[3:6])
step_s = (env.data.time - began_s) / 5
ratio = np.sum(said, axis=0)[1] / np.sum(moved, axis=0)[1]
agent_pos = env.robot_state[:3]  # what agent_pos of obs_type="pixels_agent_pos" is
apart = agent_pos - observation[:3]

print("gym-xarm", version("gym-xarm"), "dt", env.dt, "s, frames per second", env.metadata["render_fps"])
print("expected: a step of 0.04 s, velocities that are the motion of a step, and one position of the hand")
print(f"seen: a step of {step_s:.4f} s; velocities {ratio:.1f} times the motion")
print(f"seen: hand {observation[:3].round(3)} in the state, {agent_pos.round(3)} in agent_pos; centre of the table {env.center_of_table}")
same = abs(step_s - 0.004) < 1e-9 and 8.0 < ratio < 12.0 and np.allclose(apart, -env.center_of_table)
sys.exit(0 if same and env.dt == 0.04 else "the behaviour has changed")
PY
