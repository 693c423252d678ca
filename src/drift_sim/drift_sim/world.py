"""The simulated cell: an arm with a hand on a table and the things of a scene, stepped by explicit calls."""

import numpy as np
from drift_config.errors import ConfigError
from drift_control.robot import ik
from drift_control.robot.pose import Pose
from drift_control.robot.robot import Robot
from drift_core.task import TaskConfig

from drift_sim.camera import CameraRenderer, Picture
from drift_sim.cell import TIMESTEP_S, build_mjcf
from drift_sim.errors import SimulationError
from drift_sim.hand import OPENING_MAX_M
from drift_sim.headless import mujoco
from drift_sim.ros2_control.trajectory_controller import JointTrajectoryController, Trajectory
from drift_sim.scenes import make_arm_scene
from drift_sim.scenes.scene import ArmScene, TaskOutcome, Truth, View

_JUDGE_EVERY = 5  # physics steps
REACH_TOLERANCE_M = 1e-3
_REACH_ATTEMPTS = 10  # each goes on where the one before ended


class World:
    """Arm, hand and scene of one task, with position servos; time passes only in `step`."""

    def __init__(self, robot: Robot, task: TaskConfig) -> None:
        """Raise ConfigError for an arm without dynamics, or one that cannot reach where the task is."""
        self.robot = robot
        self.task = task
        self.scene = make_arm_scene(task)
        _check_reach(robot, task, self.scene)
        sizes = {camera.name: (camera.height, camera.width) for camera in task.cameras}
        heights, widths = zip(*sizes.values(), (0, 0), strict=True)
        largest = (max(heights), max(widths))
        self._model = mujoco.MjModel.from_xml_string(self._mjcf(largest))
        self._data = mujoco.MjData(self._model)
        self._seen = mujoco.MjData(self._model)  # at the moment of a picture that is drawn later
        self._cameras = CameraRenderer(self._model, sizes)
        joints = [self._model.joint(name) for name in robot.config.joint_names]
        self._arm_qpos = np.array([joint.qposadr[0] for joint in joints])
        self._arm_qvel = np.array([joint.dofadr[0] for joint in joints])
        self._arm_ctrl = np.array([self._model.actuator(name).id for name in robot.config.joint_names])
        fingers = robot.config.gripper.joints  # none without a hand
        self._finger_qpos = np.array([self._model.joint(name).qposadr[0] for name in fingers], dtype=int)
        drives = ["gripper"] if fingers else []
        self._gripper_ctrl = np.array([self._model.actuator(name).id for name in drives], dtype=int)
        self.scene.bind(self._model)
        self._plan = self.scene.plan(robot.forward(robot.home))
        self._trajectories = JointTrajectoryController(robot.config.joint_names, TIMESTEP_S)
        self._n_steps = 0
        self._result = TaskOutcome.RUNNING
        self.reset(0)

    def _mjcf(self, largest: tuple[int, int]) -> str:
        """Return the cell to compile; `largest`: (H, W) of its largest picture."""
        return build_mjcf(self.robot, self.scene, largest)

    @property
    def model(self) -> mujoco.MjModel:
        """The compiled cell."""
        return self._model

    @property
    def data(self) -> mujoco.MjData:
        """Its state; a reset and a step write it anew."""
        return self._data

    @property
    def time_s(self) -> float:
        """Simulated time since the world was made [s]; a reset does not turn it back."""
        return self._n_steps * TIMESTEP_S

    def reset(self, seed: int) -> None:
        """Put the arm at home with an open hand, at rest, and the objects where `seed` wants them."""
        mujoco.mj_resetData(self._model, self._data)
        self._trajectories.deactivate()
        self._data.qpos[self._arm_qpos] = self.robot.config.home_rad
        self._data.qpos[self._finger_qpos] = OPENING_MAX_M / 2
        self._data.ctrl[self._arm_ctrl] = self.robot.config.home_rad
        self._data.ctrl[self._gripper_ctrl] = OPENING_MAX_M
        if not self.reset_objects(seed):
            raise SimulationError(f"home_rad of {self.robot.name} touches what the task puts on the table")

    def reset_objects(self, seed: int) -> bool:
        """Put the things where `seed` wants them; False, and nothing moved, if the arm is in the way."""
        kept = self._data.qpos.copy(), self._data.qvel.copy(), self._data.mocap_pos.copy()
        kept_turn = self._data.mocap_quat.copy()
        self.scene.place(self._data, seed)
        mujoco.mj_forward(self._model, self._data)
        if self._arm_touches_objects():
            self._data.qpos[:], self._data.qvel[:], self._data.mocap_pos[:] = kept
            self._data.mocap_quat[:] = kept_turn
            mujoco.mj_forward(self._model, self._data)
            return False
        self.scene.begin()
        self._result = TaskOutcome.RUNNING
        self._to_go_at_start = self._to_go()
        return True

    def move_goal(self) -> None:
        """Move the goal inside the region that it starts in."""
        self.scene.move_goal(self._data)
        mujoco.mj_forward(self._model, self._data)

    def set_joint_command(self, positions_rad: np.ndarray) -> None:
        """Give the servos their set-points (J,) [rad]; held until the next call."""
        self._trajectories.deactivate()
        self._data.ctrl[self._arm_ctrl] = positions_rad

    def follow(self, trajectory: Trajectory) -> str:
        """Give the servos set-points along a trajectory, as a trajectory controller does at every time step.

        Return why it is refused, or an empty string.
        """
        if not self._trajectories.active:
            self._trajectories.activate(self.time_s, self.joint_positions())
        return self._trajectories.accept(trajectory, self.time_s)

    def set_gripper_command(self, opening_m: float) -> None:
        """Give the hand, if there is one, its opening [m]; held until the next call."""
        self._data.ctrl[self._gripper_ctrl] = min(max(opening_m, 0.0), OPENING_MAX_M)

    def step(self, n: int = 1) -> None:
        """Advance by `n` time steps of 2 ms."""
        end = self._n_steps + n
        while self._n_steps < end:
            to_judge = _JUDGE_EVERY - self._n_steps % _JUDGE_EVERY
            self._physics(min(to_judge, end - self._n_steps))
            _place_bodies(self._model, self._data)
            if self._n_steps % _JUDGE_EVERY == 0:
                self._judge()

    def _physics(self, n: int) -> None:
        """Advance by `n` time steps, each with the set-points that a trajectory has for it."""
        every = 1 if self._trajectories.active else n
        for _ in range(0, n, every):
            if self._trajectories.active:
                q, v = self._data.qpos[self._arm_qpos], self._data.qvel[self._arm_qvel]
                self._data.ctrl[self._arm_ctrl] = self._trajectories.update(self.time_s, q, v)
            mujoco.mj_step(self._model, self._data, every)
            self._n_steps += every

    def advance_to(self, time_s: float) -> None:
        """Advance to `time_s`, to the nearest time step."""
        self.step(max(0, round(time_s / TIMESTEP_S) - self._n_steps))

    def joint_positions(self) -> np.ndarray:
        """Measured arm joints (J,) [rad], in the robot's order."""
        return self._data.qpos[self._arm_qpos].copy()

    def finger_positions(self) -> np.ndarray:
        """Measured fingers (2,) [m], as the finger joints report them; (0,) without a hand."""
        return self._data.qpos[self._finger_qpos].copy()

    def gripper_m(self) -> float:
        """Measured opening of the hand [m]."""
        return float(self._data.qpos[self._finger_qpos].sum())

    def render(self, camera: str) -> np.ndarray:
        """Return what `camera` sees, (H, W, 3) uint8 RGB; always from the same thread."""
        return self._cameras.render(self._data, camera)

    def picture(self, camera: str) -> Picture:
        """Return what `render` would now, to be drawn when somebody looks at it: time may go on meanwhile."""
        data = self._data
        moment = data.qpos.copy(), data.mocap_pos.copy(), data.mocap_quat.copy()

        def draw() -> np.ndarray:
            seen = self._seen
            seen.qpos[:], seen.mocap_pos[:], seen.mocap_quat[:] = moment
            _place_bodies(self._model, seen)
            return self._cameras.render(seen, camera)

        return Picture((*self._cameras.size(camera), 3), draw)

    def truth(self) -> Truth:
        """Where the things of the scene are."""
        return self.scene.truth(self._data)

    def tcp(self) -> Pose:
        """Where the physics has the TCP (the same as `robot.forward(joint_positions())`)."""
        site = self._data.site("tcp")
        return Pose(site.xpos.copy(), site.xmat.reshape(3, 3).copy())

    def outcome(self) -> TaskOutcome:
        """Success or failure once it has happened; it stays until the next reset."""
        return self._result

    def score(self) -> float:
        """How well it went since the reset, in [0, 1]: 1 for a success, 0 for a failure.

        In between, of the scene's `partial_credit`, the share by which what is left to do has become less
        than it was at the reset, as the scene's expert estimates it.
        """
        if self._result is not TaskOutcome.RUNNING:
            return float(self._result is TaskOutcome.SUCCESS)
        if self._to_go_at_start <= 0.0:  # it began where it shall end
            return 0.0
        done = 1.0 - self._to_go() / self._to_go_at_start
        return self.scene.partial_credit * min(max(done, 0.0), 1.0)

    def close(self) -> None:
        """Free the renderer; from the thread that rendered."""
        self._cameras.close()

    def _to_go(self) -> float:
        """Return the expert's estimate of the time to success [0.1 s]."""
        return self._plan.cost_to_go(View(self.tcp(), self.gripper_m(), self.truth()))

    def _arm_touches_objects(self) -> bool:
        """True if hand or fingers are in contact with a thing of the scene."""
        objects = self.scene.bodies()
        table = self._model.geom("table").id
        for contact in self._data.contact:
            if table in contact.geom:
                continue
            bodies = {int(self._model.geom_bodyid[geom]) for geom in contact.geom}
            if bodies & objects and bodies - objects:
                return True
        return False

    def _judge(self) -> None:
        if self._result is not TaskOutcome.RUNNING:
            return
        self._result = self.scene.judge(self._data, self.gripper_m(), self._n_steps)


def _place_bodies(model: mujoco.MjModel, data: mujoco.MjData) -> None:
    """Bring bodies, cameras and lights to where the joints are: mj_step leaves them one step behind."""
    mujoco.mj_kinematics(model, data)
    mujoco.mj_comPos(model, data)
    mujoco.mj_camlight(model, data)


def _check_reach(robot: Robot, task: TaskConfig, scene: ArmScene) -> None:
    """Raise ConfigError unless the hand, turned as at home, reaches all that the scene asks for."""
    low, high = np.array(robot.config.workspace.low_m), np.array(robot.config.workspace.high_m)
    for name, point in scene.tcp_points():
        where = f"{name} of task {task.name} at {point.round(3).tolist()} m"
        if np.any(point < low) or np.any(point > high):
            raise ConfigError(
                f"{where} must lie in the workspace of robot {robot.name}, {low.tolist()} .. {high.tolist()}"
            )
        target, q = Pose(point, robot.forward(robot.home).rotation), robot.home
        for _ in range(_REACH_ATTEMPTS):
            solution = ik.solve(robot, target, q)
            q = solution.q
        if solution.position_error_m > REACH_TOLERANCE_M:
            raise ConfigError(
                f"{where} must be within reach of robot {robot.name}, which stops "
                f"{solution.position_error_m:.3f} m before it"
            )
