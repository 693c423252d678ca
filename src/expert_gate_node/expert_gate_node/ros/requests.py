"""The services `gate/arm` and `gate/stop` and the action `gate/home`: asked now, answered by a later tick."""

from collections.abc import Callable
from dataclasses import replace

from drift_control.inputs import Requests
from drift_control.planning.planner import NoWay
from drift_control.planning.scene import Scene
from drift_control.planning.targets import check_target
from drift_control.tick import Tick
from drift_interfaces.action import Home
from drift_ros.clock import steady_s
from drift_ros.goal_server import GoalServer
from drift_ros.target_message import to_target
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.node import Node
from rclpy.task import Future
from std_srvs.srv import Trigger

from expert_gate_node.homing import Homed, HomingWatch

_CODES = {
    Homed.DONE: Home.Result.NONE,
    Homed.REFUSED: Home.Result.REFUSED,
    Homed.INTERRUPTED: Home.Result.INTERRUPTED,
    Homed.TIMEOUT: Home.Result.TIMEOUT,
    Homed.NO_WAY: Home.Result.NO_WAY,
}


class RequestServer:
    """Hand requests to the next tick through `ask`; `answer` tells the callers what became of them."""

    def __init__(
        self,
        node: Node,
        ask: Callable[[Requests], None],
        scene: Scene,
        homing_limit_s: float,
        objection: Callable[[], str],
    ) -> None:
        """`scene`: where targets of homing are looked at.

        `objection`: why the arm's controller must not be told anything now; empty: it may.
        """
        self._node, self._scene = node, scene
        self._ask, self._homing_limit_s, self._objection = ask, homing_limit_s, objection
        self._waiting: list[Future] = []
        self._homing: HomingWatch | None = None
        # groups of their own: while the next tick is awaited, the default group would let nothing else run
        for name, handler in (("gate/arm", self._on_arm), ("gate/stop", self._on_stop)):
            node.create_service(Trigger, name, handler, callback_group=MutuallyExclusiveCallbackGroup())
        self._home = GoalServer(node, Home, "gate/home", self._on_home, self._on_home_cancel)

    def press(self, requests: Requests) -> str:
        """Pass on what buttons ask for, and return what is refused: against an objection they do not arm."""
        refused = ""
        if requests.arm and (objection := self._objection()):
            refused, requests = f"not armed: {objection}", replace(requests, arm=False)
        if requests != Requests():
            self._ask(requests)
        return refused

    def answer(self, tick: Tick, now_s: float) -> None:
        """Answer with the tick that has just seen all requests; `now_s` is steady time."""
        waiting, self._waiting = self._waiting, []
        text = tick.text
        for future in waiting:
            future.set_result((tick.armed, text))
        if self._homing is None:
            return
        homed = self._homing.update(tick.state, tick.reason, tick.target_distance_rad, now_s)
        if homed is None:
            self._home.feedback(Home.Feedback(distance_rad=tick.target_distance_rad))
        else:
            self._home.finish(Home.Result(error_code=_CODES[homed], error_msg=text))
            self._homing = None

    def fail(self, text: str) -> None:
        """Refuse everything: there is no control loop any more."""
        waiting, self._waiting, self._homing = self._waiting, [], None
        for future in waiting:
            future.set_result((False, text))
        self._home.finish(Home.Result(error_code=Home.Result.INTERRUPTED, error_msg=text))

    async def _on_arm(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        if objection := self._objection():
            response.success, response.message = False, objection
            return response
        armed, response.message = await self._next_tick(Requests(arm=True))
        response.success = armed
        return response

    async def _on_stop(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        armed, response.message = await self._next_tick(Requests(stop=True))
        response.success = not armed
        return response

    def _on_home(self, goal: Home.Goal) -> None:
        if objection := self._objection():
            self._home.finish(Home.Result(error_code=Home.Result.REFUSED, error_msg=objection))
            return
        try:
            target = to_target(goal)
            check_target(self._scene, target)
        except NoWay as error:
            self._home.finish(Home.Result(error_code=Home.Result.NO_WAY, error_msg=str(error)))
            return
        self._homing = HomingWatch(self._homing_limit_s, steady_s())
        self._ask(Requests(home=True, target=target))

    def _on_home_cancel(self) -> None:
        self._ask(Requests(release_home=True))

    def _next_tick(self, requests: Requests) -> Future:
        self._ask(requests)
        future = Future()
        self._waiting.append(future)
        return future
