"""controller_manager: which controllers there are and which are active."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from drift_ros import qos
from lifecycle_msgs.msg import State
from rclpy.node import Node
from rclpy.task import Future

from drift_sim.ros.stand_in.options import ArmOptions

if TYPE_CHECKING:
    from drift_sim.ros.stand_in.ros2_control import Ros2Control

_BROADCASTER = "joint_state_broadcaster"
_STATES = {
    "active": State.PRIMARY_STATE_ACTIVE,
    "inactive": State.PRIMARY_STATE_INACTIVE,
    "unconfigured": State.PRIMARY_STATE_UNCONFIGURED,
}


class ManagerNode(Node):
    """Latched activity at every change, list_controllers and switch_controller."""

    def __init__(self, ros2_control: Ros2Control, options: ArmOptions, joints: Sequence[str]) -> None:
        super().__init__("controller_manager", namespace=options.namespace)
        self._ros2_control, self._options, self._joints = ros2_control, options, list(joints)
        self._msg: Any = import_module("controller_manager_msgs.msg")
        srv: Any = import_module("controller_manager_msgs.srv")
        self._strict = srv.SwitchController.Request.STRICT
        self._activity = self.create_publisher(self._msg.ControllerManagerActivity, "~/activity", qos.LATCHED)
        self.create_service(srv.ListControllers, "~/list_controllers", self._on_list)
        self.create_service(srv.SwitchController, "~/switch_controller", self._on_switch)
        self.refusal = ""  # of the next switches
        self.stalled: Future | None = None  # until it is done, switches wait for it, unanswered
        self.tell()

    def tell(self) -> None:
        """Publish what is active."""
        msg = self._msg.ControllerManagerActivity()
        msg.header.stamp = self.get_clock().now().to_msg()
        msg.controllers = [self._named(name, state) for name, state in self._states().items()]
        hardware = "active" if self._ros2_control.hardware_active else "unconfigured"
        msg.hardware_components = [self._named(self._options.hardware, hardware)]
        self._activity.publish(msg)

    def _states(self) -> dict[str, str]:
        active = self._ros2_control.active.items()
        return {_BROADCASTER: "active"} | {name: "active" if is_ else "inactive" for name, is_ in active}

    def _named(self, name: str, state: str) -> Any:
        return self._msg.NamedLifecycleState(name=name, state=State(id=_STATES[state], label=state))

    def _on_list(self, request: Any, response: Any) -> Any:
        states, name = self._states(), self._options.controller
        interfaces = [f"{joint}/{self._options.interface}" for joint in self._joints]
        own = self._msg.ControllerState(
            name=name, state=states[name], type=self._ros2_control.node.TYPE,
            update_rate=round(self._options.rate_hz), required_command_interfaces=interfaces,
        )  # fmt: skip
        if states[name] == "active":
            own.claimed_interfaces = interfaces
        kind = "joint_state_broadcaster/JointStateBroadcaster"
        response.controller = [
            self._msg.ControllerState(name=_BROADCASTER, state="active", type=kind),
            own,
        ]
        if (guiding := self._ros2_control.guiding_node) is not None:
            name = guiding.get_name()
            response.controller.append(
                self._msg.ControllerState(name=name, state=states[name], type=guiding.TYPE)
            )
        return response

    async def _on_switch(self, request: Any, response: Any) -> Any:
        """Change nothing when, strictly, anything that was asked for cannot be done."""
        if self.stalled is not None:
            await self.stalled
        states, motion = self._states(), self._ros2_control.active
        asked = {"active": request.activate_controllers, "inactive": request.deactivate_controllers}
        wrong = [f"no controller {n} is loaded" for names in asked.values() for n in names if n not in states]
        wrong += [f"{n} is {to} already" for to, names in asked.items() for n in names if states.get(n) == to]
        if not self._ros2_control.hardware_active and set(motion) & set(asked["active"]):
            wrong.append(f"hardware {self._options.hardware} is not active")
        to = {n: label == "active" for label, names in asked.items() for n in names if n in motion}
        if sum((motion | to).values()) > 1:
            wrong.append(f"{' and '.join(motion)} cannot be active together")
        if self.refusal:
            wrong.append(self.refusal)
        if wrong and request.strictness == self._strict:
            response.ok, response.message = False, "; ".join(wrong)
            return response
        if self._ros2_control.hardware_active:
            off_first = sorted(to.items(), key=lambda item: item[1])
            self._ros2_control.switch_all({n: active for n, active in off_first if motion[n] != active})
        response.ok, response.message = True, "; ".join(wrong)
        return response
