"""The last look at a command before it is sent, whoever made it and however."""

import numpy as np
from drift_config.errors import ConfigError

from drift_control.gate.config import GateConfig
from drift_control.robot.config import RobotConfig
from drift_control.robot.pose import Array

# A forward controller executes a message as one step, and any controller the first one. External Control of a
# UR drops, and from then on all that follow, steps beyond 20 rad/s times 2 ms.
STEP_MAX_RAD = 0.035


class CommandCheck:
    """Refuse what no controller looks at: values that are not finite, leaps of a forward position stream."""

    def __init__(self, config: GateConfig, robot: RobotConfig) -> None:
        """Raise ConfigError where the robot's limits allow more motion per message than a step may have."""
        self._step_max_rad = STEP_MAX_RAD if robot.command_interface == "forward_position" else np.inf
        self._last: Array | None = None
        fastest = max(robot.limits.velocity_rad_s)
        if fastest * config.dt_s > self._step_max_rad:
            raise ConfigError(
                f"rate_hz={config.rate_hz} makes {1e3 * fastest * config.dt_s:.1f} mrad per message of "
                f"forward_position (velocity_rad_s={fastest}), allowed: {1e3 * self._step_max_rad:.0f}; "
                f"rate_hz must be at least {fastest / self._step_max_rad:.1f}, or "
                "command_interface joint_trajectory"
            )

    def check(self, q: Array, gripper_m: float, measured_rad: Array) -> None:
        """Take note of joint positions (J,) [rad] and an opening [m]; raise ArithmeticError if unsound.

        The first ones are compared with the measured joints (J,) [rad].
        """
        if not (np.isfinite(q).all() and np.isfinite(gripper_m)):
            raise ArithmeticError(f"a command must be finite, got {list(q)} rad and {gripper_m} m")
        if self._last is None:
            last, allowed_rad, before = measured_rad, STEP_MAX_RAD, "the measured pose"
        else:
            last, allowed_rad, before = self._last, self._step_max_rad, "the last"
        step_rad = float(np.abs(q - last).max())
        if not step_rad <= allowed_rad:
            raise ArithmeticError(
                f"a command must be at most {allowed_rad} rad from {before}, got {step_rad:.4f}"
            )
        self._last = q.copy()

    def forget(self) -> None:
        """Nothing is sent any more; the arm may be moved by others."""
        self._last = None
