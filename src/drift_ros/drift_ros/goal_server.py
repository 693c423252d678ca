"""An action server for work done elsewhere (in a timer, a worker): one goal at a time, nothing blocks.

The action's status is repeated, also while no goal runs: a client that hears nothing of its goal any more
knows that this server has died or was restarted (a killed process stays in the ROS graph for up to 20 s), and
one that hears anything at all is known to this server (see `server_signs`).
"""

from collections.abc import Callable
from typing import Any

from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.node import Node
from rclpy.task import Future

from drift_ros.clock import steady_clock, steady_s
from drift_ros.goal_holder import GoalHolder

HEARTBEAT_S = 0.5  # between two messages of the status


class _Server(ActionServer):
    """An action server that says when somebody asks for a result."""

    def __init__(self, holder: GoalHolder | None, *args: Any, **kwargs: Any) -> None:
        self._holder = holder
        super().__init__(*args, **kwargs)

    async def _execute_get_result_request(self, request_header_and_message: Any) -> None:
        if self._holder is not None:
            self._holder.ask()
        await super()._execute_get_result_request(request_header_and_message)


class GoalServer:
    """Accept a goal if none is running, tell the owner, and wait until the owner calls `finish`."""

    def __init__(
        self,
        node: Node,
        action_type: Any,
        name: str,
        on_goal: Callable[[Any], None],
        on_cancel: Callable[[], None],
        held: bool = False,
    ) -> None:
        """`held`: a goal is cancelled when whoever has sent it is gone."""
        self._node, self._name = node, name
        self._on_goal, self._on_cancel = on_goal, on_cancel
        self._holder = GoalHolder(node, name) if held else None
        self._starting = False  # a goal is accepted, its owner does not know yet
        self._handle: Any = None
        self._outcome: Future | None = None
        self._server = _Server(
            self._holder,
            node,
            action_type,
            name,
            self._execute,
            goal_callback=lambda goal: GoalResponse.REJECT if self._busy else GoalResponse.ACCEPT,
            handle_accepted_callback=self._on_accepted,
            cancel_callback=self._on_cancel_request,
        )
        node.create_timer(HEARTBEAT_S, self._on_heartbeat, clock=steady_clock())
        # a node's destroy_node leaves its action servers, and with them the node, in the ROS graph
        node.context.on_shutdown(self._server.destroy)

    @property
    def active(self) -> bool:
        """A goal is under way, and its owner has been told."""
        return self._outcome is not None and not self._outcome.done()

    @property
    def _busy(self) -> bool:
        return self._starting or self.active

    def feedback(self, feedback: Any) -> None:
        """Publish feedback of the running goal; nothing happens when none runs."""
        if self.active:
            self._handle.publish_feedback(feedback)

    def finish(self, result: Any) -> None:
        """End the running goal: succeeded if `error_code` is 0, cancelled if that was asked, else aborted."""
        if self.active:
            self._outcome.set_result(result)

    def _on_heartbeat(self) -> None:
        self._server._handle.publish_status()  # rclpy itself does so at changes only
        if self._holder is not None and (reason := self._holder.missing(steady_s())) and self.active:
            self._node.get_logger().warning(f"a goal of {self._name} is given up: {reason}")
            self._on_cancel()

    def _on_accepted(self, handle: Any) -> None:
        self._starting = True
        handle.execute()

    def _on_cancel_request(self, handle: Any) -> CancelResponse:
        self._on_cancel()
        return CancelResponse.ACCEPT

    async def _execute(self, handle: Any) -> Any:
        outcome = Future()
        self._handle, self._outcome, self._starting = handle, outcome, False
        if self._holder is not None:
            self._holder.begin(steady_s())
        try:
            self._on_goal(handle.request)
        except Exception:  # rclpy reports it and aborts the goal; the next one must not be rejected for it
            self._outcome = None
            raise
        result = await outcome
        if self._holder is not None:
            self._holder.end()
        if result.error_code == 0:
            handle.succeed()
        elif handle.is_cancel_requested:
            handle.canceled()
        else:
            handle.abort()
        return result
