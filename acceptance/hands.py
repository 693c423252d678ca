"""What the fault injection plays itself: joystick, a sweeping policy, relays that can be cut."""

import math
import threading
import time

import numpy as np
import rclpy
from drift.configuration import config_file
from drift_control.inputs import Chunk
from drift_control.robot.pose import Pose, pose_to_action
from drift_control.robot.robot import Robot
from drift_control.teleop.joystick import load_joystick
from drift_interfaces.msg import ActionChunk, GateState, Step
from drift_ros import qos
from drift_ros.chunk_message import to_chunk_message
from drift_ros.clock import to_seconds, to_stamp
from drift_ros.gate_messages import to_joy_message
from rclpy.context import Context
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.signals import SignalHandlerOptions
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image, JointState, Joy
from std_srvs.srv import SetBool

CAMERA = "camera/front/image_raw"
REMAP = {"expert_gate": {"joint_states": "joint_states_cut"}, "policy": {CAMERA: "camera/front/cut"}}
SWEEP_M, SWEEP_S = 0.06, 2.5  # of the sweep along y: amplitude and period; at most 0.15 m/s
STICK_M_S = 0.08
STEPS, DT_S = 16, 0.1
DELAY_S = 0.8  # of the delayed camera
_STILL = (0.0, 0.0, 0.0)


class Hands:
    """A node in a thread of its own. The attributes say what it does from now on."""

    def __init__(self, robot: Robot, with_clock: bool = False) -> None:
        """`with_clock`: be the source of ROS time for whoever takes it from /clock."""
        self.joy = "open"  # alive, enable not held; or "drive", "still", "repeat", "silent", "off"
        self.second_joy = False  # another publisher sends beside, with nobody's hand on it
        self.sweep = False  # publish the chunks of a policy that sweeps
        self.spoil: str | None = None  # how the next chunk is spoilt
        self.spoilt_s: float | None = None  # ROS time at which a spoilt chunk was sent
        self.pass_joints = True
        self.camera = "sound"  # or "stopped", "frozen" (stamp too), "repeated" (picture), "delayed", "black"
        self.clock_ahead_s = 0.0  # of the wall clock
        self.steps: list[Step] = []
        self.measured: list[tuple[float, np.ndarray]] = []  # ROS time, joint_states of the simulation
        self.states: list[GateState] = []
        self._robot, self._home = robot, robot.forward(robot.home)
        self._joystick = load_joystick(config_file("joystick", "keyboard"))
        self._epoch = self._count = self._id = 0
        self._image: Image | None = None  # last one passed on
        self._last_joy: tuple[tuple[float, ...], tuple[int, ...]] = ((), ())
        self._context = Context()
        rclpy.init(context=self._context, signal_handler_options=SignalHandlerOptions.NO)
        node = self._node = Node("hands", context=self._context, use_global_arguments=False)
        self._joy = node.create_publisher(Joy, "console/joy", qos.JOY)
        self._joy_2 = node.create_publisher(Joy, "console/joy", qos.JOY)
        self._chunks = node.create_publisher(ActionChunk, "action_chunk", qos.COMMAND)
        self._joints = node.create_publisher(JointState, "joint_states_cut", qos.JOINT_STATES)
        self._images = node.create_publisher(Image, "camera/front/cut", qos.IMAGE)
        node.create_subscription(JointState, "joint_states", self._on_joints, qos.SENSOR)
        node.create_subscription(Image, CAMERA, self._on_image, qos.SENSOR)
        node.create_subscription(Step, "gate/step", self.steps.append, qos.PROVENANCE)
        node.create_subscription(GateState, "gate/state", self._on_state, qos.LATCHED)
        node.create_timer(0.02, self._on_joy)
        node.create_timer(0.3, self._on_chunk)
        self._stop_arm = node.create_client(SetBool, "sim/protective_stop")
        if with_clock:
            self._clock = node.create_publisher(Clock, "/clock", qos.COMMAND)
            node.create_timer(0.01, self._on_clock)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(node)
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Leave the graph."""
        self._context.try_shutdown()
        self._thread.join(timeout=2.0)

    def protective_stop(self, stopped: bool) -> None:
        """Let the simulated arm's controller stop it, or listen again; return once it does."""
        answer = self._stop_arm.call_async(SetBool.Request(data=stopped))
        done = threading.Event()
        answer.add_done_callback(lambda future: done.set())
        if not done.wait(5.0):
            raise RuntimeError("sim/protective_stop must answer within 5 s")

    def measured_since(self, since_s: float) -> list[tuple[float, np.ndarray]]:
        """Return ROS time and measured joints (J + 2,) from `since_s` on."""
        return [(at_s, q) for at_s, q in list(self.measured) if at_s >= since_s]

    def _spin(self) -> None:
        try:
            self._executor.spin()
        except ExternalShutdownException:
            return

    def _on_joints(self, msg: JointState) -> None:
        self.measured.append((to_seconds(msg.header.stamp), np.array(msg.position)))
        if self.pass_joints:
            self._joints.publish(msg)

    def _on_image(self, msg: Image) -> None:
        if self.camera in ("frozen", "repeated") and self._image is not None:
            stamp, msg = msg.header.stamp, self._image
            if self.camera == "repeated":
                msg.header.stamp = stamp
        elif self.camera == "delayed":
            msg.header.stamp = to_stamp(to_seconds(msg.header.stamp) - DELAY_S)
        elif self.camera == "black":
            msg.data = bytes(len(msg.data))
        self._image = msg
        if self.camera != "stopped":
            self._images.publish(msg)

    def _on_clock(self) -> None:
        self._clock.publish(Clock(clock=to_stamp(time.time() + self.clock_ahead_s)))

    def _on_state(self, msg: GateState) -> None:
        self._epoch = msg.epoch
        self.states.append(msg)

    def _on_joy(self) -> None:
        if self.joy in ("off", "silent"):
            return
        if self.joy != "repeat":
            self._count += 1
            along = math.copysign(STICK_M_S, math.sin(2.0 * math.pi * self._count / 150))
            velocity = (0.0, along if self.joy == "drive" else 0.0, 0.0)
            held = self.joy in ("drive", "still")
            self._last_joy = self._joystick.encode(held, velocity, _STILL, 0.0, count=self._count)
        self._send(self._joy, self._last_joy)
        if self.second_joy:
            self._send(self._joy_2, self._joystick.encode(False, _STILL, _STILL, 0.0, count=self._count))

    def _send(self, publisher: Publisher, said: tuple[tuple[float, ...], tuple[int, ...]]) -> None:
        axes, buttons = said
        publisher.publish(to_joy_message(axes, buttons, self._node.get_clock().now().to_msg()))

    def _on_chunk(self) -> None:
        if not self.sweep:
            return
        self._id += 1
        now_s = time.time() + self.clock_ahead_s
        data = np.array([self._set_point(now_s + (i + 1) * DT_S) for i in range(STEPS)])
        spoil, self.spoil = self.spoil, None
        if spoil == "nan":
            data[5, 1] = math.nan
        elif spoil == "infinite":
            data[5, 1] = math.inf
        elif spoil == "shape":
            data = data[:, :7]
        elif spoil == "teleport":
            data[:, :2] += (0.15, -0.25)
        chunk = Chunk(self._id, self._epoch, now_s, DT_S, data, "tcp_pose", 1, now_s, 0.0)
        self._chunks.publish(to_chunk_message(chunk, self._robot.config.base_frame, 1.0))
        if spoil is not None:
            self.spoilt_s = now_s

    def _set_point(self, due_s: float) -> np.ndarray:
        along = SWEEP_M * math.sin(2.0 * math.pi * due_s / SWEEP_S)
        return pose_to_action(Pose(self._home.position + (0.0, along, 0.0), self._home.rotation), 0.04)
