"""Rules that watch the arm while it may move."""

from collections import deque
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from drift_control.gate.config import GateConfig
from drift_control.gate.state import CommandSource, GuardFlag, Reason
from drift_control.guard.guided import GuidedInside, GuidedSlowly
from drift_control.guard.standing import MovesWhenTold
from drift_control.guard.verdict import GuardVerdict, Reaction
from drift_control.inputs import ArmState, Now
from drift_control.robot.config import Workspace
from drift_control.robot.pose import Array
from drift_control.robot.robot import Robot


@dataclass(frozen=True)
class Situation:
    """What the rules look at, once per tick."""

    now: Now
    moving: bool  # armed or homing: the arm is expected to follow
    homing: bool  # on the way home, perhaps from outside the workspace
    joints_age_s: float  # of the arm's joint state
    joints_stamp_s: float  # its stamp, ROS time
    gripper_age_s: float  # of the gripper's
    joints_trouble: str  # joints that are missing, each with the reason
    conflict: str  # what comes from two publishers, and from which
    measured: Array | None  # (J,) [rad]; None: nobody knows where the arm is now
    measured_tcp: Array | None  # (3,) [m]; likewise
    commanded: Array | None  # (J,) [rad]; None: the arm is not the gate's to command
    arm_state: ArmState | None
    controller_trouble: str = ""  # why the arm's controller executes nothing, where it should
    guided: bool = False  # a person leads the arm by hand, or is about to


class WatchRule(Protocol):
    """Object to moving on, or return None."""

    def check(self, at: Situation) -> GuardVerdict | None: ...


@dataclass(frozen=True)
class ArmReady:
    """The arm's controller executes commands and has not stopped by itself."""

    timeout_s: float

    def check(self, at: Situation) -> GuardVerdict | None:
        trouble = arm_trouble(at, self.timeout_s) if at.moving else None
        return GuardVerdict(Reaction.FAULT, *trouble) if trouble else None


def arm_trouble(at: Situation, timeout_s: float) -> tuple[Reason, str] | None:
    """Return why the arm cannot be moved by what it says about itself; None if it can, or says nothing."""
    state = at.arm_state
    if state is not None and state.trouble:  # what stops an arm stops its controller as well
        return Reason.PROTECTIVE_STOP, state.trouble
    if at.controller_trouble:
        return Reason.PROTECTIVE_STOP, at.controller_trouble
    if state is None:
        return None
    if state.protective_stop:
        return Reason.PROTECTIVE_STOP, "the arm reports a protective stop"
    if not state.ready:
        return Reason.PROTECTIVE_STOP, "the arm reports that it is not ready"
    if not state.speed_scale > 0.0:  # also what is not a number
        return Reason.PROTECTIVE_STOP, "the arm's speed slider is at 0 %"
    age_s = at.now.steady_s - state.arrival_s
    if age_s > timeout_s:
        return Reason.ARM_STATE_STALE, f"the arm's state is {age_s:.2f} s old, allowed: {timeout_s}"
    return None


@dataclass(frozen=True)
class JointsFresh:
    """The joint state is young enough; lost for long it is a fault."""

    timeout_s: float
    lost_s: float

    def check(self, at: Situation) -> GuardVerdict | None:
        if not at.moving or at.joints_age_s <= self.timeout_s:
            return None
        reaction = Reaction.FAULT if at.joints_age_s > self.lost_s else Reaction.HOLD
        text = f"joint state is {at.joints_age_s:.2f} s old, allowed: {self.timeout_s}"
        return GuardVerdict(reaction, Reason.JOINTS_STALE, with_trouble(text, at))


@dataclass(frozen=True)
class GripperFresh:
    """The gripper has said not long ago how far it is open; the arm, which is known, need not fault."""

    timeout_s: float

    def check(self, at: Situation) -> GuardVerdict | None:
        if not at.moving or at.gripper_age_s <= self.timeout_s:
            return None
        text = f"the gripper's state is {at.gripper_age_s:.2f} s old, allowed: {self.timeout_s}"
        return GuardVerdict(Reaction.HOLD, Reason.JOINTS_STALE, with_trouble(text, at))


def with_trouble(text: str, at: Situation) -> str:
    """Return a text with the joints that are missing."""
    return f"{text} ({at.joints_trouble})" if at.joints_trouble else text


@dataclass(frozen=True)
class OnePublisher:
    """Each input comes from one publisher: nobody knows which of two to believe."""

    def check(self, at: Situation) -> GuardVerdict | None:
        return (
            GuardVerdict(Reaction.FAULT, Reason.TWO_PUBLISHERS, at.conflict)
            if at.moving and at.conflict
            else None
        )


class JointsContinuous:
    """The measured joints move as joints can: a zero or a spike between two readings is no motion.

    What was held up on its way comes in a burst: the time between two is that of their stamps, or arrivals.
    """

    ALLOWANCE_RAD = 0.1  # of noise and of an arm that springs

    def __init__(self, velocity_rad_s: Array) -> None:
        self._velocity_rad_s = velocity_rad_s
        self._last: tuple[Array, float, float] | None = None  # newest reading, when it came and was taken

    def check(self, at: Situation) -> GuardVerdict | None:
        if at.measured is None:
            return None
        arrival_s = at.now.steady_s - at.joints_age_s
        before, self._last = self._last, (at.measured, arrival_s, at.joints_stamp_s)
        if before is None or not at.moving:
            return None
        last, passed_s = before[0], max(arrival_s - before[1], at.joints_stamp_s - before[2], 0.0)
        excess = np.abs(at.measured - last) - 2.0 * self._velocity_rad_s * passed_s
        worst = int(excess.argmax())
        if excess[worst] <= self.ALLOWANCE_RAD:
            return None
        text = (
            f"joint_states: joint {worst} jumped from {last[worst]:.3f} to {at.measured[worst]:.3f} rad "
            f"within {passed_s:.3f} s, possible: {self._velocity_rad_s[worst]:.2f} rad/s"
        )
        return GuardVerdict(Reaction.FAULT, Reason.JOINTS_STALE, text)


class TrackingError:
    """The measured joints follow the command; once they did not, they have to for as long as they may not."""

    def __init__(self, limit_rad: float, time_s: float) -> None:
        self._limit_rad, self._time_s = limit_rad, time_s
        self._since_s: float | None = None  # of the first error
        self._last_s = 0.0  # of the last one

    def check(self, at: Situation) -> GuardVerdict | None:
        if not at.moving or at.measured is None or at.commanded is None:
            self._since_s = None
            return None
        error = np.abs(at.measured - at.commanded)
        worst = int(error.argmax())
        if error[worst] <= self._limit_rad:
            if at.now.steady_s - self._last_s >= self._time_s:
                self._since_s = None
            return None
        self._last_s = at.now.steady_s
        if self._since_s is None:
            self._since_s = at.now.steady_s
        if at.now.steady_s - self._since_s < self._time_s:
            return None
        text = f"joint {worst} is {error[worst]:.3f} rad from its command, allowed: {self._limit_rad}"
        return GuardVerdict(Reaction.FAULT, Reason.TRACKING_ERROR, text)


class RestingWhereTold:
    """A command at rest is where the arm is.

    An arm that was stopped without a word, and not far enough behind for a tracking error, must not leap to
    the command when it is released.
    """

    REST_S = 0.5  # an arm that is merely late has arrived by then

    def __init__(self, tolerance_rad: float) -> None:
        self._tolerance_rad = tolerance_rad
        self._commanded: Array | None = None
        self._since_s = 0.0

    def check(self, at: Situation) -> GuardVerdict | None:
        last, self._commanded = self._commanded, at.commanded if at.moving else None
        if self._commanded is None or last is None or not np.array_equal(last, self._commanded):
            self._since_s = at.now.steady_s
            return None
        rest_s = at.now.steady_s - self._since_s
        if at.measured is None or rest_s < self.REST_S or at.joints_age_s > rest_s:
            return None  # or measured before the rest: an arm that moved, and not where it has come to
        error = np.abs(at.measured - self._commanded)
        worst = int(error.argmax())
        if error[worst] <= self._tolerance_rad:
            return None
        text = (
            f"joint {worst} rests {error[worst]:.3f} rad from its command, allowed: {self._tolerance_rad}: "
            "does the arm's controller execute commands?"
        )
        return GuardVerdict(Reaction.FAULT, Reason.TRACKING_ERROR, text)


@dataclass(frozen=True)
class MeasuredInWorkspace:
    """The measured TCP stays in the workspace, but for a margin."""

    workspace: Workspace
    margin_m: float

    def check(self, at: Situation) -> GuardVerdict | None:
        if not at.moving or at.homing or at.measured_tcp is None:
            return None
        if outside_m(at.measured_tcp, self.workspace) <= self.margin_m:
            return None
        text = f"measured TCP {at.measured_tcp.round(3).tolist()} is outside the workspace"
        return GuardVerdict(Reaction.FAULT, Reason.OUT_OF_WORKSPACE, text)


class ClampCount:
    """A policy that needs clamping most of the time does not know what it is doing."""

    COUNTED = GuardFlag.POSITION | GuardFlag.VELOCITY | GuardFlag.TCP_SPEED | GuardFlag.WORKSPACE

    def __init__(self, window_ticks: int, ratio_max: float) -> None:
        self._recent: deque[bool] = deque(maxlen=window_ticks)
        self._ratio_max = ratio_max

    def count(self, source: CommandSource, flags: GuardFlag) -> None:
        """Take note of an executed step; the person may lean on a limit as long as she likes."""
        if source is CommandSource.POLICY:
            self._recent.append(bool(flags & self.COUNTED))
        elif source is not CommandSource.HOLD:
            self._recent.clear()

    def check(self, at: Situation) -> GuardVerdict | None:
        if not at.moving:
            self._recent.clear()
        window = self._recent.maxlen or 1
        clamped = sum(self._recent)
        if clamped <= self._ratio_max * window:
            return None
        self._recent.clear()
        text = f"{clamped} of {window} steps were clamped, allowed: {self._ratio_max:.0%}; help wanted"
        return GuardVerdict(Reaction.HELP, Reason.TOO_MANY_CLAMPS, text)


class HoldCount:
    """A policy that the guard has to hold time and again does not get on by itself."""

    def __init__(self, window_s: float, most: int) -> None:
        self._held_s: deque[float] = deque(maxlen=most + 1)
        self._window_s, self._most = window_s, most

    def count(self, now: Now) -> None:
        """Take note of a hold of the driving policy."""
        self._held_s.append(now.steady_s)

    def check(self, at: Situation) -> GuardVerdict | None:
        if not at.moving:
            self._held_s.clear()
        if len(self._held_s) <= self._most or at.now.steady_s - self._held_s[0] > self._window_s:
            return None
        self._held_s.clear()
        text = f"held more than {self._most} times within {self._window_s} s; help wanted"
        return GuardVerdict(Reaction.HELP, Reason.TOO_MANY_CLAMPS, text)


def outside_m(tcp: Array, workspace: Workspace) -> float:
    """Return how far a point (3,) is outside the box and floor [m]; zero or less inside."""
    return float(np.maximum(workspace.tcp_low_m - tcp, tcp - workspace.tcp_high_m).max())


def watch_rules(config: GateConfig, robot: Robot) -> list[WatchRule]:
    """Return the rules in order of precedence."""
    rules: list[WatchRule] = [
        ArmReady(config.arm_state_timeout_s),
        OnePublisher(),
        JointsFresh(config.joint_state_timeout_s, config.joint_state_lost_s),
        GripperFresh(robot.config.gripper.state_timeout_s),
        JointsContinuous(robot.velocity),
    ]
    if not config.dry_run:
        rules.append(TrackingError(robot.config.tracking_error_max_rad, config.tracking_error_time_s))
        rules.append(MovesWhenTold(config.dt_s))
        rules.append(RestingWhereTold(robot.config.start_tolerance_rad))
    rules += [
        MeasuredInWorkspace(robot.config.workspace, config.workspace_margin_m),
        GuidedInside(robot),
        GuidedSlowly(robot),
        ClampCount(max(1, round(config.clamp_window_s * config.rate_hz)), config.clamp_ratio_max),
        HoldCount(config.hold_window_s, config.holds_max),
    ]
    return rules
