"""A stand-in for position_controllers/JointGroupPositionController (forward_command_controller)."""

from collections.abc import Sequence

import numpy as np
from drift_control.robot.pose import Array


class ForwardPositionController:
    """Write the newest message to the arm, every cycle and for ever; it knows no timeout.

    Activation forgets what came before: nothing is written until the next message, which is then written
    whole. Values go to the joints in the order of the parameter `joints`, whatever the sender meant.
    """

    def __init__(self, joint_names: Sequence[str], joints: Sequence[str] | None = None) -> None:
        """`joint_names`: the arm's, in its order; `joints`: the controller's parameter."""
        self._order = [list(joints or joint_names).index(name) for name in joint_names]
        self.active = False
        self._values: Array | None = None

    def activate(self, now_s: float, q: Array) -> None:
        """Wait for the next message."""
        self.active, self._values = True, None

    def deactivate(self) -> None:
        """Write nothing from now on."""
        self.active, self._values = False, None

    def accept(self, values: Array, now_s: float) -> str:
        """Take a message; return why it is refused, or an empty string. Its size is looked at in `update`."""
        if not np.isfinite(values).all():
            return f"values={list(values)} must be finite"
        if self.active:
            self._values = np.array(values, dtype=float)
        return ""

    def update(self, now_s: float, q: Array, v: Array) -> Array | None:
        """Return what is written to the arm (J,) [rad], None for nothing.

        Values of the wrong number are an error, upon which the controller manager deactivates the controller.
        """
        if not self.active or self._values is None:
            return None
        if len(self._values) != len(self._order):
            self.deactivate()
            return None
        return self._values[self._order]
