"""Whether whoever has sent a goal is still there: a goal that nobody holds runs on and blocks the next one.

Two things tell. Whoever holds a goal asks for its result once it is accepted: a client that has ended in
between, or whose acceptance got lost, does not. And every client of an action listens to its feedback: once
all that listened when the goal began have left the ROS graph, its holder is among them (a killed process
leaves it after 20 s, the lease of its DDS participant).
"""

from rclpy.node import Node

HOLD_S = 10.0  # to ask for the result
LISTEN_S = 3.0  # for discovery to tell who listens


class GoalHolder:
    """Of one goal at a time, of one action."""

    def __init__(self, node: Node, action: str) -> None:
        self._node, self._feedback = node, f"{action}/_action/feedback"
        self._began_s: float | None = None  # None: no goal is under way
        self._asked = False
        self._listeners: set[bytes] = set()

    def begin(self, now_s: float) -> None:
        """Take note of a goal that is accepted. `now_s`: steady."""
        self._began_s, self._asked, self._listeners = now_s, False, set()

    def ask(self) -> None:
        """Take note of a request for the result."""
        self._asked = True

    def end(self) -> None:
        """No goal is under way any more."""
        self._began_s = None

    def missing(self, now_s: float) -> str:
        """Return why nobody can hold the goal, once; empty: somebody may."""
        if self._began_s is None:
            return ""
        infos = self._node.get_subscriptions_info_by_topic(self._feedback)
        listeners, age_s = {bytes(info.endpoint_gid) for info in infos}, now_s - self._began_s
        if age_s < LISTEN_S:
            self._listeners |= listeners
            return ""
        if age_s > HOLD_S and not self._asked:
            reason = f"nobody has asked for its result within {HOLD_S:g} s"
        elif self._listeners and not self._listeners & listeners:
            reason = "whoever sent it has gone"
        else:
            return ""
        self._began_s = None
        return reason
