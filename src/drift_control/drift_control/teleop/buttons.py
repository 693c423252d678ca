"""The buttons that are requests: stop counts in every message, arm only when it goes down."""

import math

from drift_control.inputs import JoyReading, Requests
from drift_control.teleop.hand import ButtonDevice


class ButtonWatch:
    """See every message of the device, also those that come between two control ticks.

    Stop is honoured whatever the message's stamp. Arm is asked for when its button goes down in a device that
    was alive with the button up: one that is held, or stuck, does not arm again after a stop or a fault.
    """

    def __init__(self, device: ButtonDevice) -> None:
        self._device, self._timeout_s = device, device.config.liveness.silent_s
        self._arm_up = False
        self._arrival_s = -math.inf

    def update(self, joy: JoyReading) -> Requests:
        """Return what a message asks for."""
        command = self._device.command(joy)
        alive = joy.arrival_s - self._arrival_s <= self._timeout_s
        arm = command.arm and self._arm_up and alive
        self._arm_up, self._arrival_s = not (command.arm or command.problem), joy.arrival_s
        return Requests(stop=command.stop, arm=arm)
