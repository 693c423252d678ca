"""When the gate tells the arm anything at all."""

import math

from drift_control.inputs import Now

REST_S = 0.5  # a command at rest is repeated for so long after the gate has let go of the arm


class InCharge:
    """From arming or homing on until the command has rested unarmed for `REST_S`; not while it listens.

    Outside of it nothing is sent: launching the gate moves nothing, and an arm that somebody else has moved
    meanwhile is not called back to an old command.
    """

    def __init__(self) -> None:
        self.now = False
        self._busy_s = -math.inf

    def update(self, busy: bool, listening: bool, now: Now) -> None:
        """Take note of a tick; `busy`: armed, homing, easing or still moving; `listening`: after a pause."""
        if busy:
            self._busy_s = now.steady_s
        self.now = not listening and now.steady_s - self._busy_s <= REST_S

    def let_go(self) -> None:
        """Say nothing from now on: the arm does not listen. The next command is where it is measured."""
        self.now = False
        self._busy_s = -math.inf
