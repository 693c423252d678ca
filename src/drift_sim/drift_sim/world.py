"""The simulated cell: an arm with a hand on a table, a box and its goal, stepped by explicit calls."""

from dataclasses import dataclass
from enum import IntEnum

import mujoco
import numpy as np
from drift_config.errors import ConfigError
from drift_control.robot.pose import Pose
from drift_control.robot.robot import Robot
from drift_core.task import TaskConfig

from drift_sim.camera import CameraRenderer
from drift_sim.errors import SimulationError
from drift_sim.hand import FINGER_JOINTS, OPENING_MAX_M
from drift_sim.scene import GOAL_BODY, OBJECT_BODY, TIMESTEP_S, build_mjcf
from drift_sim.scene_config import SceneConfig, parse_scene

_JUDGE_EVERY = 5  # physics steps


class Result(IntEnum):
    """Outcome of the running episode; values as in drift_interfaces/msg/Outcome."""

    RUNNING = 0
    SUCCESS = 1
    FAILURE = 2


@dataclass(frozen=True)
class Truth:
    """What only a simulation knows; poses in the robot's base frame."""

    object: Pose  # centre of the box
    goal: Pose  # centre of the disc or slot, on the table


class World:
    """Arm, hand, box and goal of one task, with position servos; time passes only in `step`."""

    def __init__(self, robot: Robot, task: TaskConfig) -> None:
        if robot.config.name not in task.robots:
            raise ConfigError(f"robot={robot.config.name!r} must be one of {', '.join(task.robots)}")
        self.robot = robot
        self.task = task
        self.scene: SceneConfig = parse_scene(task)
        sizes = {camera.name: (camera.height, camera.width) for camera in task.cameras}
        largest = (max(s[0] for s in sizes.values()), max(s[1] for s in sizes.values())) if sizes else (1, 1)
        self._model = mujoco.MjModel.from_xml_string(build_mjcf(robot, self.scene, largest))
        self._data = mujoco.MjData(self._model)
        self._cameras = CameraRenderer(self._model, sizes)
        joints = [self._model.joint(name) for name in robot.config.joint_names]
        self._arm_qpos = np.array([joint.qposadr[0] for joint in joints])
        self._arm_ctrl = np.array([self._model.actuator(name).id for name in robot.config.joint_names])
        self._finger_qpos = np.array([self._model.joint(name).qposadr[0] for name in FINGER_JOINTS])
        self._gripper_ctrl = self._model.actuator("gripper").id
        self._object_qpos = self._model.joint("object_free").qposadr[0]
        self._object_dof = self._model.joint("object_free").dofadr[0]
        self._object_body = self._model.body(OBJECT_BODY).id
        self._goal_body = self._model.body(GOAL_BODY).id
        self._goal_mocap = self._model.body(GOAL_BODY).mocapid[0]
        self._n_steps = 0
        self._good_since: int | None = None  # step number since which all of SuccessConfig holds
        self._result = Result.RUNNING
        self.reset(0)

    @property
    def time_s(self) -> float:
        """Simulated time since the world was made [s]; a reset does not turn it back."""
        return self._n_steps * TIMESTEP_S

    def reset(self, seed: int) -> None:
        """Put the arm at home with an open hand, at rest, and the objects where `seed` wants them."""
        mujoco.mj_resetData(self._model, self._data)
        self._data.qpos[self._arm_qpos] = self.robot.config.home_rad
        self._data.qpos[self._finger_qpos] = OPENING_MAX_M / 2
        self._data.ctrl[self._arm_ctrl] = self.robot.config.home_rad
        self._data.ctrl[self._gripper_ctrl] = OPENING_MAX_M
        if not self.reset_objects(seed):
            raise SimulationError(f"home_rad of {self.robot.config.name} touches the start pose of the box")

    def reset_objects(self, seed: int) -> bool:
        """Put box and goal where `seed` wants them; False, and nothing moved, if the arm is in the way."""
        kept = self._data.qpos.copy(), self._data.qvel.copy(), self._data.mocap_pos.copy()
        kept_turn = self._data.mocap_quat.copy()
        self._place(seed)
        mujoco.mj_forward(self._model, self._data)
        if self._arm_touches_objects():
            self._data.qpos[:], self._data.qvel[:], self._data.mocap_pos[:] = kept
            self._data.mocap_quat[:] = kept_turn
            mujoco.mj_forward(self._model, self._data)
            return False
        self._good_since = None
        self._result = Result.RUNNING
        return True

    def move_goal(self) -> None:
        """Move the goal by half the size of the region it starts in along x and y, inside that region."""
        reset = self.scene.reset
        low, high = np.array(reset.goal_low_m), np.array(reset.goal_high_m)
        position = self._data.mocap_pos[self._goal_mocap, :2]
        centre = (low + high) / 2
        position += np.where(position < centre, 1.0, -1.0) * (high - low) / 2
        mujoco.mj_forward(self._model, self._data)

    def set_joint_command(self, positions_rad: np.ndarray) -> None:
        """Give the servos their set-points (J,) [rad]; held until the next call."""
        self._data.ctrl[self._arm_ctrl] = positions_rad

    def set_gripper_command(self, opening_m: float) -> None:
        """Give the hand its opening [m]; held until the next call."""
        self._data.ctrl[self._gripper_ctrl] = min(max(opening_m, 0.0), OPENING_MAX_M)

    def step(self, n: int = 1) -> None:
        """Advance by `n` time steps of 2 ms."""
        for _ in range(n):
            mujoco.mj_step(self._model, self._data)
            self._n_steps += 1
            if self._n_steps % _JUDGE_EVERY == 0:
                self._judge()

    def advance_to(self, time_s: float) -> None:
        """Advance to `time_s`, to the nearest time step."""
        self.step(max(0, round(time_s / TIMESTEP_S) - self._n_steps))

    def joint_positions(self) -> np.ndarray:
        """Measured arm joints (J,) [rad], in the robot's order."""
        return self._data.qpos[self._arm_qpos].copy()

    def finger_positions(self) -> np.ndarray:
        """Measured fingers (2,) [m], as the finger joints report them."""
        return self._data.qpos[self._finger_qpos].copy()

    def gripper_m(self) -> float:
        """Measured opening of the hand [m]."""
        return float(self._data.qpos[self._finger_qpos].sum())

    def render(self, camera: str) -> np.ndarray:
        """Return what `camera` sees, (H, W, 3) uint8 RGB; always from the same thread."""
        return self._cameras.render(self._data, camera)

    def truth(self) -> Truth:
        """Where the box and its goal are."""
        return Truth(self._body_pose(self._object_body), self._body_pose(self._goal_body))

    def tcp(self) -> Pose:
        """Where the physics has the TCP (the same as `robot.forward(joint_positions())`)."""
        site = self._data.site("tcp")
        return Pose(site.xpos.copy(), site.xmat.reshape(3, 3).copy())

    def outcome(self) -> Result:
        """Success or failure once it has happened; it stays until the next reset."""
        return self._result

    def close(self) -> None:
        """Free the renderer; from the thread that rendered."""
        self._cameras.close()

    def _place(self, seed: int) -> None:
        """Draw the start poses; the order of the draws is part of what a seed means."""
        reset = self.scene.reset
        rng = np.random.default_rng(seed)
        object_xy = rng.uniform(reset.object_low_m, reset.object_high_m)
        object_yaw = rng.uniform(*reset.object_yaw_rad)
        goal_xy = rng.uniform(reset.goal_low_m, reset.goal_high_m)
        goal_yaw = rng.uniform(*reset.goal_yaw_rad)
        at = self._object_qpos
        self._data.qpos[at : at + 3] = *object_xy, self.scene.rest_height_m
        self._data.qpos[at + 3 : at + 7] = _turned(object_yaw)
        self._data.qvel[self._object_dof : self._object_dof + 6] = 0.0
        self._data.mocap_pos[self._goal_mocap] = *goal_xy, 0.0
        self._data.mocap_quat[self._goal_mocap] = _turned(goal_yaw)

    def _arm_touches_objects(self) -> bool:
        """True if hand or fingers are in contact with the box or the goal."""
        objects = {self._object_body, self._goal_body}
        table = self._model.geom("table").id
        for contact in self._data.contact:
            if table in contact.geom:
                continue
            bodies = {int(self._model.geom_bodyid[geom]) for geom in contact.geom}
            if bodies & objects and bodies - objects:
                return True
        return False

    def _judge(self) -> None:
        if self._result is not Result.RUNNING:
            return
        want = self.scene.success
        box = self._data.xpos[self._object_body]
        if np.any(box < want.lost_low_m) or np.any(box > want.lost_high_m):
            self._result = Result.FAILURE
            return
        offset = box - self._data.xpos[self._goal_body]
        velocity = self._data.qvel[self._object_dof : self._object_dof + 3]
        good = (
            offset[0] ** 2 + offset[1] ** 2 < want.xy_m**2
            and abs(offset[2] - self.scene.rest_height_m) < want.height_m
            and self.gripper_m() > want.released_opening_m
            and float(velocity @ velocity) < want.speed_m_s**2
        )
        if not good:
            self._good_since = None
            return
        if self._good_since is None:
            self._good_since = self._n_steps
        if (self._n_steps - self._good_since) * TIMESTEP_S >= want.hold_s:
            self._result = Result.SUCCESS

    def _body_pose(self, body: int) -> Pose:
        return Pose(self._data.xpos[body].copy(), self._data.xmat[body].reshape(3, 3).copy())


def _turned(yaw_rad: float) -> tuple[float, float, float, float]:
    """Return the quaternion (w, x, y, z) of a turn about z."""
    return float(np.cos(yaw_rad / 2)), 0.0, 0.0, float(np.sin(yaw_rad / 2))
