"""One start-up and shutdown for all nodes."""

import faulthandler
import gc
import os
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
_STDERR = 2  # the descriptor: sys.stderr may have none
_WAKE_UP_S = 0.1  # a signal is seen at the latest after this time
_HANG_S = 2.0  # after the first signal a node that has not ended hangs
_STOP_LIMIT_S = 1.0  # a node that wants to finish something (decelerate) gets this long


class _Signals:
    """Remember SIGINT, SIGTERM and SIGHUP; one that comes long after the first ends whatever hangs.

    Ctrl-C under a launcher reaches a node twice, from the terminal and from the launcher: the second must not
    cut the braking short.
    """

    def __init__(self) -> None:
        self.received = False
        self._first_s = 0.0
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:  # nohup
                signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if not self.received:
            self.received, self._first_s = True, steady_s()
        elif steady_s() - self._first_s > _HANG_S:
            os.write(sys.stderr.fileno(), f"error: did not stop within {_HANG_S:g} s\n".encode())
            os._exit(EXIT_CRASH)


def run_node(make_node: Callable[[], Node]) -> int:
    """Run one node on a single-threaded executor until it is told to stop; return the exit code.

    0: stopped by SIGINT, SIGTERM or SIGHUP. 1: an exception, logged with its traceback, or an end that took
    too long. 2: wrong configuration, said without one; ValueError, OSError and DriftError from the
    constructor count as that.
    A process that crashes, or that a watchdog ends by SIGABRT, writes to stderr where its threads stand.
    A node with the methods `begin_stop()` and `stopped() -> bool` is spun on while it comes to rest (<= 1 s).
    """
    signals = _Signals()
    faulthandler.enable(file=_STDERR)
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
    except ExternalShutdownException:
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
        node = None
        _collect_garbage()


def _collect_garbage() -> None:
    """Collect it once, and let Python look for none at its end.

    There it looks again and again among all that was imported: for 0.2 s of a core in the simulation, for
    0.6 s in the policy, which on a busy machine is longer than a supervisor waits.
    """
    gc.unfreeze()  # a node may have set itself apart
    gc.collect()
    gc.freeze()


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
