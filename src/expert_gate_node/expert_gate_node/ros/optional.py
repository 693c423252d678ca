"""Messages of other projects, which only some installations have."""

from importlib import import_module
from typing import Any

from rclpy.node import Node


def optional(node: Node, module: str, without: str) -> Any | None:
    """Return a module of interfaces; None where its package is not installed, said with what that means."""
    try:
        return import_module(module)
    except ModuleNotFoundError:
        node.get_logger().info(f"{module.partition('.')[0]} is not installed: {without}")
        return None
