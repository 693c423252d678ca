"""The MuJoCo cell as a mirror of one that runs elsewhere: told what is where, it judges."""

import numpy as np
from drift_control.robot.pose import Pose

from drift_sim.cell import TIMESTEP_S
from drift_sim.headless import mujoco
from drift_sim.mjcf import quaternion
from drift_sim.scenes.scene import TaskOutcome
from drift_sim.world import World

_REST_S = 0.1  # a velocity is a difference of poses at most so far apart


class Mirror(World):
    """A `World` that nobody steps: joints and things are where they are said to be.

    What a seed means, when the arm is in the way, when the task is done: the code of `World` and its scene.
    """

    def things(self) -> dict[str, Pose]:
        """Where the things are, or after `reset_objects` shall be, by the names of their bodies."""
        return {
            self.model.body(body).name: Pose(
                self.data.xpos[body].copy(), self.data.xmat[body].reshape(3, 3).copy()
            )
            for body in sorted(self.scene.bodies())
        }

    def show_joints(self, joints_rad: np.ndarray, fingers_m: np.ndarray) -> None:
        """Put arm (J,) [rad] and fingers (F,) [m] where they were measured."""
        self.data.qpos[self._arm_qpos] = joints_rad
        self.data.qpos[self._finger_qpos] = fingers_m

    def put_thing(self, name: str, pose: Pose) -> None:
        """Put a thing somewhere, at rest."""
        body = self.model.body(name).id
        turned = quaternion(pose.rotation)
        if (mocap := self.model.body_mocapid[body]) >= 0:
            self.data.mocap_pos[mocap], self.data.mocap_quat[mocap] = pose.position, turned
            return
        at, dof = self._place_in_state(body)
        self.data.qpos[at : at + 7] = [*pose.position, *turned]
        self.data.qvel[dof : dof + 6] = 0.0

    def show_thing(self, name: str, pose: Pose, stamp_s: float) -> None:
        """Put a thing where it was seen at `stamp_s` of simulated time; its velocity is that since before."""
        body = self.model.body(name).id
        before_s, before = self._seen.get(name, (-np.inf, pose.position))
        self._seen[name] = stamp_s, pose.position
        self.put_thing(name, pose)
        if self.model.body_mocapid[body] < 0 and 0.0 < stamp_s - before_s <= _REST_S:
            _, dof = self._place_in_state(body)
            self.data.qvel[dof : dof + 3] = (pose.position - before) / (stamp_s - before_s)

    def _place_in_state(self, body: int) -> tuple[int, int]:
        """Return where a body that moves freely begins in qpos and qvel."""
        joint = int(self.model.body_jntadr[body])
        return int(self.model.jnt_qposadr[joint]), int(self.model.jnt_dofadr[joint])

    def judge(self, time_s: float) -> TaskOutcome:
        """Return the outcome with what is shown now, at `time_s` of simulated time."""
        mujoco.mj_forward(self.model, self.data)
        self._n_steps = round(time_s / TIMESTEP_S)
        self._judge()
        return self.outcome()

    def reset_objects(self, seed: int) -> bool:
        """As `World` does; `things` are then where Gazebo has to put them."""
        self._seen: dict[str, tuple[float, np.ndarray]] = {}
        return super().reset_objects(seed)
