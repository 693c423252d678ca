"""Whether a server that is not ours, or of which nothing is to be heard, knows its clients.

The trouble is that of `server_signs`: an answer to a client that the server has not discovered is thrown
away. Here the sign is an answer, too. A node of ROS answers questions about its parameters; the client of
such a question is made after the clients in question, and discovery tells of the readers of a process in the
order in which they were made. So a server whose node has answered knows them all, and has done nothing yet.
"""

from collections.abc import Callable

from rcl_interfaces.srv import GetParameters
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.client import Client
from rclpy.node import Node, NodeNameNonExistentError
from rclpy.task import Future

from drift_ros.clock import steady_clock, steady_s

_LOOK_S = 0.1
_ASK_AGAIN_S = 0.5  # a server that waits for a client in vain takes 0.1 s
PATIENCE_S = 5.0  # with a server whose node does not answer, or was made without parameter services


class Acquaintance:
    """Get acquainted with one server whenever it comes."""

    def __init__(self, node: Node, service: str, ready: Callable[[], bool]) -> None:
        """`service`: of an action it is NAME/_action/send_goal. `ready`: whether its client sees the server.

        Made in the constructor of `node`, as the client is.
        """
        self._node, self._service, self._ready = node, node.resolve_service_name(service), ready
        # of its own: a node may await the very server in its default group
        self._group = MutuallyExclusiveCallbackGroup()
        self._client: Client | None = None  # of the question
        self._answer: Future | None = None
        self._asked_s = float("-inf")
        self._since_s: float | None = None  # the server is there; None: it is not
        self._known = False
        node.create_timer(_LOOK_S, self._look, self._group, clock=steady_clock())

    @property
    def made(self) -> bool:
        """Whether the server is there and knows its client."""
        return self._known and self._ready()

    def _look(self) -> None:
        if not self._ready():
            self._since_s, self._known = None, False
            self._forget()
        elif not self._known:
            now_s = steady_s()
            if self._since_s is None:
                self._since_s = now_s
            self._known = self._answered(now_s) or now_s - self._since_s > PATIENCE_S
            if self._known:
                self._forget()

    def _answered(self, now_s: float) -> bool:
        if self._client is None:
            if server := self._server():
                name = f"{server}/get_parameters"
                self._client = self._node.create_client(GetParameters, name, callback_group=self._group)
            return False
        if self._answer is not None and self._answer.done():
            return True
        if now_s - self._asked_s > _ASK_AGAIN_S and self._client.service_is_ready():
            if self._answer is not None:
                self._client.remove_pending_request(self._answer)
            self._asked_s, self._answer = now_s, self._client.call_async(GetParameters.Request())
        return False

    def _forget(self) -> None:
        """Ask nothing any more."""
        if self._client is not None:
            self._node.destroy_client(self._client)
        self._client, self._answer, self._asked_s = None, None, float("-inf")

    def _server(self) -> str:
        """Return the full name of the node that serves; empty: the graph does not tell yet."""
        for name, namespace in self._node.get_node_names_and_namespaces():
            try:
                services = self._node.get_service_names_and_types_by_node(name, namespace)
            except NodeNameNonExistentError:  # it has just gone
                continue
            if any(service == self._service for service, _ in services):
                return f"{namespace.rstrip('/')}/{name}"
        return ""
