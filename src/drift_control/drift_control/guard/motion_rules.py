"""Rules for a step: it is admitted only if the arm could still brake inside every limit after it.

Because the braking path of each admitted step was itself checked, braking is always a safe way on.
Where the arm already is outside a limit, steps that do not make it worse are admitted. Each axis, joint, link
and box counts for itself: being outside in one loosens no other.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from drift_control.gate.state import GuardFlag, Reason
from drift_control.guard.path import ArmPath, StepPath
from drift_control.guard.verdict import GuardVerdict, Reaction
from drift_control.robot.collision import box_distance
from drift_control.robot.pose import Array
from drift_control.robot.robot import Robot


class PlaceRule(Protocol):
    """Measure by how much each of N poses breaks each of K limits; above zero is a violation."""

    @property
    def verdict(self) -> GuardVerdict: ...

    def excess(self, path: ArmPath) -> Array: ...  # (N, K)


class MotionRule(Protocol):
    """The same of the points of a path, which is also a matter of time."""

    @property
    def verdict(self) -> GuardVerdict: ...

    def excess(self, path: StepPath) -> Array: ...  # (N, K)


def violated(rule: MotionRule, path: StepPath) -> bool:
    """Return whether the step or its braking path breaks one of the limits by more than the arm does now.

    What is not a number breaks it, too.
    """
    excess = rule.excess(path)
    if excess.max() <= 0.0:
        return False
    return not (excess[1:] <= np.maximum(excess[0], 0.0) + 1e-9).all()


@dataclass(frozen=True)
class JointPositions:
    """Joint positions within their limits [rad]."""

    low: Array
    high: Array
    verdict = GuardVerdict(
        Reaction.CLAMP, Reason.NONE, "a joint would pass its position limit", GuardFlag.POSITION
    )

    def excess(self, path: ArmPath) -> Array:
        return np.maximum(self.low - path.q, path.q - self.high)


@dataclass(frozen=True)
class TcpSpeed:
    """TCP speed within its limit [m/s]."""

    limit_m_s: float
    verdict = GuardVerdict(Reaction.CLAMP, Reason.NONE, "the TCP would be too fast", GuardFlag.TCP_SPEED)

    def excess(self, path: StepPath) -> Array:
        tcp, times_s = path.tcp_position, path.times_s
        way = tcp[1:] - tcp[:-1]
        time_s = np.maximum(times_s[1:] - times_s[:-1], 1e-9)
        excess = np.zeros((len(path.q), 1))
        average = np.sqrt((way * way).sum(axis=1)) / time_s
        # Between samples of the braking path the speed may be a little higher.
        limit_m_s = 0.97 * self.limit_m_s * path.speed_scale
        excess[1:, 0] = np.maximum(average, path.tcp_speed[1:]) - limit_m_s
        return excess


@dataclass(frozen=True)
class WorkspaceBox:
    """The TCP inside the workspace box and above the floor [m]: one column sideways, one for the height.

    Sideways it is the distance to the box: the arc of a joint on the way home may go out along one axis while
    it comes in along the other.
    """

    low: Array
    high: Array
    tolerance_m: float = 0.002
    verdict = GuardVerdict(
        Reaction.CLAMP, Reason.OUT_OF_WORKSPACE, "the TCP would leave the workspace", GuardFlag.WORKSPACE
    )

    def excess(self, path: ArmPath) -> Array:
        tcp = path.tcp_position
        beyond = np.maximum(self.low - tcp, tcp - self.high)  # (N, 3)
        excess = beyond[:, 1:].copy()
        excess[:, 0] = np.maximum(beyond[:, 0], beyond[:, 1])
        if excess[:, 0].max() > 0.0:
            outside = np.maximum(beyond[:, :2], 0.0)
            sideways = np.sqrt((outside * outside).sum(axis=1))
            excess[:, 0] = np.where(sideways > 0.0, sideways, excess[:, 0])
        return excess - self.tolerance_m


@dataclass(frozen=True)
class KeepOutBox:
    """The TCP and the arm's hull, but for the base that stands still, outside a box [m]."""

    name: str
    low: Array
    high: Array

    @property
    def verdict(self) -> GuardVerdict:
        text = f"the arm would enter keep-out box {self.name}"
        return GuardVerdict(Reaction.HOLD, Reason.COLLISION, text, GuardFlag.COLLISION)

    def excess(self, path: ArmPath) -> Array:
        tcp = box_distance(path.tcp_position, self.low, self.high)
        return -np.column_stack((tcp, path.capsules.box_clearance_m(path.ends, self.low, self.high)))


@dataclass(frozen=True)
class TableClearance:
    """Elbow, forearm, wrist and palm above the table [m]."""

    table_m: float
    verdict = GuardVerdict(
        Reaction.HOLD, Reason.COLLISION, "a link would touch the table", GuardFlag.COLLISION
    )

    def excess(self, path: ArmPath) -> Array:
        return self.table_m - path.capsules.height_m(path.ends)


@dataclass(frozen=True)
class SelfClearance:
    """Links and hand apart from each other [m]."""

    clearance_m: float = 0.01
    verdict = GuardVerdict(Reaction.HOLD, Reason.COLLISION, "the arm would touch itself", GuardFlag.COLLISION)

    def excess(self, path: ArmPath) -> Array:
        return self.clearance_m - path.capsules.self_clearance_m(path.ends)


def place_rules(robot: Robot) -> list[PlaceRule]:
    """Return the rules about where the arm may be, at rest or moving; the cheap ones first."""
    workspace = robot.config.workspace
    boxes = [KeepOutBox(box.name, np.array(box.low_m), np.array(box.high_m)) for box in workspace.keep_out]
    return [
        JointPositions(robot.low, robot.high),
        WorkspaceBox(workspace.tcp_low_m, workspace.tcp_high_m),
        TableClearance(workspace.table_m),
        SelfClearance(),
        *boxes,
    ]


def motion_rules(robot: Robot) -> list[MotionRule]:
    """Return the rules in order: the cheap ones first."""
    positions, *others = place_rules(robot)
    return [positions, TcpSpeed(robot.config.tcp_speed_max_m_s), *others]
