"""The simulation node: a MuJoCo cell in real time that speaks the topics of a real arm with cameras."""

import math
import sys
from dataclasses import dataclass

import numpy as np
from drift_control.robot.robot import load_robot
from drift_core.task import CameraConfig, load_task
from drift_interfaces.msg import ArmState
from drift_interfaces.srv import ResetTask
from drift_ros import qos
from drift_ros.clock import ros_s, steady_clock, steady_s
from drift_ros.diagnostics import OK, WARN, Diagnostics, Report
from drift_ros.gate_messages import to_joint_state
from drift_ros.images import to_image
from drift_ros.parameters import load_parameters
from drift_ros.run import run_node
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, Image, JointState
from std_msgs.msg import Float64MultiArray
from std_srvs.srv import SetBool
from trajectory_msgs.msg import JointTrajectory

from drift_sim.camera import pinhole
from drift_sim.cell import TIMESTEP_S
from drift_sim.description import describe, optical_frame
from drift_sim.node_config import SimNodeConfig
from drift_sim.real_time import RealTime
from drift_sim.ros.frames import Frames
from drift_sim.ros.judgement import Judgement
from drift_sim.ros.trajectory_message import from_message
from drift_sim.world import World

_ARM_STATE_PERIOD_S = 0.1
_TRANSFORM_PERIOD_S = 1 / 30
_SLOW = 0.95  # a real-time factor below this is a warning


@dataclass
class _Every:
    """Something that happens at a rate of its own within a faster timer."""

    period_s: float
    next_s: float = -math.inf

    def due(self, now_s: float) -> bool:
        if now_s < self.next_s:
            return False
        self.next_s = max(self.next_s + self.period_s, now_s)
        return True


class SimNode(Node):
    """Step, publish, obey. All MuJoCo and GL work happens in the thread that spins this node."""

    def __init__(self, **kwargs) -> None:
        super().__init__("sim", **kwargs)
        config = load_parameters(self, SimNodeConfig)
        self._robot = load_robot(config.robot_file)
        self._task = load_task(config.task_file)
        self._world = World(self._robot, self._task)
        self._world.reset(config.seed)
        self._seed = config.seed
        self._real_time = RealTime(TIMESTEP_S)
        self._cameras = {camera.name: camera for camera in self._task.cameras}
        self._images, self._infos = {}, {}
        for name, camera in self._cameras.items():
            self._images[name] = self.create_publisher(Image, camera.topic, qos.IMAGE)
            self._infos[name] = self.create_publisher(CameraInfo, camera.info_topic, qos.IMAGE)
        topics = self._robot.config.joint_state_topics
        self._joints = {
            name: self.create_publisher(JointState, name, qos.JOINT_STATES)
            for name in dict.fromkeys((topics[0], topics[-1]))  # one, where they are the same
        }
        self._judgement = Judgement(self, self._robot.config.base_frame)
        self._frames = Frames(self, describe(self._world))
        self._arm_state = self.create_publisher(ArmState, "arm_state", qos.LATCHED)
        self._protective_stop = False
        if self._robot.config.command_interface == "joint_trajectory":
            self.create_subscription(JointTrajectory, "command", self._on_trajectory, qos.COMMAND)
        else:
            self.create_subscription(Float64MultiArray, "command", self._on_positions, qos.COMMAND)
        self.create_subscription(Float64MultiArray, "gripper_command", self._on_gripper, qos.COMMAND)
        self.create_service(ResetTask, "sim/reset", self._on_reset)
        self.create_service(SetBool, "sim/protective_stop", self._on_protective_stop)
        self._diagnostics = Diagnostics(self, self._report)
        self._frames_due = _Every(1.0 / config.camera_rate_hz)
        self._transforms_due = _Every(_TRANSFORM_PERIOD_S)
        self._arm_state_due = _Every(_ARM_STATE_PERIOD_S)
        self._truth_due = _Every(1.0 / config.ground_truth_rate_hz)
        self.create_timer(1.0 / config.joint_state_rate_hz, self._on_timer, clock=steady_clock())

    def destroy_node(self) -> None:
        self._world.close()
        super().destroy_node()

    def _on_timer(self) -> None:
        now_s = self._catch_up()
        stamp = self.get_clock().now().to_msg()
        self._publish_joints(stamp)
        if self._transforms_due.due(now_s):
            self._frames.publish(self._positions(), stamp)
        if self._arm_state_due.due(now_s):
            self._publish_arm_state(stamp)
        if self._truth_due.due(now_s):
            self._judgement.publish_truth(self._world.truth(), stamp)
            self._judgement.publish_change(self._world, self._seed, stamp)
        if self._frames_due.due(now_s):
            for name, camera in self._cameras.items():
                frame = optical_frame(name)
                self._images[name].publish(to_image(self._world.render(name), "rgb8", stamp, frame))
                self._infos[name].publish(self._camera_info(camera, stamp, frame))

    def _catch_up(self) -> float:
        """Let the world go on until now, and return the steady time."""
        now_s = steady_s()
        self._world.step(self._real_time.steps_due(now_s))
        return now_s

    def _on_trajectory(self, msg: JointTrajectory) -> None:
        if self._protective_stop:
            return
        self._catch_up()  # it starts when it arrives
        try:
            trajectory = from_message(msg, ros_s(self.get_clock()) - self._world.time_s)
        except ValueError as error:
            self._refuse(f"command: {error}")
            return
        if not trajectory.finite:
            self._refuse(f"command={trajectory.positions_rad.tolist()} must be finite, like its velocities")
        elif refusal := self._world.follow(trajectory):
            self._refuse(f"command: {refusal}")

    def _on_positions(self, msg: Float64MultiArray) -> None:
        positions = np.array(msg.data)
        if positions.shape != (self._robot.n_joints,) or not np.isfinite(positions).all():
            self._refuse(
                f"command={positions.tolist()} must be {self._robot.n_joints} finite joint positions"
            )
            return
        if not self._protective_stop:
            self._world.set_joint_command(positions)

    def _on_gripper(self, msg: Float64MultiArray) -> None:
        fingers = self._robot.config.gripper.joints
        if len(msg.data) != len(fingers) or not all(map(math.isfinite, msg.data)):
            self._refuse(f"gripper_command={list(msg.data)} must be {len(fingers)} finite finger positions")
            return
        self._world.set_gripper_command(sum(msg.data))

    def _refuse(self, reason: str) -> None:
        self.get_logger().warning(f"refused: {reason}", throttle_duration_sec=1.0)

    def _on_reset(self, request: ResetTask.Request, response: ResetTask.Response) -> ResetTask.Response:
        if not self._world.reset_objects(request.seed):
            response.error_code = ResetTask.Response.ARM_IN_THE_WAY
            response.error_msg = "the hand touches where the objects shall be: home the arm first"
            return response
        self._seed = request.seed
        self._judgement.publish_reset(self._world, self._seed, self.get_clock().now().to_msg())
        return response

    def _on_protective_stop(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        """Stop the arm as its controller would, whatever it is told, or let it listen again."""
        if request.data and not self._protective_stop:
            self._world.set_joint_command(self._world.joint_positions())
        self._protective_stop, response.success = request.data, True
        self._publish_arm_state(self.get_clock().now().to_msg())
        return response

    def _publish_joints(self, stamp) -> None:
        """The arm's joints on the first topic of the file, the fingers on the last: often the same."""
        config, world = self._robot.config, self._world
        arm, fingers = list(config.joint_names), list(config.gripper.joints)
        first, *last = self._joints.values()
        if not last:
            positions = np.concatenate([world.joint_positions(), world.finger_positions()])
            first.publish(to_joint_state(arm + fingers, positions, stamp))
            return
        first.publish(to_joint_state(arm, world.joint_positions(), stamp))
        last[0].publish(to_joint_state(fingers, world.finger_positions(), stamp))

    def _positions(self) -> dict[str, float]:
        """Return all joints [rad] and fingers [m] by name."""
        config, world = self._robot.config, self._world
        positions = [*world.joint_positions().tolist(), *world.finger_positions().tolist()]
        return dict(zip([*config.joint_names, *config.gripper.joints], positions, strict=True))

    def _publish_arm_state(self, stamp) -> None:
        stopped = self._protective_stop
        message = ArmState(ready=not stopped, protective_stop=stopped, speed_scale=1.0)
        message.header.stamp = stamp
        self._arm_state.publish(message)

    def _camera_info(self, camera: CameraConfig, stamp, frame: str) -> CameraInfo:
        """Return the pinhole model of a camera: square pixels, no distortion, centre in the middle."""
        matrix = pinhole(self._world.scene.cameras[camera.name].fovy_deg, camera.height, camera.width).matrix
        info = CameraInfo(height=camera.height, width=camera.width, distortion_model="plumb_bob")
        info.header.stamp, info.header.frame_id = stamp, frame
        info.d = [0.0] * 5
        info.k = matrix.ravel().tolist()
        info.r = np.eye(3).ravel().tolist()
        info.p = np.hstack([matrix, np.zeros((3, 1))]).ravel().tolist()
        return info

    def _report(self) -> Report:
        factor = self._real_time.factor()
        values = {"real_time_factor": factor, "simulated_s": self._world.time_s, "seed": self._seed}
        if factor < _SLOW:
            return Report(WARN, f"real_time_factor={factor:.2f} should be at least {_SLOW}", values)
        return Report(OK, "in real time", values)


def main() -> int:
    """Run the node; see `run_node` for exit codes."""
    return run_node(SimNode)


if __name__ == "__main__":
    sys.exit(main())
