"""The client of a running stack, made on any node: arm, home, run episodes, train. It never spins nor blocks.

Each call returns a Request at once. What is asked is sent, watched and ended in callbacks of one group, by
whatever executor spins the node; so it may be called from every callback and every thread.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from action_msgs.msg import GoalStatusArray
from drift_control.planning.target import HOME, Target
from drift_interfaces.action import Home, RunEpisode, Train
from drift_interfaces.msg import Checkpoint, GateState, PolicyState
from drift_interfaces.srv import LoadCheckpoint, ResetTask, Rollback
from rcl_interfaces.srv import SetParameters
from rclpy.action import ActionClient
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import qos_profile_action_status_default
from std_srvs.srv import Trigger

from drift_ros import qos
from drift_ros.clock import steady_clock, steady_s
from drift_ros.errors import SessionError, error_name
from drift_ros.publisher_names import identities
from drift_ros.request import ANSWER_S, ActionGoal, ServiceCall, StackRequest
from drift_ros.server_signs import ServerSigns
from drift_ros.target_message import put_target

_TICK_S = 0.05  # between two looks at limits, while a request is under way
SERVICES = {
    "gate/arm": Trigger,
    "gate/stop": Trigger,
    "trainer/start_episode": Trigger,
    "trainer/mark_success": Trigger,
    "trainer/mark_failure": Trigger,
    "trainer/end_episode": Trigger,
    "policy/load_checkpoint": LoadCheckpoint,
    "policy/rollback": Rollback,
    "sim/reset": ResetTask,
    "expert/set_parameters": SetParameters,
}
ACTIONS = {"gate/home": Home, "trainer/run_episode": RunEpisode, "trainer/train": Train}
STATES = {"gate/state": GateState, "policy/state": PolicyState, "trainer/checkpoint": Checkpoint}
_HEARTBEATS = {
    "policy/load_checkpoint": "policy/state",
    "policy/rollback": "policy/state",
}  # repeated at 1 Hz
_EVERYTHING = (*SERVICES, *ACTIONS, *STATES)


class StackClient:
    """Ask a stack for things. `names`: which services, actions and states are used; without, all of them."""

    def __init__(self, node: Node, names: Iterable[str] = _EVERYTHING) -> None:
        names = list(names)
        names += {_HEARTBEATS[name] for name in names if name in _HEARTBEATS} - set(names)
        if unknown := [name for name in names if name not in _EVERYTHING]:
            raise SessionError(f"{', '.join(unknown)} must be among {', '.join(_EVERYTHING)}")
        self._node, self._group = node, MutuallyExclusiveCallbackGroup()
        self._new: deque[StackRequest] = deque()
        self._under_way: list[StackRequest] = []
        self._newest: dict[str, Any] = {}
        self._arrival_s: dict[str, float] = {}
        self._writers: dict[str, set[bytes]] = {}  # who has published each topic, since the start
        group = {"callback_group": self._group}
        self._services = {
            name: node.create_client(SERVICES[name], name, **group) for name in names if name in SERVICES
        }
        self._actions = {
            name: ActionClient(node, ACTIONS[name], name, **group) for name in names if name in ACTIONS
        }
        for name in self._actions:
            topic, of_status = f"{name}/_action/status", qos_profile_action_status_default
            on_status = partial(self._on_status, name)
            node.create_subscription(GoalStatusArray, topic, on_status, of_status, **group)
        for name in (name for name in names if name in STATES):
            node.create_subscription(STATES[name], name, partial(self._on_state, name), qos.LATCHED, **group)
        self._signs = ServerSigns(node, (*self._services, *self._actions))
        self._guard = node.create_guard_condition(self._on_wake, self._group)
        self._timer = node.create_timer(_TICK_S, self._on_tick, self._group, steady_clock())
        self._timer.cancel()  # it runs while a request is under way

    def close(self) -> None:
        """Leave the graph; a node's destroy_node leaves its action clients behind."""
        for client in self._actions.values():
            client.destroy()

    @property
    def gate_state(self) -> GateState | None:
        """The newest gate/state, None before the first."""
        return self._newest.get("gate/state")

    @property
    def policy_state(self) -> PolicyState | None:
        """The newest policy/state, None before the first."""
        return self._newest.get("policy/state")

    @property
    def checkpoint(self) -> Checkpoint | None:
        """The newest announced checkpoint, None before the first."""
        return self._newest.get("trainer/checkpoint")

    def age_s(self, state: str) -> float | None:
        """Return how long ago the newest message of a state ("gate/state", …) came, None before the first."""
        arrival_s = self._arrival_s.get(state)
        return None if arrival_s is None else steady_s() - arrival_s

    def missing(self, *names: str) -> list[str]:
        """Return which services and actions of these names (without: of all) nobody serves who knows us."""
        wanted = names or (*self._services, *self._actions)
        known = self._services | self._actions
        if unknown := [name for name in wanted if name not in known]:
            raise SessionError(f"server {unknown[0]!r} must be one of {', '.join(known)}")
        return [name for name in wanted if not self._is_ready(name)]

    def arm(self, limit_s: float = ANSWER_S) -> StackRequest:
        """Arm the gate; the error says why it refuses."""
        return self._trigger("gate/arm", limit_s)

    def stop(self, limit_s: float = ANSWER_S) -> StackRequest:
        """Stop the arm."""
        return self._trigger("gate/stop", limit_s)

    def start_episode(self) -> StackRequest:
        """Press the person's button that starts an episode."""
        return self._trigger("trainer/start_episode")

    def mark(self, success: bool) -> StackRequest:
        """Judge the running episode."""
        return self._trigger("trainer/mark_success" if success else "trainer/mark_failure")

    def end_episode(self) -> StackRequest:
        """End the running episode without keeping it."""
        return self._trigger("trainer/end_episode")

    def reset_task(self, seed: int, limit_s: float = ANSWER_S) -> StackRequest:
        """Put the simulated objects into the start poses of `seed`."""
        return self._call(
            "sim/reset", ResetTask.Request(seed=seed), limit_s, partial(_without_error, "sim/reset")
        )

    def allow_takeovers(self, allowed: bool) -> StackRequest:
        """Let the scripted expert take over, or keep its hands off the stick."""
        name, setting = "expert/set_parameters", Parameter("takeovers", value=allowed).to_parameter_msg()
        return self._call(name, SetParameters.Request(parameters=[setting]), ANSWER_S, partial(_set, name))

    def load_checkpoint(self, path: str, sha256: str = "", limit_s: float = 30.0) -> StackRequest:
        """Ask the policy to verify and swap in a checkpoint; the result has an error_code."""
        return self._call("policy/load_checkpoint", LoadCheckpoint.Request(path=path, sha256=sha256), limit_s)

    def rollback(self, limit_s: float = 10.0) -> StackRequest:
        """Ask the policy for the previous checkpoint; the result has an error_code."""
        return self._call("policy/rollback", Rollback.Request(), limit_s)

    def home(
        self,
        limit_s: float = 30.0,
        on_feedback: Callable[[Home.Feedback], None] | None = None,
        target: Target = HOME,
    ) -> StackRequest:
        """Move the arm to its home pose, or to another target; the error says what came between."""
        goal = put_target(Home.Goal(), target)
        return self._run("gate/home", goal, limit_s, on_feedback, partial(_without_error, "gate/home"))

    def run_episode(
        self,
        kind: int,
        seed: int,
        on_feedback: Callable[[RunEpisode.Feedback], None] | None = None,
        max_duration_s: float = 0.0,
        limit_s: float = 300.0,
    ) -> StackRequest:
        """Run one episode (kind: RunEpisode.Goal.DEMONSTRATION, …); the result has an error_code."""
        goal = RunEpisode.Goal(kind=kind, seed=seed, max_duration_s=max_duration_s)
        return self._run("trainer/run_episode", goal, limit_s, on_feedback)

    def train(
        self,
        kind: str,
        steps: int = 0,
        on_feedback: Callable[[Train.Feedback], None] | None = None,
        limit_s: float = math.inf,
    ) -> StackRequest:
        """Train a round of a kind such as "online" (0 steps: as configured); the result has an error_code."""
        return self._run("trainer/train", Train.Goal(kind=kind, steps=steps), limit_s, on_feedback)

    def _trigger(self, name: str, limit_s: float = ANSWER_S) -> StackRequest:
        return self._call(name, Trigger.Request(), limit_s, partial(_granted, name))

    def _call(
        self, name: str, request: Any, limit_s: float, check: Callable[[Any], Any] = lambda answer: answer
    ) -> StackRequest:
        client, wake, heartbeat = self._services[name], self._guard.trigger, _HEARTBEATS.get(name, "")
        ready = partial(self._is_ready, name)
        return self._begin(ServiceCall(client, request, heartbeat, name, limit_s, check, ready, wake))

    def _run(
        self,
        name: str,
        goal: Any,
        limit_s: float,
        on_feedback: Callable[[Any], None] | None,
        check: Callable[[Any], Any] = lambda answer: answer,
    ) -> StackRequest:
        client, wake, ready = self._actions[name], self._guard.trigger, partial(self._is_ready, name)
        return self._begin(ActionGoal(client, goal, on_feedback, name, limit_s, check, ready, wake))

    def _begin(self, request: StackRequest) -> StackRequest:
        self._new.append(request)
        self._guard.trigger()  # sent by the executor: rclpy loses answers to what another thread sends
        return request

    def _on_wake(self) -> None:
        self._timer.reset()
        self._on_tick()

    def _on_tick(self) -> None:
        while self._new:
            self._under_way.append(self._new.popleft())
        for request in self._under_way:
            request.tick(steady_s())
            if request.lost:  # it may stay in the graph for 20 s: another one is heard first
                self._signs.forget(request.name)
        self._under_way = [request for request in self._under_way if not request.done]
        if not self._under_way and not self._new:
            self._timer.cancel()

    def _on_status(self, name: str, msg: GoalStatusArray, info: dict[str, Any]) -> None:
        heard = {bytes(status.goal_info.goal_id.uuid) for status in msg.status_list}
        restarted = self._has_another_writer(f"{name}/_action/status", info)
        for request in self._under_way:
            if isinstance(request, ActionGoal) and request.name == name:
                if request.goal_id in heard:
                    request.hear(steady_s())
                elif restarted:
                    request.replaced()

    def _on_state(self, name: str, msg: Any, info: dict[str, Any]) -> None:
        self._newest[name], self._arrival_s[name] = msg, steady_s()
        restarted = self._has_another_writer(name, info)
        for request in self._under_way:
            if isinstance(request, ServiceCall) and request.heartbeat == name:
                request.restarted() if restarted else request.hear(steady_s())

    def _has_another_writer(self, topic: str, info: dict[str, Any]) -> bool:
        """Return whether a topic that was heard before is now published by somebody new."""
        known, writers = self._writers.setdefault(topic, set()), identities(self._node, topic, info)
        another = bool(known) and not writers <= known
        known |= writers
        return another

    def _is_ready(self, name: str) -> bool:
        action = self._actions.get(name)
        ready = action.server_is_ready() if action else self._services[name].service_is_ready()
        if not ready:
            self._signs.forget(name)
        return ready and self._signs.heard(name)


def _granted(name: str, answer: Trigger.Response) -> str:
    if not answer.success:
        raise SessionError(f"{name} refused: {answer.message}", answer.message)
    return answer.message


def _set(name: str, answer: SetParameters.Response) -> None:
    for result in answer.results:
        if not result.successful:
            raise SessionError(f"{name} refused: {result.reason}", result.reason)


def _without_error(name: str, answer: Any) -> Any:
    if answer.error_code:
        raise SessionError(f"{name} failed: {error_name(answer)}: {answer.error_msg}", answer.error_msg)
    return answer
