"""One start-up and shutdown for all nodes."""

import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

import rclpy
from drift_config.errors import DriftError
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from drift_ros.clock import steady_s

EXIT_OK, EXIT_CRASH, EXIT_CONFIG = 0, 1, 2
_WAKE_UP_S = 0.1  # a signal is seen at the latest after this time
_STOP_LIMIT_S = 1.0  # a node that wants to finish something (decelerate) gets this long


class _Signals:
    """Remember SIGINT and SIGTERM; the second one interrupts whatever hangs."""

    def __init__(self) -> None:
        self.received = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.received:
            raise KeyboardInterrupt
        self.received = True


def run_node(make_node: Callable[[], Node]) -> int:
    """Run one node on a single-threaded executor until it is told to stop; return the exit code.

    0: stopped by SIGINT or SIGTERM. 1: an exception, logged with its traceback. 2: wrong configuration, said
    without one; ValueError, OSError and DriftError from the constructor count as that.
    A node with the methods `begin_stop()` and `stopped() -> bool` is spun on while it comes to rest (<= 1 s).
    """
    signals = _Signals()
    # rclpy's own handlers would shut the context down at once, and the last commands could not be published
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    node = None
    try:
        try:
            node = make_node()
        except (ValueError, OSError, DriftError) as error:
            print(f"error: {error}", file=sys.stderr, flush=True)
            return EXIT_CONFIG
        _spin(node, signals)
        return EXIT_OK
    except (KeyboardInterrupt, ExternalShutdownException):
        return EXIT_OK
    except Exception:
        text = traceback.format_exc()
        if node is not None:
            node.get_logger().fatal(text)
        else:
            print(text, file=sys.stderr, flush=True)
        return EXIT_CRASH
    finally:
        if node is not None:
            node.destroy_node()
            rclpy.try_shutdown()
        else:
            # rclpy calls destroy_node of the half-built node, whose fields may not be there yet
            with suppress(AttributeError):
                rclpy.try_shutdown()


def _spin(node: Node, signals: _Signals) -> None:
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    try:
        while not signals.received:
            executor.spin_once(timeout_sec=_WAKE_UP_S)
    finally:  # also after an exception in a callback: the arm comes to rest first
        _come_to_rest(node, executor)
        executor.remove_node(node)
        executor.shutdown(timeout_sec=0.5)


def _come_to_rest(node: Node, executor: SingleThreadedExecutor) -> None:
    if not hasattr(node, "begin_stop"):
        return
    node.begin_stop()
    limit_s = steady_s() + _STOP_LIMIT_S
    while not node.stopped() and steady_s() < limit_s:
        executor.spin_once(timeout_sec=_WAKE_UP_S)
