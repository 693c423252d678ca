"""A Universal Robots arm behind its External Control program."""

import numpy as np
from drift_control.robot.pose import Array

from drift_sim.ros2_control.lagging_arm import LaggingArm

MAX_RAD_S = 20.0  # of a set-point, as external_control.urscript has it


class UrArm(LaggingArm):
    """Executes nothing while its program does not run, and ignores set-points that are too far away.

    Too far is more than 20 rad/s times a cycle from the last set-point and from the arm, in any joint.
    """

    def __init__(self, q: Array, period_s: float, tau_s: float = 0.0, delay_cycles: int = 0) -> None:
        super().__init__(q, period_s, tau_s, delay_cycles)
        self._far_rad = MAX_RAD_S * period_s
        self.program_running = True
        self.ignored = 0  # set-points, each with a pop-up on the pendant

    def step(self, command: Array | None) -> None:
        """Go on by one cycle; None: nothing was written."""
        if not self.program_running:
            self.stop()
            return
        if command is not None and self._is_far(command):
            self.ignored += 1
            command = None
        super().step(command)

    def _is_far(self, command: Array) -> bool:
        beyond = [np.abs(command - near).max() > self._far_rad for near in (self._target, self.q)]
        return all(beyond)
