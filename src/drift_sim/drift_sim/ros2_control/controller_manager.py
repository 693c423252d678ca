"""A stand-in for controller_manager with one controller and one arm: read, update, write."""

from typing import Any, Protocol

from drift_control.robot.pose import Array

from drift_sim.ros2_control.lagging_arm import LaggingArm


class Controller(Protocol):
    """What every controller here does; its messages are its own."""

    active: bool

    def activate(self, now_s: float, q: Array, /) -> None: ...

    def deactivate(self) -> None: ...

    def accept(self, message: Any, now_s: float, /) -> str: ...

    def update(self, now_s: float, q: Array, v: Array, /) -> Array | None: ...


class GuidingController(Protocol):
    """What every controller of hand guiding here does; what it is told is its own."""

    active: bool

    def switch(self, active: bool, /) -> None: ...

    def update(self, now_s: float, /) -> bool: ...


class ControllerManager:
    """Step a controller, and perhaps one of hand guiding beside it, with their arm at their own rate."""

    def __init__(
        self,
        controller: Controller,
        arm: LaggingArm,
        rate_hz: float,
        guiding: GuidingController | None = None,
    ) -> None:
        self.controller, self.arm, self.period_s = controller, arm, 1.0 / rate_hz
        self.guiding = guiding
        self.time_s = 0.0
        self.output: Array = arm.q.copy()  # (J,) [rad] what the arm was told last

    def switch(self, active: bool) -> None:
        """Activate or deactivate the controller; either makes the arm stand where it is."""
        self.arm.stop()
        self.output = self.arm.q.copy()
        if active:
            self.controller.activate(self.time_s, self.arm.q)
        else:
            self.controller.deactivate()

    def switch_guiding(self, active: bool) -> None:
        """Activate or deactivate the controller of hand guiding; either makes the arm stand where it is."""
        if self.guiding is None:
            raise ValueError("there is no controller of hand guiding")
        self.guiding.switch(active)
        self.arm.stop()

    def step(self) -> None:
        """Run one cycle."""
        self.arm.free = self.guiding is not None and self.guiding.update(self.time_s)
        command = self.controller.update(self.time_s, self.arm.q, self.arm.v)
        if command is not None:
            self.output = command
        self.arm.step(command)
        if self.arm.free:
            self.output = self.arm.q.copy()  # nothing is written
        self.time_s += self.period_s
