"""Run one of our checkpoints in LeRobot's evaluation loop: `python evaluate.py CHECKPOINT OUT.npz`.

The environment is a stand-in, whose pictures and states are noise; what counts is which actions the loop
takes. Runs in an environment with lerobot, with the packages of this repository on PYTHONPATH.
"""

import sys
from pathlib import Path

import gymnasium as gym
import numpy as np
from drift_core.policy.checkpoint import load_checkpoint
from drift_formats.lerobot.adapter import LeRobotPolicy
from lerobot.scripts.lerobot_eval import rollout

STEPS = 20


class Noise(gym.Env):
    """Pictures of two cameras and a state, another at each step."""

    metadata = {"render_fps": 10}
    task_description = "place"
    task = "place"
    _max_episode_steps = STEPS

    def __init__(self, height: int, width: int, state_dim: int, action_dim: int) -> None:
        picture = gym.spaces.Box(0, 255, (height, width, 3), np.uint8)
        self.observation_space = gym.spaces.Dict(
            {
                "pixels": gym.spaces.Dict({"front": picture, "wrist": picture}),
                "agent_pos": gym.spaces.Box(-10, 10, (state_dim,), np.float32),
            }
        )
        self.action_space = gym.spaces.Box(-10, 10, (action_dim,), np.float32)

    def reset(self, seed: int | None = None, options: dict | None = None) -> tuple[dict, dict]:
        """Begin with step 0."""
        super().reset(seed=seed)
        self._step = 0
        return self._observation(), {}

    def step(self, action: np.ndarray) -> tuple[dict, float, bool, bool, dict]:
        """Go on; success after `STEPS`."""
        self._step += 1
        over = self._step >= STEPS
        return self._observation(), float(over), over, False, {"is_success": over}

    def _observation(self) -> dict:
        self.observation_space.seed(self._step)
        return self.observation_space.sample()


def main() -> None:
    """Run."""
    policy = load_checkpoint(Path(sys.argv[1])).policy
    spec, same = policy.config.observation, lambda value: value
    camera = spec.cameras[0]
    environments = gym.vector.SyncVectorEnv(
        [lambda: Noise(camera.height, camera.width, spec.state_dim, policy.config.action_dim)]
    )
    done = rollout(
        environments,
        LeRobotPolicy(policy, "ddim-4", seed=1),
        *(same, same, same, same),
        seeds=[0],
        return_observations=True,
    )
    seen = {name: values[0].numpy() for name, values in done["observation"].items()}
    np.savez(sys.argv[2], actions=done["action"][0].numpy(), success=done["success"][0].numpy(), **seen)


if __name__ == "__main__":
    main()
