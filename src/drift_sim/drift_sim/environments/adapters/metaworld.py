"""Meta-World 3.1.1: any of its fifty tasks by name, for example push-v3, with its own experts.

State: hand and objects now and one step before, and the goal (39,) [m]; with pictures the hand and its
opening now (4,). Action (4,): hand xyz (1 is 1 cm in a step, world frame), effort of the gripper; each in
[-1, 1]. Reward of a step: 0 to 10, the more the nearer to done. The seed of a reset is ignored there. The
scenes are fifty of the seed given to make, of which `unwrapped.seed` chooses one; evaluations have others
than all else.
"""

from typing import Any

import numpy as np

from drift_sim.environments.serve import Spec, UnknownTaskError, main

STEPS = 250  # of 500: experts that succeed have done so by then
DT_S = 0.0125 * 5  # five physics steps
SIZE = 96
CAMERA = "corner2"
EVALUATIONS = 1_000_000  # seeds from here on


class MetaWorld:
    """One task."""

    def __init__(self, name: str, images: bool) -> None:
        from metaworld.policies import ENV_POLICY_MAP

        if name not in ENV_POLICY_MAP:
            names = ", ".join(sorted(ENV_POLICY_MAP))
            raise UnknownTaskError(f"task={name} of metaworld must be one of: {names}")
        self._name, self._images = name, images
        self._policy = ENV_POLICY_MAP[name]()
        self._made: dict[int, Any] = {}  # environments by the seed of their scenes
        self._renderers: dict[int, Any] = {}
        self._scenes, self._grip, self._done, self._reward = 1, 0.0, False, 0.0
        ones = np.ones(4)
        self.spec = Spec(
            dt_s=DT_S,
            max_steps=STEPS,
            state_dim=4 if images else 39,
            action_low=-ones,
            action_high=ones,
            action_scale=ones,
            packages=("metaworld", "mujoco", "gymnasium", "numpy"),
            cameras={CAMERA: (SIZE, SIZE)} if images else {},
            expert=True,
            rewarded=True,
        )

    def reset(self, seed: int) -> None:
        """Begin the scene that `seed` chooses."""
        self._scenes = 2 if seed >= EVALUATIONS else 1
        self._env.unwrapped.seed(seed)
        self._observed, _ = self._env.reset()
        self._grip, self._done = 0.0, False

    def act(self, action: np.ndarray) -> None:
        """Do one step."""
        self._grip = float(action[3])
        self._observed, reward, _, _, info = self._env.step(action.astype(np.float32))
        self._reward, self._done = float(reward), bool(info["success"])

    def state(self) -> np.ndarray:
        """Return what it observed."""
        return self._observed[:4] if self._images else self._observed

    def rest(self) -> np.ndarray:
        """Stay, and leave the gripper at its effort."""
        return np.array([0.0, 0.0, 0.0, self._grip])

    def success(self) -> bool:
        """As of the last step: the task may be undone again."""
        return self._done

    def reward(self) -> float:
        """Of the last step."""
        return self._reward

    def expert(self) -> np.ndarray:
        """Return its own expert's action."""
        return np.clip(self._policy.get_action(self._observed), -1.0, 1.0)

    def render(self, camera: str) -> np.ndarray:
        """Draw without shadow, reflection and multisampling, in a fifth of the time; upside down there."""
        import mujoco

        inner = self._env.unwrapped
        if self._scenes not in self._renderers:
            inner.model.vis.quality.offsamples = 0
            self._renderers[self._scenes] = mujoco.Renderer(inner.model, SIZE, SIZE)
        renderer = self._renderers[self._scenes]
        renderer.update_scene(inner.data, camera)
        for flag in (mujoco.mjtRndFlag.mjRND_SHADOW, mujoco.mjtRndFlag.mjRND_REFLECTION):
            renderer.scene.flags[flag] = 0
        return renderer.render()[::-1]

    @property
    def _env(self) -> Any:
        """The environment of the running episode's scenes."""
        import gymnasium
        import metaworld  # noqa: F401  (registers the environments)

        if self._scenes not in self._made:
            how = {"env_name": self._name, "seed": self._scenes, "disable_env_checker": True}
            self._made[self._scenes] = gymnasium.make("Meta-World/MT1", **how)
        return self._made[self._scenes]


if __name__ == "__main__":
    main(MetaWorld)
