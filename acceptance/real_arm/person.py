"""Who drives or guides the arm, and what the gate says to them."""

import threading
from abc import ABC, abstractmethod

from drift.configuration import config_file
from drift_control.teleop.joystick import load_joystick
from drift_interfaces.msg import GateState
from drift_ros import qos
from drift_ros.clock import steady_s
from drift_ros.gate_messages import to_joy_message
from rclpy.node import Node
from sensor_msgs.msg import Joy
from std_msgs.msg import Bool
from std_srvs.srv import Trigger

STICK_M_S = 0.1
_STILL = (0.0, 0.0, 0.0)


class Person(ABC, Node):
    """Asks the gate to arm, hears what it says, and every 20 ms says something herself."""

    DEVICE = ""  # of config/joysticks: what she holds

    def __init__(self) -> None:
        super().__init__("person")
        self.states: list[tuple[float, GateState]] = []  # steady time of arrival
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

    @abstractmethod
    def _on_timer(self) -> None:
        """Say what she does."""


class Operator(Person):
    """With a joystick that sweeps to and fro."""

    DEVICE = "keyboard"

    def __init__(self) -> None:
        self._joystick, self._count = load_joystick(config_file("joystick", self.DEVICE)), 0
        self.drives = False
        super().__init__()
        self._joy = self.create_publisher(Joy, "joy", qos.JOY)

    def _on_timer(self) -> None:
        self._count += 1
        along = STICK_M_S if self._count // 60 % 2 else -STICK_M_S
        velocity = (0.0, along, 0.0) if self.drives else _STILL
        axes, buttons = self._joystick.encode(self.drives, velocity, _STILL, 0.0, count=self._count)
        self._joy.publish(to_joy_message(axes, buttons, self.get_clock().now().to_msg()))


class Guide(Person):
    """With a pedal: while it is down she leads the arm."""

    DEVICE = "hand_guiding"

    def __init__(self) -> None:
        self.down, self.speaks = False, True
        super().__init__()
        self._pedal = self.create_publisher(Bool, "joy", qos.JOY)

    def _on_timer(self) -> None:
        if self.speaks:
            self._pedal.publish(Bool(data=self.down))
