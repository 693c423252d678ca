"""The page's buttons as requests to the stack."""

from collections.abc import Callable
from typing import Any

from drift_ros.errors import error_name
from drift_ros.request import StackRequest
from drift_ros.stack_client import StackClient
from rclpy.node import Node

from drift_console_node.exchange import STOP, Press

_STOP_S = 0.3  # for the gate's answer; the page asks again before
_NAMES = (
    "gate/arm",
    "gate/stop",
    "gate/home",
    "trainer/start_episode",
    "trainer/mark_success",
    "trainer/mark_failure",
    "trainer/end_episode",
    "policy/rollback",
)


class Buttons:
    """Each press is one request; what becomes of it is answered."""

    def __init__(self, node: Node) -> None:
        stack = self._stack = StackClient(node, _NAMES)
        self._asks: dict[str, Callable[[], StackRequest]] = {
            "arm": stack.arm,
            "home": stack.home,
            "start": stack.start_episode,
            "success": lambda: stack.mark(True),
            "failure": lambda: stack.mark(False),
            "end": stack.end_episode,
            "rollback": stack.rollback,
        }
        self._stop: StackRequest | None = None

    def press(self, press: Press) -> None:
        """Ask for what a button means."""
        if press.what == STOP:
            if self._stop is None or self._stop.done:  # one that waits is sent as soon as there is a gate
                self._stop = self._stack.stop(_STOP_S)
            return
        request = self._asks[press.what]()
        request.add_done_callback(lambda done: press.answer(*_outcome(done)))

    def close(self) -> None:
        """Leave the graph."""
        self._stack.close()


def _outcome(request: StackRequest) -> tuple[bool, str]:
    if request.error is not None:
        return False, request.error.reason
    answer: Any = request.result()
    if getattr(answer, "error_code", 0):
        return False, f"{error_name(answer)}: {answer.error_msg}"
    return True, answer if isinstance(answer, str) else ""
