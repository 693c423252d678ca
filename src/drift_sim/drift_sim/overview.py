"""A camera for people: the whole cell at 640x480, beside those of the policy and without a trace in them."""

import numpy as np
from drift_control.robot.robot import Robot
from drift_core.calibration.intrinsics import Intrinsics
from drift_core.task import TaskConfig

from drift_sim.camera import CameraRenderer, pinhole
from drift_sim.dressing import EYE, FOVY_DEG, SIZE, dressed
from drift_sim.external.mirror import Mirror
from drift_sim.headless import mujoco
from drift_sim.scenes.scene import Truth
from drift_sim.scenes.table.things import GOAL_BODY, OBJECT_BODY
from drift_sim.world import World


class Overview(Mirror):
    """A mirror of a cell that runs elsewhere, in this process or another, for looking at.

    It has a model of its own, so that whatever is done for the looks changes no picture of the policy's.
    Pictures are rendered in one thread, the first that asks for one, which closes it, too.
    """

    def __init__(self, robot: Robot, task: TaskConfig, shadows: bool = True) -> None:
        """`shadows`: in software they take most of the time of a picture."""
        super().__init__(robot, task)
        self._eye = CameraRenderer(self.model, {EYE: SIZE}, shadows)
        self.intrinsics: Intrinsics = pinhole(FOVY_DEG, *SIZE)

    @property
    def optical(self) -> np.ndarray:
        """Pose (4, 4) of its optical frame (x right, y down, z forward) in the robot's base frame."""
        frame, camera = np.eye(4), self.model.camera(EYE)
        rotation = np.empty(9)
        mujoco.mju_quat2Mat(rotation, camera.quat)
        frame[:3, :3] = rotation.reshape(3, 3) * (1.0, -1.0, -1.0)  # MuJoCo looks along -z, with y up
        frame[:3, 3] = camera.pos
        return frame

    def show_truth(self, truth: Truth) -> None:
        """Put the things where a simulation says that they are."""
        self.put_thing(OBJECT_BODY, truth.object)
        self.put_thing(GOAL_BODY, truth.goal)

    def show_world(self, world: World) -> None:
        """Put everything where it is in `world`, a cell of the same robot and task."""
        self.data.qpos[:] = world.data.qpos
        self.data.mocap_pos[:] = world.data.mocap_pos
        self.data.mocap_quat[:] = world.data.mocap_quat

    def look(self) -> np.ndarray:
        """Return what is shown now, (480, 640, 3) uint8 RGB, the caller's to keep."""
        mujoco.mj_kinematics(self.model, self.data)
        mujoco.mj_camlight(self.model, self.data)
        return self._eye.render(self.data, EYE)

    def close(self) -> None:
        """Free the renderers."""
        self._eye.close()
        super().close()

    def _mjcf(self, largest: tuple[int, int]) -> str:
        height, width = (max(sides) for sides in zip(largest, SIZE, strict=True))
        return dressed(super()._mjcf((height, width)))
