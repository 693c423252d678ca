"""The store of a running recorder, as `drift data sync` asks for it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import rclpy
from drift_core.episodes.source import RemoteSource
from drift_interfaces.srv import ReadEpisode
from drift_ros.piece_client import PieceClient
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions


@contextmanager
def recorder_store(namespace: str) -> Iterator[RemoteSource]:
    """Yield the store of the recorder in a namespace, which need not be there yet."""
    context = Context()
    # Ctrl-C stays Python's: what is under way ends between two pieces
    rclpy.init(context=context, signal_handler_options=SignalHandlerOptions.NO)
    node = Node("data_sync", namespace=namespace, context=context, use_global_arguments=False)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    ask = PieceClient(node, ReadEpisode, "trainer/read_episode", "recorder")
    thread = threading.Thread(target=executor.spin, name="asking")
    thread.start()
    try:
        yield RemoteSource(
            lambda episode, file, offset, length: ask(
                episode=episode, file=file, offset=offset, length=length
            )
        )
    finally:
        executor.shutdown(timeout_sec=1.0)
        thread.join()
        node.destroy_node()
        context.try_shutdown()
