"""Where the console of a running stack is opened: its node says in which folder, and the folder to whom."""

from pathlib import Path

from drift_console_node.address import FILE, read_address
from drift_ros.clock import steady_s
from drift_ros.session import SessionClient
from rcl_interfaces.srv import GetParameters

from drift.ros.robot.graph import Question


class ConsoleOfStack:
    """Asks the console's node for its run; the token is read from the file there, and not asked for."""

    def __init__(self, client: SessionClient) -> None:
        self._client = client
        request = GetParameters.Request(names=["run_folder"])
        self._question = Question(client.node, GetParameters, "console/get_parameters", request)

    def word(self, limit_s: float) -> str:
        """Return where to open it, or who can; empty where no console answers within the limit [s]."""
        end_s = steady_s() + limit_s
        while self._question.answer is None and steady_s() < end_s:
            self._question.look()
            self._client.spin(0.02)
        values = [] if self._question.answer is None else self._question.answer.values
        if not values or not values[0].string_value:
            return ""
        run = Path(values[0].string_value)
        address = read_address(run)
        if address:
            return f"open in a browser: {address}"
        return f"the console's address is in {run / FILE} on its machine, for whoever started it"
