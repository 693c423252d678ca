"""What happens on a UR's controller when something breaks: the gate's process beside its driver, a stand-in.

One fault at a time, while a person drives. `detect_ms`: until the gate says that it faults.
`output_step_mrad`: the largest step of the controller's output from one cycle (2 ms) to the next, from the
fault on until it is mended and the gate is about to be armed again. `moved_mrad`: how far the arm moves by
itself once the cause is gone.
`recovered`: after arming again the person moves the arm.
Each row is judged by what its fault must lead to (`verdict.py`); one that is `wrong` makes the exit code 1.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

os.environ["ROS_DOMAIN_ID"] = str(1 + os.getpid() % 100)  # before anything of ROS is started
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"

import numpy as np  # noqa: E402
import rclpy  # noqa: E402
from acceptance.verdict import Expected, conclude, unexpected  # noqa: E402
from benchmarks.support.report import Row, arguments, report  # noqa: E402
from drift.configuration import config_file  # noqa: E402
from drift_control.gate.state import State  # noqa: E402
from drift_control.robot.robot import load_robot  # noqa: E402
from drift_control.teleop.joystick import load_joystick  # noqa: E402
from drift_interfaces.msg import GateState  # noqa: E402
from drift_ros import qos  # noqa: E402
from drift_ros.clock import steady_s  # noqa: E402
from drift_ros.gate_messages import to_joint_state, to_joy_message  # noqa: E402
from drift_ros.testing.real_arms import message_packages, variables  # noqa: E402
from drift_sim.ros.stand_in.options import ArmOptions  # noqa: E402
from drift_sim.ros.stand_in.ros2_control import Ros2Control  # noqa: E402
from drift_sim.ros.stand_in.ur import UrRobot  # noqa: E402
from drift_sim.ros2_control.ur_arm import UrArm  # noqa: E402
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor  # noqa: E402
from rclpy.node import Node  # noqa: E402
from sensor_msgs.msg import JointState, Joy  # noqa: E402
from std_srvs.srv import Trigger  # noqa: E402

CONTROLLER, ROBOT = "scaled_joint_trajectory_controller", "ur5e+none"
STICK_M_S = 0.1
_STILL = (0.0, 0.0, 0.0)
NOTICED_MS = 100.0  # five control steps
DRIVES = Expected("EXPERT")
INACTIVE = f"controller {CONTROLLER} is inactive"


class Person(Node):
    """A joystick at 50 Hz that sweeps to and fro, and what the gate says."""

    def __init__(self) -> None:
        super().__init__("person")
        self._joystick, self._count = load_joystick(config_file("joystick", "keyboard")), 0
        self.drives = False
        self.states: list[tuple[float, GateState]] = []  # steady time of arrival
        self._joy = self.create_publisher(Joy, "joy", qos.JOY)
        self.create_subscription(GateState, "gate/state", self._on_state, qos.LATCHED)
        self._arm = self.create_client(Trigger, "gate/arm")
        self.create_timer(0.02, self._on_timer)

    @property
    def state(self) -> GateState:
        """The newest."""
        return self.states[-1][1] if self.states else GateState(state=255)

    def arm(self) -> Trigger.Response:
        """Ask the gate to arm; a gate that was killed stays in the graph for 20 s, and does not answer."""
        done = threading.Event()
        if not self._arm.wait_for_service(timeout_sec=30.0):
            raise RuntimeError("the gate does not offer gate/arm within 30 s")
        asked = self._arm.call_async(Trigger.Request())
        asked.add_done_callback(lambda _: done.set())
        return asked.result() if done.wait(2.0) else Trigger.Response(message="no answer within 2 s")

    def _on_state(self, msg: GateState) -> None:
        self.states.append((steady_s(), msg))

    def _on_timer(self) -> None:
        self._count += 1
        along = STICK_M_S if self._count // 60 % 2 else -STICK_M_S
        velocity = (0.0, along, 0.0) if self.drives else _STILL
        axes, buttons = self._joystick.encode(self.drives, velocity, _STILL, 0.0, count=self._count)
        self._joy.publish(to_joy_message(axes, buttons, self.get_clock().now().to_msg()))


class Cell:
    """The gate's process, and in this one the arm with its driver and the person."""

    def __init__(self) -> None:
        self.robot = load_robot(config_file("robot", ROBOT))
        self.person = Person()
        self.control = Ros2Control(self.robot, ArmOptions(CONTROLLER, "joint_trajectory"), UrArm)
        self.ur = UrRobot(self.control)
        self.publisher = Node("joint_state_publisher")  # silent, but for its fault
        self._states = self.publisher.create_publisher(JointState, "joint_states", qos.JOINT_STATES)
        self.echo = self.publisher.create_timer(0.03, self._echo)
        self.echo.cancel()
        self._executor = SingleThreadedExecutor()
        for node in (*self.control.nodes, self.person, self.ur, self.publisher):
            self._executor.add_node(node)
        threading.Thread(target=self._spin, daemon=True).start()
        self.control.start()
        self.start_gate()

    def start_gate(self) -> None:
        """Start the gate, by what `drift up robot:=ur5e gripper:=none sim:=none` gives it."""
        files = {
            "robot_file": config_file("robot", ROBOT),
            "joystick_file": config_file("joystick", "keyboard"),
        }
        words = [word for name, file in files.items() for word in ("-p", f"{name}:={file}")]
        nodes = config_file("robot", ROBOT).parents[1] / "nodes.yaml"
        program = [sys.executable, "-m", "expert_gate_node.ros.node"]
        topic = f"command:=/{CONTROLLER}/joint_trajectory"
        environment = {**os.environ, **variables()}
        arguments = ["--ros-args", "--params-file", str(nodes), *words, "-r", topic]
        self.gate = subprocess.Popen([*program, *arguments], env=environment)

    def drive(self, limit_s: float = 40.0) -> bool:
        """Arm, and let the person drive until the arm moves; False when it does not within the limit."""
        end_s = time.monotonic() + limit_s
        self.person.drives = False
        time.sleep(0.3)
        while not self.person.arm().success:
            if time.monotonic() > end_s:
                return False
            time.sleep(0.2)
        self.person.drives = True
        start = self.control.arm.q.copy()
        while np.abs(self.control.arm.q - start).max() < 0.05:
            if time.monotonic() > end_s:
                return False
            time.sleep(0.02)
        return True

    def close(self) -> None:
        """End the gate and leave the graph."""
        self.gate.terminate()
        self.gate.wait(10.0)
        self.control.close()
        rclpy.try_shutdown()

    def _spin(self) -> None:
        try:
            self._executor.spin()
        except ExternalShutdownException:
            return

    def _echo(self) -> None:
        names, stamp = self.robot.config.joint_names, self.publisher.get_clock().now().to_msg()
        self._states.publish(to_joint_state(names, self.robot.home, stamp))


@dataclass(frozen=True)
class Fault:
    """One fault: what it must lead to, how it is made, and how its cause is taken away."""

    name: str
    expected: Expected
    make: Callable[[Cell], None]
    mend: Callable[[Cell], None] = lambda cell: None
    watch_s: float = 0.6


def inject(fault: Fault, cell: Cell) -> Row:
    """Make one fault happen while the person drives, watch, mend it; return its row."""
    if not cell.drive():
        raise RuntimeError(f"{fault.name}: the arm does not move: {cell.person.state.text}")
    cell.person.states.clear()
    fault_s = steady_s()
    fault.make(cell)
    time.sleep(fault.watch_s)
    stopped = [(at_s, msg) for at_s, msg in list(cell.person.states) if msg.state == State.FAULT]
    detected = stopped[0] if stopped else None
    shown = cell.person.states[-1][1] if cell.person.states else None
    cell.person.drives = False
    stood = cell.control.arm.q.copy()
    fault.mend(cell)
    time.sleep(0.5)
    moved_rad = float(np.abs(cell.control.arm.q - stood).max())
    output = cell.control.course(fault_s)[1]
    row: Row = {
        "fault": fault.name,
        "detect_ms": 1e3 * (detected[0] - fault_s) if detected else None,
        "output_step_mrad": 1e3 * float(np.abs(np.diff(output, axis=0)).max()),
        "moved_mrad": 1e3 * moved_rad if detected else None,
        "state": State(shown.state).name if shown else "ended",
        "reason": (detected[1] if detected else shown or GateState()).text[:60],
    }
    return judged({**row, "recovered": cell.drive()}, fault.expected)


def judged(row: Row, expected: Expected) -> Row:
    """Return the row with what of it is wrong."""
    return {**row, "wrong": "; ".join(unexpected(row, expected))}


def inactive_at_arming(cell: Cell) -> Row:
    """Ask to arm while the controller is inactive."""
    cell.control.switch(False)
    time.sleep(0.3)
    answer = cell.person.arm()
    cell.control.switch(True)
    row: Row = {"fault": "controller inactive at arming", "detect_ms": None, "output_step_mrad": None}
    row |= {"moved_mrad": None, "state": "ARMED" if answer.success else "REFUSED"}
    row |= {"reason": answer.message[:60], "recovered": cell.drive()}
    return judged(row, Expected("REFUSED", INACTIVE))


def one_message(late_s: float | None) -> Callable[[Cell], None]:
    """Let the next message of the gate be lost (None), or come later."""

    def make(cell: Cell) -> None:
        node = cell.control.node
        accept = node._accept

        def once(msg: object) -> str:
            node._accept = accept
            if late_s is not None:
                threading.Timer(late_s, accept, (msg,)).start()
            return ""

        node._accept = once

    return make


def kill_gate(cell: Cell) -> None:
    """End the gate's process without a word."""
    cell.gate.send_signal(signal.SIGKILL)
    cell.gate.wait()


def leave_and_return(cell: Cell) -> None:
    """Deactivate the controller; 0.2 s later it is active again."""
    cell.control.switch(False)
    time.sleep(0.2)
    cell.control.switch(True)


def fault(reason: str) -> Expected:
    """A latched fault with that reason, soon enough."""
    return Expected(State.FAULT.name, reason, NOTICED_MS)


FAULTS = (
    Fault("controller deactivated and back 0.2 s later", fault(INACTIVE), leave_and_return),
    Fault("controller deactivated", fault(INACTIVE), lambda c: c.control.switch(False),
          lambda c: c.control.switch(True)),
    Fault("program paused", fault("the UR's program does not run"), lambda c: c.ur.set(program=False),
          lambda c: c.ur.set(program=True)),
    Fault("protective stop", fault("PROTECTIVE STOP"), lambda c: c.ur.set(safety_mode=3),
          lambda c: c.ur.set(safety_mode=1, program=True)),
    Fault("slider to 50 %", DRIVES, lambda c: c.ur.set(slider_percent=50.0),
          lambda c: c.ur.set(slider_percent=100.0)),
    Fault("slider to 0 %", fault("speed slider is at 0 %"), lambda c: c.ur.set(slider_percent=0.0),
          lambda c: c.ur.set(slider_percent=100.0)),
    Fault("joint_states also by joint_state_publisher", DRIVES, lambda c: c.echo.reset(),
          lambda c: c.echo.cancel(), watch_s=1.0),
    Fault("one message lost", DRIVES, one_message(None)),
    Fault("one message 18 ms late", DRIVES, one_message(0.018)),
    Fault("gate SIGKILL", Expected("ended"), kill_gate, lambda c: c.start_gate()),
)  # fmt: skip


def main() -> int:
    parser = arguments("What happens on a real arm's controller when something breaks")
    parser.add_argument("--only", metavar="TEXT", default="", help="only faults that have this in their name")
    options = parser.parse_args()
    rclpy.init()
    with message_packages():
        cell = Cell()
        try:
            if not cell.drive():
                raise RuntimeError(f"the arm does not move: {cell.person.state.text}")
            rows = [inject(fault, cell) for fault in FAULTS if options.only in fault.name]
            rows.append(inactive_at_arming(cell))
        finally:
            cell.close()
    report(f"faults on a UR5e's controller, load average {os.getloadavg()[0]:.1f}", rows, options.json)
    return conclude(rows)


if __name__ == "__main__":
    sys.exit(main())
