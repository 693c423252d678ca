"""A StackClient for programs without a node: start, spin until done. Every wait has a limit and a name."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from types import TracebackType
from typing import Any

import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from drift_ros.clock import steady_s
from drift_ros.errors import SessionError
from drift_ros.request import ANSWER_S, StackRequest
from drift_ros.stack_client import StackClient

_SLICE_S = 0.05  # longest spin between two looks at a condition


def _awaited(start: Callable[..., StackRequest]) -> Callable[..., Any]:
    """Return the method of a SessionClient that starts a request and waits for its result."""

    @wraps(start)
    def run(session: "SessionClient", *args: Any, **kwargs: Any) -> Any:
        return session.wait(start(session.stack, *args, **kwargs))

    return run


class SessionClient:
    """Use as a context manager: `with SessionClient() as session: session.arm()`.

    It has a ROS context and an executor of its own, is used from one thread, and spins only inside its calls.
    A callback starts things with `session.stack` instead, and does not wait for them.
    """

    arm = _awaited(StackClient.arm)
    stop = _awaited(StackClient.stop)
    start_episode = _awaited(StackClient.start_episode)
    mark = _awaited(StackClient.mark)
    end_episode = _awaited(StackClient.end_episode)
    reset_task = _awaited(StackClient.reset_task)
    allow_takeovers = _awaited(StackClient.allow_takeovers)
    load_checkpoint = _awaited(StackClient.load_checkpoint)
    rollback = _awaited(StackClient.rollback)
    home = _awaited(StackClient.home)
    run_episode = _awaited(StackClient.run_episode)
    train = _awaited(StackClient.train)

    def __init__(self, namespace: str = "", domain_id: int | None = None) -> None:
        self._context = Context()
        # Ctrl-C stays Python's KeyboardInterrupt, so that a goal can still be cancelled
        rclpy.init(context=self._context, domain_id=domain_id, signal_handler_options=SignalHandlerOptions.NO)
        self.node = Node("session", namespace=namespace, context=self._context, use_global_arguments=False)
        self.stack = StackClient(self.node)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self._spinning = False

    def __enter__(self) -> "SessionClient":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leave the graph."""
        self.stack.close()
        self._executor.shutdown(timeout_sec=1.0)
        self.node.destroy_node()
        self._context.try_shutdown()

    @property
    def gate_state(self) -> Any:
        """The newest gate/state, None before the first."""
        return self.stack.gate_state

    @property
    def policy_state(self) -> Any:
        """The newest policy/state, None before the first."""
        return self.stack.policy_state

    @property
    def checkpoint(self) -> Any:
        """The newest announced checkpoint, None before the first."""
        return self.stack.checkpoint

    def spin(self, duration_s: float) -> None:
        """Receive for `duration_s`."""
        limit_s = steady_s() + duration_s
        while (left_s := limit_s - steady_s()) > 0.0:
            self._spin_once(min(left_s, _SLICE_S))

    def wait_until(self, condition: Callable[[], bool], limit_s: float, what: str) -> None:
        """Receive until `condition()` holds, or raise SessionError that says `what` did not happen."""
        end_s = steady_s() + limit_s
        while not condition():
            if steady_s() > end_s:
                raise SessionError(f"waited {limit_s:g} s for {what}")
            self._spin_once(_SLICE_S)

    def wait_for_servers(self, *names: str, limit_s: float = 30.0) -> None:
        """Wait until the services and actions of these names are there; without names, all of them."""
        end_s = steady_s() + limit_s
        while missing := self.stack.missing(*names):
            if steady_s() > end_s:
                raise SessionError(
                    f"no server for {', '.join(missing)} after {limit_s:g} s; is the stack up?"
                )
            self._spin_once(_SLICE_S)

    def wait(self, request: StackRequest) -> Any:
        """Return the result of a request, which has a limit of its own, or raise its error.

        What interrupts the waiting (Ctrl-C) cancels the request, gives it 5 s to end, and goes on.
        """
        try:
            while not request.done:
                self._spin_once(_SLICE_S)
        except BaseException:
            request.cancel()
            end_s = steady_s() + ANSWER_S
            while not request.done and steady_s() < end_s:
                self._spin_once(_SLICE_S)
            raise
        return request.result()

    def _spin_once(self, timeout_s: float) -> None:
        if self._spinning:
            raise RuntimeError("a callback must not wait: start it with session.stack")
        self._spinning = True
        try:
            with _interrupt_afterwards():
                self._executor.spin_once(timeout_sec=timeout_s)
        finally:
            self._spinning = False


@contextmanager
def _interrupt_afterwards() -> Iterator[None]:
    """Handle SIGINT after the block: a KeyboardInterrupt within rclpy's C++ would become a TypeError."""
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        yield
        return
    received: list[int] = []
    signal.signal(signal.SIGINT, lambda number, frame: received.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if received:
            handler(signal.SIGINT, None)
