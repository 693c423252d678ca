"""robosuite 1.5.2: Lift and PickPlaceCan with the Panda, the tasks of the DRIFT paper's simulations.

Action (10,): where the hand shall be [m], the first two columns of its rotation matrix, gripper (-1 open, 1
closed), in the world frame, 20 times a second. State: the hand's position and rotation columns, its opening
[m], then, without pictures, position and rotation columns of the object: (10,) or (19,). Reward of a step: 1
where the task is done, else 0. A seed given to
make or to NumPy has no effect on a reset: all generators are replaced before each.
"""

from typing import Any

import numpy as np

from drift_sim.environments.serve import Spec, UnknownTaskError, main

TASKS = {"Lift": "cube", "PickPlaceCan": "Can"}  # with the name of the object
CAMERAS = ("agentview", "robot0_eye_in_hand")
STEPS = 400
DT_S = 0.05
SIZE = 96
REACH_M = 0.05  # of a set-point beyond the hand
GAIN = 12.0 * REACH_M  # set-point per distance


class RobosuiteTask:
    """One task, and an expert for it: proportional, without memory."""

    def __init__(self, name: str, images: bool) -> None:
        if name not in TASKS:
            raise UnknownTaskError(f"task={name} of robosuite must be one of: {', '.join(TASKS)}")
        self._images, self._object = images, TASKS[name]
        self._env = _make(name, images)
        self._grip, self._reward = -1.0, 0.0
        self.spec = Spec(
            dt_s=DT_S,
            max_steps=STEPS,
            state_dim=10 if images else 19,
            action_low=np.array([-0.6, -0.6, 0.7, *[-1.0] * 7]),
            action_high=np.array([0.6, 0.6, 1.6, *[1.0] * 7]),
            action_scale=np.array([*[REACH_M] * 3, *[0.5] * 6, 2.0]),
            packages=("robosuite", "mujoco", "numpy"),
            cameras={camera: (SIZE, SIZE) for camera in CAMERAS} if images else {},
            expert=True,
            rewarded=True,
        )

    def reset(self, seed: int) -> None:
        """Begin the scene of `seed`."""
        placed = self._env.placement_initializer
        for drawing in (self._env, placed, *getattr(placed, "samplers", {}).values()):
            drawing.rng = np.random.default_rng(seed)
        self._observed = self._env.reset()
        self._home, self._grip = self._rotation, -1.0

    def act(self, action: np.ndarray) -> None:
        """Do one step towards a pose."""
        import robosuite.utils.transform_utils as transforms

        quaternion = transforms.mat2quat(_orthonormal(action[3:9]))
        turn = transforms.quat2axisangle(quaternion)
        self._grip = float(action[9])
        self._observed, reward, *_ = self._env.step(np.concatenate([action[:3], turn, action[9:]]))
        self._reward = float(reward)

    def state(self) -> np.ndarray:
        """Return hand, opening, and the object."""
        hand = [*self._hand, *_columns(self._rotation), self._opening]
        if self._images:
            return np.array(hand)
        return np.array([*hand, *self._thing, *_columns(_matrix(self._observed[f"{self._object}_quat"]))])

    def rest(self) -> np.ndarray:
        """Stay at this pose, with the gripper as it is told."""
        return np.array([*self._hand, *_columns(self._rotation), self._grip])

    def success(self) -> bool:
        """As the task says."""
        return bool(self._env._check_success())

    def reward(self) -> float:
        """Of the last step."""
        return self._reward

    def expert(self) -> np.ndarray:
        """Grasp from above, then lift; a can is carried over its quarter of the bin and let go."""
        target, grip = self._lift() if self._object == "cube" else self._place()
        way = np.clip(GAIN * (target - self._hand), -REACH_M, REACH_M)
        return np.array([*(self._hand + way), *_columns(self._home), grip])

    def render(self, camera: str) -> np.ndarray:
        """Draw without reflection and shadow; bottom up there."""
        from mujoco import mjtRndFlag

        scene = self._env.sim._render_context_offscreen.scn
        for flag in (mjtRndFlag.mjRND_SHADOW, mjtRndFlag.mjRND_REFLECTION):
            scene.flags[flag] = 0
        return self._env.sim.render(width=SIZE, height=SIZE, camera_name=camera)[::-1]

    def _lift(self) -> tuple[np.ndarray, float]:
        if self._holds:
            return self._hand + [0.0, 0.0, 0.1], 1.0
        return self._grasp()

    def _place(self) -> tuple[np.ndarray, float]:
        bin_m = self._env.target_bin_placements[self._env.object_id]
        off = float(np.linalg.norm((self._thing - bin_m)[:2]))
        high = self._thing[2] > bin_m[2] + 0.12
        if off < 0.05 and not high:  # let go, then rise
            return self._hand + [0.0, 0.0, 0.1 if self._opening > 0.07 else 0.0], -1.0
        if not self._holds:
            return self._grasp()
        if off < 0.03:
            return np.array([*bin_m[:2], self._hand[2] - 0.05]), 1.0
        if self._thing[2] < bin_m[2] + 0.18 and off > 0.1:
            return self._hand + [0.0, 0.0, 0.1], 1.0
        return np.array([*bin_m[:2], bin_m[2] + 0.25]), 1.0

    def _grasp(self) -> tuple[np.ndarray, float]:
        """Come down over the object with an open hand, and close it there."""
        off = self._thing - self._hand
        if np.linalg.norm(off) < 0.015:
            return self._thing, 1.0
        if np.linalg.norm(off[:2]) > 0.015:
            return self._thing + [0.0, 0.0, 0.10], -1.0
        return self._thing, -1.0

    @property
    def _holds(self) -> bool:
        """Whether the closed fingers are at the object."""
        near = float(np.linalg.norm(self._thing - self._hand)) < 0.03
        return near and self._grip > 0.0 and self._opening < 0.07 and self._still

    @property
    def _still(self) -> bool:
        return float(np.abs(self._observed["robot0_gripper_qvel"]).max()) < 0.02

    @property
    def _hand(self) -> np.ndarray:
        return self._observed["robot0_eef_pos"]

    @property
    def _rotation(self) -> np.ndarray:
        return _matrix(self._observed["robot0_eef_quat_site"])

    @property
    def _opening(self) -> float:
        left, right = self._observed["robot0_gripper_qpos"]
        return float(left - right)

    @property
    def _thing(self) -> np.ndarray:
        return self._observed[f"{self._object}_pos"]


def _make(name: str, images: bool) -> Any:
    """Return the environment, whose actions are poses in the world frame."""
    import robosuite
    from robosuite.controllers import load_composite_controller_config

    controllers = load_composite_controller_config(controller="BASIC", robot="Panda")
    controllers["body_parts"]["right"].update(input_type="absolute", input_ref_frame="world")
    return robosuite.make(
        name,
        robots="Panda",
        controller_configs=controllers,
        has_renderer=False,
        has_offscreen_renderer=images,
        use_camera_obs=False,
        control_freq=round(1.0 / DT_S),
        ignore_done=True,
        hard_reset=False,
    )


def _matrix(quaternion: np.ndarray) -> np.ndarray:
    """Return the rotation matrix of a quaternion x, y, z, w."""
    import robosuite.utils.transform_utils as transforms

    return transforms.quat2mat(quaternion)


def _columns(rotation: np.ndarray) -> np.ndarray:
    """Return the first two columns of a rotation matrix, one after the other (6,)."""
    return rotation[:, :2].T.ravel()


def _orthonormal(columns: np.ndarray) -> np.ndarray:
    """Return the rotation matrix next to two columns (6,)."""
    x = columns[:3] / max(float(np.linalg.norm(columns[:3])), 1e-9)
    y = columns[3:] - (x @ columns[3:]) * x
    y = y / max(float(np.linalg.norm(y)), 1e-9)
    return np.stack([x, y, np.cross(x, y)], axis=1)


if __name__ == "__main__":
    main(RobosuiteTask)
