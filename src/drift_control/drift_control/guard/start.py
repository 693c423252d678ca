"""Rules for arming: the arm must be where the command says, fresh, ready and inside its workspace."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from drift_control.gate.config import GateConfig
from drift_control.gate.state import Reason
from drift_control.guard.verdict import GuardVerdict, Reaction
from drift_control.guard.watch import Situation, arm_trouble, outside_m, with_trouble
from drift_control.robot.config import Workspace
from drift_control.robot.pose import Array
from drift_control.robot.robot import Robot


class StartRule(Protocol):
    """Object to arming, or return None."""

    def check(self, at: Situation) -> GuardVerdict | None: ...


def _refuse(reason: Reason, text: str) -> GuardVerdict:
    return GuardVerdict(Reaction.CLAMP, reason, f"arm refused: {text}")


@dataclass(frozen=True)
class StartFresh:
    """States of arm and gripper have been received, and are young."""

    timeout_s: float
    gripper_timeout_s: float

    def check(self, at: Situation) -> GuardVerdict | None:
        if at.measured is None or at.joints_age_s > self.timeout_s:
            return _refuse(Reason.JOINTS_STALE, with_trouble(f"no joint state within {self.timeout_s} s", at))
        if at.gripper_age_s > self.gripper_timeout_s:
            text = f"no state of the gripper within {self.gripper_timeout_s} s"
            return _refuse(Reason.JOINTS_STALE, with_trouble(text, at))
        return None


@dataclass(frozen=True)
class StartOnePublisher:
    """Each input comes from one publisher."""

    def check(self, at: Situation) -> GuardVerdict | None:
        return _refuse(Reason.TWO_PUBLISHERS, at.conflict) if at.conflict else None


@dataclass(frozen=True)
class StartReady:
    """The arm, where it can say so, is ready."""

    timeout_s: float

    def check(self, at: Situation) -> GuardVerdict | None:
        trouble = arm_trouble(at, self.timeout_s)
        return _refuse(*trouble) if trouble else None


@dataclass(frozen=True)
class StartInLimits:
    """The measured joints are where joints can be: what is far beyond a limit is no arm's pose."""

    low: Array
    high: Array
    margin_rad: float = 0.1

    def check(self, at: Situation) -> GuardVerdict | None:
        if at.measured is None:
            return None
        beyond = np.maximum(self.low - at.measured, at.measured - self.high)
        worst = int(beyond.argmax())
        if beyond[worst] <= self.margin_rad:
            return None
        text = (
            f"joint {worst} is measured at {at.measured[worst]:.4g} rad, must lie in "
            f"[{self.low[worst]:.4g}, {self.high[worst]:.4g}] or within {self.margin_rad} of it"
        )
        return _refuse(Reason.JOINTS_STALE, text)


@dataclass(frozen=True)
class StartNearMeasured:
    """The first command is the measured pose, within a tolerance."""

    tolerance_rad: float

    def check(self, at: Situation) -> GuardVerdict | None:
        if at.measured is None or at.commanded is None:
            return None
        error = float(np.abs(at.measured - at.commanded).max())
        if error <= self.tolerance_rad:
            return None
        text = f"measured pose is {error:.3f} rad from the command, allowed: {self.tolerance_rad}; ask again"
        return _refuse(Reason.START_MISMATCH, text)


@dataclass(frozen=True)
class StartInWorkspace:
    """The measured TCP is inside the workspace; homing brings it back."""

    workspace: Workspace
    margin_m: float

    def check(self, at: Situation) -> GuardVerdict | None:
        if at.measured_tcp is None or outside_m(at.measured_tcp, self.workspace) <= self.margin_m:
            return None
        text = f"TCP {at.measured_tcp.round(3).tolist()} is outside the workspace; home first"
        return _refuse(Reason.OUT_OF_WORKSPACE, text)


def start_rules(config: GateConfig, robot: Robot) -> list[StartRule]:
    """Return the rules in order."""
    return [
        StartOnePublisher(),
        StartFresh(config.joint_state_timeout_s, robot.config.gripper.state_timeout_s),
        StartReady(config.arm_state_timeout_s),
        StartInLimits(robot.low, robot.high),
        StartNearMeasured(robot.config.start_tolerance_rad),
        StartInWorkspace(robot.config.workspace, config.workspace_margin_m),
    ]
