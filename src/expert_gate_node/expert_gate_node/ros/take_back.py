"""Have an arm held again that a gate has left free: a process of its own, which outlives the gate's.

`python -m expert_gate_node.ros.take_back NAMESPACE DRIVEN GUIDING`, started by the gate for a controller of
hand guiding that listens to nobody. It reads the gate's words from standard input (`last_word.py`), and
echoes them to standard output once the controller manager can be asked.
"""

import os
import select
import signal
import sys
from contextlib import suppress
from typing import Any

import rclpy
from drift_ros.clock import steady_s
from rclpy.client import Client
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from expert_gate_node.last_word import LastWord
from expert_gate_node.ros.optional import optional
from expert_gate_node.ros.switching import switch_request

_LOOK_S = 0.05
_ANSWER_S = 2.0
_INPUT, _OUTPUT = 0, 1  # file descriptors


def main() -> int:
    """Listen until the gate's process has ended and the arm is held; 1: nobody could have been asked."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):  # it ends when the gate has
        signal.signal(number, signal.SIG_IGN)
    namespace, driven, guiding = sys.argv[1:]
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node("hand_guiding_keeper", start_parameter_services=False)
    try:
        services: Any = optional(node, "controller_manager_msgs.srv", "the arm cannot be taken back")
        if services is None:
            return 1
        switch = f"{namespace}/controller_manager/switch_controller"
        client = node.create_client(services.SwitchController, switch)
        _listen(node, client, services.SwitchController, driven, guiding)
        return 0
    finally:
        node.destroy_node()
        rclpy.try_shutdown()


def _listen(node: Node, client: Client, service: Any, driven: str, guiding: str) -> None:
    word, can_ask = LastWord(), False
    while not word.over(steady_s()):
        # a pipe that has ended is always ready
        if select.select([] if word.ended else [_INPUT], [], [], _LOOK_S)[0]:
            words = os.read(_INPUT, 4096)
            word.hear(words, steady_s())
            can_ask = can_ask or client.service_is_ready()
            if can_ask:
                with suppress(BrokenPipeError):  # the gate's process has ended, as its next words will say
                    os.write(_OUTPUT, words[-1:])
        rclpy.spin_once(node, timeout_sec=0.0)
        if word.due(steady_s()) and _taken_back(node, client, service, driven, guiding):
            node.get_logger().error(f"nothing more is heard of the gate: {guiding} is deactivated")
            word.held()


def _taken_back(node: Node, client: Client, service: Any, driven: str, guiding: str) -> bool:
    """Ask for both controllers; where that is refused, for the end of the guiding alone, which holds, too."""
    for activated in ([driven], []):
        asked = client.call_async(switch_request(service, activated, [guiding], strictly=bool(activated)))
        rclpy.spin_until_future_complete(node, asked, timeout_sec=_ANSWER_S)
        answer = asked.result() if asked.done() else None
        if answer is not None and answer.ok:
            return True
        client.remove_pending_request(asked)
    return False


if __name__ == "__main__":
    sys.exit(main())
