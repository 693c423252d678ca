"""Arms as controllers see them: behind their command by a delay and a first-order lag."""

from collections import deque

import numpy as np
from drift_control.robot.pose import Array


class LaggingArm:
    """Joints that approach the command of `delay_cycles` ago with the time constant `tau_s`.

    With neither it is where it was told to be, like mock_components/GenericSystem. It holds the last command.
    A person's hand moves it only while it is free; let go of, a free arm stands.
    """

    def __init__(self, q: Array, period_s: float, tau_s: float = 0.0, delay_cycles: int = 0) -> None:
        self._share = 1.0 if tau_s == 0.0 else 1.0 - float(np.exp(-period_s / tau_s))
        self._period_s, self._delay_cycles = period_s, delay_cycles
        self.q = np.array(q, dtype=float)  # (J,) [rad]
        self.v = np.zeros_like(self.q)
        self.free = False
        self.hand_rad_s = np.zeros_like(self.q)  # (J,) at which a person leads the joints
        self.stop()

    def stop(self) -> None:
        """Stand where it is: its own controller has stopped it, or nobody commands it any more."""
        self._target, self.v = self.q.copy(), np.zeros_like(self.q)
        self._on_the_way: deque[Array] = deque()

    def step(self, command: Array | None) -> None:
        """Go on by one cycle; None: nothing was written."""
        if self.free:
            self.q = self.q + self.hand_rad_s * self._period_s
            self.stop()
            self.v = self.hand_rad_s.copy()
            return
        self._on_the_way.append(self._target if command is None else command)
        if command is not None:
            self._target = np.array(command, dtype=float)
        if len(self._on_the_way) <= self._delay_cycles:
            self.v = np.zeros_like(self.q)
            return
        moved = self._share * (self._on_the_way.popleft() - self.q)
        self.q, self.v = self.q + moved, moved / self._period_s
