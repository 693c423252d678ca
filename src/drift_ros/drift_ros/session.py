"""The client of a running stack: arm, home, run episodes, train. Every wait has a limit and a name.

A SessionClient has its own ROS context and executor and is used from one thread. It spins only inside its own
calls, never inside a callback; feedback is handed over between spins, so that the receiver may call it again.
"""

from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Any

import rclpy
from drift_interfaces.action import Home, RunEpisode, Train
from drift_interfaces.msg import Checkpoint, GateState, PolicyState
from drift_interfaces.srv import LoadCheckpoint, ResetTask, Rollback
from rclpy.action import ActionClient
from rclpy.client import Client
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from rclpy.task import Future
from std_srvs.srv import Trigger

from drift_ros import qos
from drift_ros.clock import steady_s
from drift_ros.errors import SessionError

_ANSWER_S = 5.0  # a service or an action's acceptance takes no longer
_SLICE_S = 0.05  # longest spin between two looks at feedback and limits
_SERVICES = {
    "gate/arm": Trigger,
    "gate/stop": Trigger,
    "trainer/mark_success": Trigger,
    "trainer/mark_failure": Trigger,
    "policy/load_checkpoint": LoadCheckpoint,
    "policy/rollback": Rollback,
    "sim/reset": ResetTask,
}
_ACTIONS = {"gate/home": Home, "trainer/run_episode": RunEpisode, "trainer/train": Train}
_STATES = {"gate/state": GateState, "policy/state": PolicyState, "trainer/checkpoint": Checkpoint}


class SessionClient:
    """Use as a context manager: `with SessionClient() as session: session.arm()`."""

    def __init__(self, namespace: str = "", domain_id: int | None = None) -> None:
        self._context = Context()
        # Ctrl-C stays Python's KeyboardInterrupt, so that a goal can still be cancelled
        rclpy.init(context=self._context, domain_id=domain_id, signal_handler_options=SignalHandlerOptions.NO)
        self._node = Node("session", namespace=namespace, context=self._context, use_global_arguments=False)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        self._services = {name: self._node.create_client(kind, name) for name, kind in _SERVICES.items()}
        self._actions = {name: ActionClient(self._node, kind, name) for name, kind in _ACTIONS.items()}
        self._newest: dict[str, Any] = dict.fromkeys(_STATES)
        for name, kind in _STATES.items():
            self._node.create_subscription(kind, name, self._remember(name), qos.LATCHED)

    def __enter__(self) -> "SessionClient":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leave the graph."""
        for client in self._actions.values():
            client.destroy()
        self._executor.shutdown(timeout_sec=1.0)
        self._node.destroy_node()
        self._context.try_shutdown()

    @property
    def node(self) -> Node:
        """The node of this client, for further publishers and subscriptions."""
        return self._node

    @property
    def gate_state(self) -> GateState | None:
        """The newest gate/state, None before the first."""
        return self._newest["gate/state"]

    @property
    def policy_state(self) -> PolicyState | None:
        """The newest policy/state, None before the first."""
        return self._newest["policy/state"]

    @property
    def checkpoint(self) -> Checkpoint | None:
        """The newest announced checkpoint, None before the first."""
        return self._newest["trainer/checkpoint"]

    def spin(self, duration_s: float) -> None:
        """Receive for `duration_s`."""
        limit_s = steady_s() + duration_s
        while (left_s := limit_s - steady_s()) > 0.0:
            self._executor.spin_once(timeout_sec=min(left_s, _SLICE_S))

    def wait_until(self, condition: Callable[[], bool], limit_s: float, what: str) -> None:
        """Receive until `condition()` holds, or raise SessionError that says `what` did not happen."""
        end_s = steady_s() + limit_s
        while not condition():
            if steady_s() > end_s:
                raise SessionError(f"waited {limit_s:g} s for {what}")
            self._executor.spin_once(timeout_sec=_SLICE_S)

    def wait_for_servers(self, *names: str, limit_s: float = 30.0) -> None:
        """Wait until the services and actions of these names are there; without names, all of them."""
        wanted = {name: self._server(name) for name in names or (*_SERVICES, *_ACTIONS)}
        end_s = steady_s() + limit_s
        while missing := [name for name, server in wanted.items() if not _is_ready(server)]:
            if steady_s() > end_s:
                raise SessionError(
                    f"no server for {', '.join(missing)} after {limit_s:g} s; is the stack up?"
                )
            self._executor.spin_once(timeout_sec=_SLICE_S)

    def arm(self) -> str:
        """Arm the gate; SessionError says why it refuses."""
        return self._trigger("gate/arm")

    def stop(self) -> str:
        """Stop the arm."""
        return self._trigger("gate/stop")

    def mark(self, success: bool) -> str:
        """Judge the running episode."""
        return self._trigger("trainer/mark_success" if success else "trainer/mark_failure")

    def reset_task(self, seed: int) -> None:
        """Put the simulated objects into the start poses of `seed`."""
        response = self._call("sim/reset", ResetTask.Request(seed=seed))
        self._raise_on_error("sim/reset", response)

    def load_checkpoint(self, path: str, sha256: str = "", limit_s: float = 30.0) -> LoadCheckpoint.Response:
        """Ask the policy to verify and swap in a checkpoint; the response has an error_code."""
        request = LoadCheckpoint.Request(path=path, sha256=sha256)
        return self._call("policy/load_checkpoint", request, limit_s)

    def rollback(self, limit_s: float = 10.0) -> Rollback.Response:
        """Ask the policy for the previous checkpoint; the response has an error_code."""
        return self._call("policy/rollback", Rollback.Request(), limit_s)

    def home(self, limit_s: float = 30.0) -> None:
        """Move the arm to its home pose; SessionError says what came between."""
        self._raise_on_error("gate/home", self._run("gate/home", Home.Goal(), limit_s, None))

    def run_episode(
        self,
        kind: int,
        seed: int,
        on_feedback: Callable[[RunEpisode.Feedback], None] | None = None,
        max_duration_s: float = 0.0,
        limit_s: float = 300.0,
    ) -> RunEpisode.Result:
        """Run one episode (kind: RunEpisode.Goal.DEMONSTRATION, …); the result has an error_code."""
        goal = RunEpisode.Goal(kind=kind, seed=seed, max_duration_s=max_duration_s)
        return self._run("trainer/run_episode", goal, limit_s, on_feedback)

    def train(
        self,
        kind: int,
        steps: int = 0,
        on_feedback: Callable[[Train.Feedback], None] | None = None,
        limit_s: float = 3600.0,
    ) -> Train.Result:
        """Train (kind: Train.Goal.OFFLINE or ONLINE; 0 steps: as configured); see the result's error_code."""
        return self._run("trainer/train", Train.Goal(kind=kind, steps=steps), limit_s, on_feedback)

    def start_train(self, kind: int, steps: int = 0, on_feedback: Any = None) -> "Running":
        """Start training and return at once; episodes can run meanwhile."""
        return Running(self, "trainer/train", Train.Goal(kind=kind, steps=steps), on_feedback)

    def _remember(self, name: str) -> Callable[[Any], None]:
        def on_message(msg: Any) -> None:
            self._newest[name] = msg

        return on_message

    def _server(self, name: str) -> Client | ActionClient:
        if name not in _SERVICES and name not in _ACTIONS:
            raise SessionError(f"server {name!r} must be one of {', '.join((*_SERVICES, *_ACTIONS))}")
        return self._services.get(name) or self._actions[name]

    def _trigger(self, name: str) -> str:
        response = self._call(name, Trigger.Request())
        if not response.success:
            raise SessionError(f"{name} refused: {response.message}")
        return response.message

    def _call(self, name: str, request: Any, limit_s: float = _ANSWER_S) -> Any:
        self.wait_for_servers(name, limit_s=_ANSWER_S)
        future = self._services[name].call_async(request)
        self.wait_until(future.done, limit_s, f"the answer of {name}")
        return future.result()

    def _run(self, name: str, goal: Any, limit_s: float, on_feedback: Callable[[Any], None] | None) -> Any:
        return Running(self, name, goal, on_feedback).result(limit_s)

    def _raise_on_error(self, name: str, answer: Any) -> None:
        if answer.error_code:
            raise SessionError(f"{name} failed: {error_name(answer)}: {answer.error_msg}")


class Running:
    """One action goal under way; feedback is delivered in `poll` and `result`."""

    def __init__(
        self, client: SessionClient, name: str, goal: Any, on_feedback: Callable[[Any], None] | None
    ) -> None:
        self._client, self._name, self._on_feedback = client, name, on_feedback
        self._feedback: deque[Any] = deque()
        client.wait_for_servers(name, limit_s=_ANSWER_S)
        accepted = client._actions[name].send_goal_async(
            goal, feedback_callback=lambda msg: self._feedback.append(msg.feedback)
        )
        client.wait_until(accepted.done, _ANSWER_S, f"{name} to accept the goal")
        self._handle = accepted.result()
        if not self._handle.accepted:
            raise SessionError(f"{name} rejected the goal; is another one running?")
        self._result: Future = self._handle.get_result_async()

    def poll(self) -> bool:
        """Receive once, deliver feedback, and return whether the goal has ended."""
        self._client._executor.spin_once(timeout_sec=_SLICE_S)
        while self._feedback:
            feedback = self._feedback.popleft()
            if self._on_feedback is not None:
                self._on_feedback(feedback)
        return self._result.done()

    def result(self, limit_s: float) -> Any:
        """Wait for the end; on a time-out or an interrupt the goal is cancelled first, then it is raised."""
        end_s = steady_s() + limit_s
        try:
            while not self.poll():
                if steady_s() > end_s:
                    raise SessionError(f"{self._name} did not end within {limit_s:g} s; cancelled")
        except BaseException:
            self.cancel()
            raise
        return self._result.result().result

    def cancel(self) -> None:
        """Ask the server to end the goal; the server's answer is awaited, the goal's end is not."""
        answer = self._handle.cancel_goal_async()
        self._client.wait_until(answer.done, _ANSWER_S, f"{self._name} to accept the cancellation")


def error_name(answer: Any) -> str:
    """Return the name of `answer.error_code` as its service or action defines it."""
    for name in dir(type(answer)):
        if name.isupper() and getattr(answer, name) == answer.error_code:
            return name
    return f"error {answer.error_code}"


def _is_ready(server: Client | ActionClient) -> bool:
    return server.server_is_ready() if isinstance(server, ActionClient) else server.service_is_ready()
