"""Print the gates that run already in a namespace, a line each: `python -m drift.ros.running_gates /NAME`.

Ends early when its input is closed.
"""

import select
import sys
from pathlib import Path

import rclpy
from drift_interfaces.msg import GateState
from drift_ros import qos
from drift_ros.clock import steady_s
from rclpy.context import Context
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from rclpy.topic_endpoint_info import TopicEndpointInfo

# A participant announces itself every 3 s; of what it says when another one appears, some is lost.
_LISTEN_S = 3.5
_LOOK_S = 0.05
_FAST_DDS = b"\x01\x0f"


def running_gates(namespace: str) -> list[str]:
    """Return who publishes `gate/state` in `namespace` ("/" or "/name"): node, machine, process."""
    context = Context()
    rclpy.init(context=context, signal_handler_options=SignalHandlerOptions.NO)
    node = Node("before_start", namespace=namespace, context=context, use_global_arguments=False)
    try:
        return _gates(node)
    finally:
        node.destroy_node()
        context.try_shutdown()


def _gates(node: Node) -> list[str]:
    topic = node.create_subscription(GateState, "gate/state", lambda state: None, qos.LATCHED).topic_name
    end_s = steady_s() + _LISTEN_S
    while steady_s() < end_s and not select.select([sys.stdin], [], [], _LOOK_S)[0]:
        found = node.get_publishers_info_by_topic(topic)
        if known := [info for info in found if not info.node_name.startswith("_")]:  # else not discovered yet
            listeners = node.get_subscriptions_info_by_topic(topic)
            own = next(bytes(info.endpoint_gid) for info in listeners if info.node_name == node.get_name())
            return [_name(info, own) for info in known]
    return []


def _name(info: TopicEndpointInfo, own: bytes) -> str:
    name = f"{info.node_namespace.rstrip('/')}/{info.node_name}"
    where = _where(bytes(info.endpoint_gid), own)
    return f"{name} ({where})" if where else name


def _where(gid: bytes, own: bytes) -> str:
    """Return on which machine, and as which process; Fast DDS writes both into its identities."""
    if not (gid[:2] == own[:2] == _FAST_DDS):
        return ""
    if gid[2:4] != own[2:4]:
        return "on another machine"
    low = int.from_bytes(gid[4:6], "little")  # of the process id
    pids = [int(path.name) for path in Path("/proc").glob("[0-9]*") if int(path.name) & 0xFFFF == low]
    return f"pid {pids[0]} on this machine" if len(pids) == 1 else "on this machine"


if __name__ == "__main__":
    for gate in running_gates(sys.argv[1]):
        print(gate)
