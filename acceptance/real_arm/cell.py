"""The gate's process, and in this one the arm with its driver and a person."""

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Generic, Self, TypeVar

import numpy as np
import rclpy
from acceptance.real_arm.person import Guide, Operator, Person
from acceptance.real_arm.setup import Setup
from drift.configuration import config_file
from drift_control.gate.state import State
from drift_control.robot.pose import Array
from drift_control.robot.robot import load_robot
from drift_ros import qos
from drift_ros.gate_messages import to_joint_state
from drift_ros.testing.real_arms import variables
from drift_sim.ros.stand_in.ros2_control import Ros2Control
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import JointState

P = TypeVar("P", bound=Person)


class Cell(Generic[P]):
    """An arm, its gate, and whoever has it in hand; use it in a `with` block."""

    def __init__(self, setup: Setup, person: type[P], robot_file: Path) -> None:
        rclpy.init()
        self.setup, self._robot_file = setup, robot_file
        self.robot = load_robot(robot_file)
        self.person = person()
        self._executor = SingleThreadedExecutor()
        self._left_at: Array | None = None  # joints (J,) [rad] where ros2_control left the arm
        self.begin_control()
        self.publisher = Node("joint_state_publisher")  # silent, but for its fault
        topic = self.robot.config.joint_state_topics[0]
        self._states = self.publisher.create_publisher(JointState, topic, qos.JOINT_STATES)
        self.echo = self.publisher.create_timer(0.03, self._echo)
        self.echo.cancel()
        for node in (self.person, self.publisher):
            self._executor.add_node(node)
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()
        self.start_gate()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.gate.terminate()
        self.gate.wait(10.0)
        # a thread that is still inside rclpy when Python ends is ended there, which C++ takes for a crash
        self._executor.shutdown()
        self._thread.join()
        self._close_control()
        for node in (self.person, self.publisher):
            node.destroy_node()
        rclpy.try_shutdown()

    @property
    def controller(self) -> str:
        """The name of the one that takes the commands."""
        return self.setup.options.controller

    def begin_control(self) -> None:
        """Start ros2_control and the driver's nodes; the arm is where it is, or at home at the beginning."""
        self.control = Ros2Control(self.robot, self.setup.options, self.setup.arm)
        if self._left_at is not None:
            self.control.arm.q = self._left_at
            self.control.switch(True)  # from there
        self.driver = self.setup.driver(self.control)
        for node in (*self.control.nodes, *self._drivers):
            self._executor.add_node(node)
        self.control.start()

    def end_control(self) -> None:
        """Let ros2_control and the driver's nodes end without a word, in the thread that spins them."""
        ended = threading.Event()

        def end() -> None:
            for node in (*self.control.nodes, *self._drivers):
                self._executor.remove_node(node)
            self._close_control()
            ended.set()

        self._executor.create_task(end)
        if not ended.wait(10.0):
            raise RuntimeError("ros2_control did not end within 10 s")

    @property
    def _drivers(self) -> list[Node]:
        return [node for node in (self.driver.robot, self.driver.hand) if node is not None]

    def _close_control(self) -> None:
        self.control.close()
        self._left_at = self.control.arm.q.copy()
        for node in self._drivers:
            node.destroy_node()

    def start_gate(self) -> None:
        """Start the gate, by what `drift up sim:=none` with that robot and hand gives it."""
        files = {
            "robot_file": self._robot_file,
            "joystick_file": config_file("joystick", self.person.DEVICE),
        }
        words = [word for name, file in files.items() for word in ("-p", f"{name}:={file}")]
        nodes = files["joystick_file"].parents[1] / "nodes.yaml"
        program = [sys.executable, "-m", "expert_gate_node.ros.node"]
        topic = f"command:=/{self.controller}/joint_trajectory"
        environment = {**os.environ, **variables()}
        arguments = ["--ros-args", "--params-file", str(nodes), *words, "-r", topic]
        self.gate = subprocess.Popen([*program, *arguments], env=environment)

    def armed(self, end_s: float) -> bool:
        """Ask to arm until the gate does; False: not by steady time `end_s`."""
        while not self.person.arm().success:
            if time.monotonic() > end_s:
                return False
            time.sleep(0.2)
        return True

    def _spin(self) -> None:
        try:
            self._executor.spin()
        except ExternalShutdownException:
            return

    def _echo(self) -> None:
        names, stamp = self.robot.config.joint_names, self.publisher.get_clock().now().to_msg()
        self._states.publish(to_joint_state(names, self.robot.home, stamp))


class DrivenCell(Cell[Operator]):
    """A person drives."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup, Operator, config_file("robot", setup.robot))

    def drive(self, limit_s: float = 40.0) -> bool:
        """Arm, and let the person drive until the arm moves; False when it does not within the limit."""
        end_s = time.monotonic() + limit_s
        self.person.drives = False
        time.sleep(0.3)
        if not self.armed(end_s):
            return False
        self.person.drives = True
        start = self.control.arm.q.copy()
        while np.abs(self.control.arm.q - start).max() < 0.05:
            if time.monotonic() > end_s:
                return False
            time.sleep(0.02)
        return True


class GuidedCell(Cell[Guide]):
    """A person guides the arm by hand, as a copy of the robot's file allows."""

    HAND_RAD_S = 0.1  # of the base: 45 mm/s at home

    def __init__(self, setup: Setup) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="drift-guided-")
        file, folder = config_file("robot", setup.robot), Path(self._folder.name)
        for name in ("robots", "grippers"):
            shutil.copytree(file.parents[1] / name, folder / name)
        robot_file = folder / "robots" / file.name
        with (robot_file.parent / f"{setup.robot.partition('+')[0]}.yaml").open("a") as text:
            text.write(f"hand_guiding: {setup.options.guiding}\n")
        super().__init__(setup, Guide, robot_file)

    def guide(self, limit_s: float = 40.0) -> bool:
        """Arm, and press the pedal until the arm gives way; False when it does not within the limit."""
        end_s = time.monotonic() + limit_s
        self.lead(0.0)
        self.person.down = False
        while not self.control.active[self.controller]:  # from being guided before
            if time.monotonic() > end_s:
                return False
            time.sleep(0.02)
        time.sleep(0.5)
        if not self.armed(end_s):
            return False
        while True:
            self.person.down, press_s = True, time.monotonic() + 5.0
            while time.monotonic() < press_s:
                if self.control.arm.free and self.person.state.state == State.GUIDED:
                    time.sleep(0.2)  # that the gate has seen it, too
                    return True
                if time.monotonic() > end_s:
                    return False
                time.sleep(0.02)
            self.person.down = False
            time.sleep(0.5)

    def lead(self, rad_s: float) -> None:
        """Let the hand turn the base, back to where it was at home."""
        arm = self.control.arm
        velocity = np.zeros_like(arm.q)
        velocity[0] = rad_s if arm.q[0] <= self.robot.home[0] else -rad_s
        arm.hand_rad_s = velocity

    def mend_controllers(self) -> None:
        """What a person does: the arm's own controller is active again, that of hand guiding is not."""
        active = self.control.active
        wanted = {name: name == self.controller for name in active}
        off_first = sorted(wanted.items(), key=lambda item: item[1])
        self.control.switch_all({name: to for name, to in off_first if active[name] != to})
