"""The box and its goal: where they start, and when the one has arrived at the other."""

from collections.abc import Iterable, Mapping
from xml.etree.ElementTree import Element

import numpy as np
from drift_control.robot.pose import Pose
from drift_core.task import TaskConfig

from drift_sim.headless import mujoco
from drift_sim.scenes.scene import CameraPose, ExpertConfig, TaskOutcome, Truth
from drift_sim.scenes.table.config import parse_table
from drift_sim.scenes.table.plan import PickAndPlace, hand_yaw
from drift_sim.scenes.table.things import GOAL_BODY, OBJECT_BODY, OBJECT_JOINT, add_goal, add_object


class TableScene:
    """An `ArmScene`: success when the box rests upright on its goal, released; failure when it is lost."""

    def __init__(self, task: TaskConfig) -> None:
        self.config = parse_table(task)
        self._good_since: int | None = None  # step number since which all of SuccessConfig holds

    @property
    def cameras(self) -> Mapping[str, CameraPose]:
        """Pose of each camera by name."""
        return self.config.cameras

    @property
    def expert(self) -> ExpertConfig:
        """How the scripted expert moves."""
        return self.config.expert

    @property
    def partial_credit(self) -> float:
        """The score of an attempt that came all the way without a success."""
        return self.config.success.partial_credit

    def tcp_points(self) -> Iterable[tuple[str, np.ndarray]]:
        """Return the corners of both start regions, at the height of the grip (3,) [m]."""
        reset = self.config.reset
        height = self.config.rest_height_m + self.config.object.grip_height_m
        for name, low, high in (
            ("object", reset.object_low_m, reset.object_high_m),
            ("goal", reset.goal_low_m, reset.goal_high_m),
        ):
            for x in (low[0], high[0]):
                for y in (low[1], high[1]):
                    yield name, np.array([x, y, height])

    def build(self, world: Element) -> None:
        """Append box and goal to the `worldbody`."""
        add_object(world, self.config)
        add_goal(world, self.config)

    def bind(self, model: mujoco.MjModel) -> None:
        """Find box and goal in the compiled model."""
        self._timestep_s = model.opt.timestep
        self._object_qpos = model.joint(OBJECT_JOINT).qposadr[0]
        self._object_dof = model.joint(OBJECT_JOINT).dofadr[0]
        self._object_body = model.body(OBJECT_BODY).id
        self._goal_body = model.body(GOAL_BODY).id
        self._goal_mocap = model.body(GOAL_BODY).mocapid[0]

    def place(self, data: mujoco.MjData, seed: int) -> None:
        """Draw the start poses; the order of the draws is part of what a seed means."""
        reset = self.config.reset
        rng = np.random.default_rng(seed)
        object_xy = rng.uniform(reset.object_low_m, reset.object_high_m)
        object_yaw = rng.uniform(*reset.object_yaw_rad)
        goal_xy = rng.uniform(reset.goal_low_m, reset.goal_high_m)
        goal_yaw = rng.uniform(*reset.goal_yaw_rad)
        at = self._object_qpos
        data.qpos[at : at + 3] = *object_xy, self.config.rest_height_m
        data.qpos[at + 3 : at + 7] = _turned(object_yaw)
        data.qvel[self._object_dof : self._object_dof + 6] = 0.0
        data.mocap_pos[self._goal_mocap] = *goal_xy, 0.0
        data.mocap_quat[self._goal_mocap] = _turned(goal_yaw)

    def begin(self) -> None:
        """Judge anew."""
        self._good_since = None

    def move_goal(self, data: mujoco.MjData) -> None:
        """Move the goal by half the size of the region it starts in along x and y, inside that region."""
        low, high = np.array(self.config.reset.goal_low_m), np.array(self.config.reset.goal_high_m)
        position = data.mocap_pos[self._goal_mocap, :2]
        centre = (low + high) / 2
        position += np.where(position < centre, 1.0, -1.0) * (high - low) / 2

    def bodies(self) -> set[int]:
        """Return the ids of box and goal."""
        return {self._object_body, self._goal_body}

    def judge(self, data: mujoco.MjData, gripper_m: float, step: int) -> TaskOutcome:
        """Return what the state after physics step `step`, with the hand open by `gripper_m`, means."""
        want = self.config.success
        box = data.xpos[self._object_body]
        around = zip(box.tolist(), want.lost_low_m, want.lost_high_m, strict=True)
        if any(at < low or at > high for at, low, high in around):
            return TaskOutcome.FAILURE
        offset = box - data.xpos[self._goal_body]
        velocity = data.qvel[self._object_dof : self._object_dof + 3]
        good = (
            offset[0] ** 2 + offset[1] ** 2 < want.xy_m**2
            and abs(offset[2] - self.config.rest_height_m) < want.height_m
            and gripper_m > want.released_opening_m
            and float(velocity @ velocity) < want.speed_m_s**2
        )
        if not good:
            self._good_since = None
            return TaskOutcome.RUNNING
        if self._good_since is None:
            self._good_since = step
        held_s = (step - self._good_since) * self._timestep_s
        return TaskOutcome.SUCCESS if held_s >= want.hold_s else TaskOutcome.RUNNING

    def truth(self, data: mujoco.MjData) -> Truth:
        """Return where box and goal are."""
        return Truth(_pose(data, self._object_body), _pose(data, self._goal_body))

    def plan(self, home: Pose) -> PickAndPlace:
        """Return the expert's plan; `home`: the TCP in the home pose, in the base frame."""
        return PickAndPlace(self.config, hand_yaw(home.rotation))


def _pose(data: mujoco.MjData, body: int) -> Pose:
    return Pose(data.xpos[body].copy(), data.xmat[body].reshape(3, 3).copy())


def _turned(yaw_rad: float) -> tuple[float, float, float, float]:
    """Return the quaternion (w, x, y, z) of a turn about z."""
    return float(np.cos(yaw_rad / 2)), 0.0, 0.0, float(np.sin(yaw_rad / 2))
