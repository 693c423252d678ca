"""Whether a server knows its clients: `service_is_ready` says only that the clients know the server.

A server that answers a client whose reader it has not discovered waits for it for 100 ms and throws the
answer away: what was asked is done, and nobody hears of it. Discovery tells a server of the readers of a
process in the order in which these were made. So who makes a subscription after its clients, and hears the
server's process on it, is known to it.
"""

from collections.abc import Iterable
from typing import Any

from action_msgs.msg import GoalStatusArray
from drift_interfaces.msg import ArmState, GateState, PolicyState
from rclpy.node import Node
from rclpy.qos import QoSProfile, qos_profile_action_status_default
from sensor_msgs.msg import Joy

from drift_ros import qos
from drift_ros.polling import Polled

_SIGNS: dict[str, tuple[Any, str, QoSProfile]] = {  # by the name of a service or action, or its first word
    "gate": (GateState, "gate/state", qos.LATCHED),
    "policy": (PolicyState, "policy/state", qos.LATCHED),
    "trainer": (GoalStatusArray, "trainer/run_episode/_action/status", qos_profile_action_status_default),
    "trainer/train": (GoalStatusArray, "trainer/train/_action/status", qos_profile_action_status_default),
    "sim": (ArmState, "arm_state", qos.LATCHED),
    "expert": (Joy, "expert/joy", qos.NEWEST),
}


class ServerSigns:
    """Listen to the servers of services and actions, with subscriptions made after the clients of these."""

    def __init__(self, node: Node, names: Iterable[str]) -> None:
        words = sorted({_word(name) for name in names})
        self._signs = {word: Polled(node, *_SIGNS[word]) for word in words}
        self._heard: set[str] = set()
        self._met: set[str] = set()  # services and actions that were there

    def heard(self, name: str) -> bool:
        """Return whether the server of `name`, which is there, was heard, so that its answers arrive."""
        self._met.add(name)
        word = _word(name)
        if word not in self._heard and list(self._signs[word].take()):
            self._heard.add(word)
        return word in self._heard

    def forget(self, name: str) -> None:
        """Take note that no server of `name` is there: one that comes after another knows nobody yet."""
        if name not in self._met:  # what was heard came from a server whose services are still to be found
            return
        self._met.discard(name)
        self._heard.discard(_word(name))
        list(self._signs[_word(name)].take())  # the last words of the old one


def _word(name: str) -> str:
    return name if name in _SIGNS else name.partition("/")[0]
