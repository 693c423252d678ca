#!/usr/bin/env bash
# gym-aloha 0.1.5: actions are joint angles in radians, and the action space says -1 to 1. The arms start outside of it: both elbows at
# 1.16 rad. The environment takes what lies outside; what keeps to the space (gymnasium's ClipAction, a tanh at the end of a policy, a
# random action) cannot even hold the first posture.
# Hurt: whoever takes the space at its word, as normalised or as a limit: holding still, clipped, moves each elbow by 9 degrees in half a second.
# Instead: read the actions as radians (grippers: 0 closed to 1 open), scale with statistics of the data, and clip with limits of your own.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet gym-aloha==0.1.5 mujoco==3.8.1 dm_control==1.0.41 gymnasium==1.4.0 numpy==2.4.6
env -i PATH="$PATH" HOME="$dir" MUJOCO_GL="${MUJOCO_GL:-egl}" venv/bin/python - <<'PY'
import sys
from importlib.metadata import version

import gymnasium
import gym_aloha  # noqa: F401
import numpy as np
from gymnasium.wrappers import ClipAction

ELBOWS = [2, 9]


def held(clipped):
    """Return the first posture, and where each joint is after half a second in which it was the action."""
    env = gymnasium.make("gym_aloha/AlohaTransferCube-v0", obs_type="pixels_agent_pos")
    env = ClipAction(env) if clipped else env
    seen, _ = env.reset(seed=0)
    start = seen["agent_pos"].copy()
    space = env.unwrapped.action_space
    for _ in range(25):  # of 0.02 s
        seen, *_ = env.step(start.astype(np.float32))
    env.close()
    return start, seen["agent_pos"], space


start, stayed, space = held(clipped=False)
_, moved, _ = held(clipped=True)
print(f"gym-aloha {version('gym-aloha')}: action space {space.low.min():g} to {space.high.max():g}, first posture {start.round(2)}")
print("expected: the posture in which an episode starts is an action")
print(f"seen: {space.contains(start.astype(np.float32))}; elbows at {start[ELBOWS].round(2)} rad")
print(f"seen, held as it is: elbows moved by {(stayed - start)[ELBOWS].round(3)} rad")
print(f"seen, held with ClipAction: elbows moved by {(moved - start)[ELBOWS].round(3)} rad")
outside = not space.contains(start.astype(np.float32)) and np.allclose(start[ELBOWS], 1.16, atol=1e-3)
same = outside and np.abs(stayed - start)[ELBOWS].max() < 0.01 and np.allclose((moved - start)[ELBOWS], -0.156, atol=0.02)
sys.exit(0 if same else "the behaviour has changed")
PY
