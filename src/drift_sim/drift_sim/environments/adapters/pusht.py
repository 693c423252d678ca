"""gym-pusht 0.1.8: push a T over its outline in the plane; success is 95 % of it covered.

State: agent xy, block xy [pixel], cosine and sine of the block's angle; with pictures the agent's xy alone.
Action: where the agent shall be (2,) [pixel], 10 times a second. Reward of a step: the share that is covered
by 95 %, at most 1. The expert is `pushes.py`.
"""

from typing import Any

import numpy as np

from drift_sim.environments.adapters.pushes import Pusher
from drift_sim.environments.serve import Spec, UnknownTaskError, main

STEPS = 300
SIZE = 96
SIDE_PX = 512.0


class PushT:
    """The one task of gym-pusht."""

    def __init__(self, name: str, images: bool) -> None:
        if name != "pusht":
            raise UnknownTaskError(f"task={name} of pusht must be one of: pusht")
        self._env, self._images = make(), images
        self._pusher = Pusher(make())
        self._done, self._reward = False, 0.0
        self.spec = Spec(
            dt_s=0.1,
            max_steps=STEPS,
            state_dim=2 if images else 6,
            action_low=np.zeros(2),
            action_high=np.full(2, SIDE_PX),
            action_scale=np.full(2, 40.0),
            packages=("gym-pusht", "pymunk", "gymnasium", "numpy"),
            cameras={"top": (SIZE, SIZE)} if images else {},
            expert=True,
            rewarded=True,
        )

    def reset(self, seed: int) -> None:
        """Begin the scene of `seed`."""
        self._env.reset(seed=seed)
        self._pusher.forget()
        self._done = False

    def act(self, action: np.ndarray) -> None:
        """Do one step."""
        _, reward, _, _, info = self._env.step(action)
        self._reward, self._done = float(reward), bool(info["is_success"])

    def state(self) -> np.ndarray:
        """Return agent, block and its angle."""
        agent, block = self._env.agent.position, self._env.block
        if self._images:
            return np.array(agent)
        return np.array([*agent, *block.position, np.cos(block.angle), np.sin(block.angle)])

    def rest(self) -> np.ndarray:
        """Stay where the agent is."""
        return np.clip(np.array(self._env.agent.position), 0.0, SIDE_PX)

    def success(self) -> bool:
        """As of the last step."""
        return self._done

    def reward(self) -> float:
        """Of the last step."""
        return self._reward

    def expert(self) -> np.ndarray:
        """Return where the expert wants the agent."""
        return np.clip(self._pusher.act(self._env), 0.0, SIDE_PX)

    def render(self, camera: str) -> np.ndarray:
        """Draw the scene; as observations of every step they would all be drawn."""
        self._env.obs_type = "pixels"
        picture = self._env.get_obs()
        self._env.obs_type = "state"
        return picture


def make() -> Any:
    """Return an environment without its wrappers."""
    import gym_pusht  # noqa: F401  (registers the environment)
    import gymnasium

    env = gymnasium.make("gym_pusht/PushT-v0", obs_type="state", disable_env_checker=True)
    return env.unwrapped


if __name__ == "__main__":
    main(PushT)
