"""A stand-in for Gazebo with gz_ros2_control behind ros_gz_bridge: a MuJoCo cell that speaks as they would.

It publishes what the bridge's file names, follows the arm's trajectories and the hand's positions, and serves
set_pose. Simulated time begins at 1 s.
"""

import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import yaml
from drift_control.robot.robot import load_robot
from drift_core.task import load_task
from drift_ros import qos
from drift_ros.clock import steady_clock, steady_s, to_stamp
from drift_ros.gate_messages import to_joint_state
from drift_ros.images import to_image
from drift_ros.run import run_node
from drift_sim.cell import TIMESTEP_S
from drift_sim.external.controllers import HAND_CONTROLLER
from drift_sim.external.mirror import Mirror
from drift_sim.real_time import RealTime
from drift_sim.ros.judgement import to_pose_message
from drift_sim.ros.things import from_pose_message
from drift_sim.ros.trajectory_message import from_message
from geometry_msgs.msg import PoseStamped
from rclpy.node import Node
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image, JointState
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory

BEGIN_S = 1.0
_TYPES = {
    "rosgraph_msgs/msg/Clock": Clock,
    "sensor_msgs/msg/Image": Image,
    "sensor_msgs/msg/CameraInfo": CameraInfo,
    "geometry_msgs/msg/PoseStamped": PoseStamped,
}


class GazeboStandIn(Node):
    """The name is the bridge's."""

    def __init__(self, robot_file: str, task_file: str, controller: str) -> None:
        super().__init__("gazebo_bridge")
        config_file = self.declare_parameter("config_file", "").value
        self._robot, self._task = load_robot(Path(robot_file)), load_task(task_file)
        self._cell = Mirror(self._robot, self._task)
        self._cell.reset(0)
        self._real_time, self._ticks = RealTime(TIMESTEP_S), 0
        entries = yaml.safe_load(Path(config_file).read_text())
        self._out = {
            entry["ros_topic_name"]: self.create_publisher(
                _TYPES[entry["ros_type_name"]], entry["ros_topic_name"], 10
            )
            for entry in entries
        }
        self._joints = self.create_publisher(JointState, "joint_states", qos.JOINT_STATES)
        self.create_subscription(JointTrajectory, f"{controller}/joint_trajectory", self._on_arm, qos.COMMAND)
        self.create_subscription(Float64MultiArray, f"{HAND_CONTROLLER}/commands", self._on_hand, qos.COMMAND)
        srv = import_module("ros_gz_interfaces.srv")
        self.create_service(srv.SetEntityPose, f"/world/{self._task.name}/set_pose", self._on_set_pose)
        self.create_timer(0.01, self._on_timer, clock=steady_clock())

    @property
    def _now_s(self) -> float:
        return BEGIN_S + self._cell.time_s

    def _on_timer(self) -> None:
        self._cell.step(self._real_time.steps_due(steady_s()))
        stamp = to_stamp(self._now_s)
        self._out["/clock"].publish(Clock(clock=stamp))
        names = [*self._robot.config.joint_names, *self._robot.config.gripper.joints]
        positions = np.concatenate([self._cell.joint_positions(), self._cell.finger_positions()])
        self._joints.publish(to_joint_state(names, positions, stamp))
        for name, pose in self._cell.things().items():
            message = PoseStamped(pose=to_pose_message(pose))
            message.header.stamp = stamp
            self._out[f"gazebo/{name}/pose"].publish(message)
        self._ticks += 1
        if self._ticks % 10 == 0:
            for camera in self._task.cameras:
                frame = f"{camera.name}_optical_frame"
                self._out[camera.topic].publish(
                    to_image(self._cell.render(camera.name), "rgb8", stamp, frame)
                )
                self._out[camera.info_topic].publish(CameraInfo(width=camera.width, height=camera.height))

    def _on_arm(self, msg: JointTrajectory) -> None:
        self._cell.follow(from_message(msg, BEGIN_S))

    def _on_hand(self, msg: Float64MultiArray) -> None:
        self._cell.set_gripper_command(sum(msg.data))

    def _on_set_pose(self, request, response):
        pose = from_pose_message(request.pose)
        response.success = pose is not None and request.entity.name in self._cell.things()
        if response.success:
            self._cell.put_thing(request.entity.name, pose)
        return response


def main() -> int:
    """`gazebo_stand_in ROBOT_FILE TASK_FILE CONTROLLER`, as the program of ros_gz_bridge would be run."""
    robot_file, task_file, controller = sys.argv[1:4]
    return run_node(lambda: GazeboStandIn(robot_file, task_file, controller))


if __name__ == "__main__":
    sys.exit(main())
