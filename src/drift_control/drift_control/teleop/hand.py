"""One device with buttons: it is believed while it is alive, is what its file says, and was seen at rest."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from drift_control.gate.state import Reason
from drift_control.inputs import JoyReading, LeadReading, Now
from drift_control.teleop.command import TeleopCommand
from drift_control.teleop.joystick import Axis
from drift_control.teleop.line import Line
from drift_control.teleop.panel import NEW_FILE, Liveness

# Of full deflection; a stick needs several messages for it, a trigger that reports at last does not. Where
# messages are missing (they come every 20 ms), a stick gets there between two of them as well.
JUMP = 0.95
JUMP_S = 0.05
ENABLE = "enable"  # beside the motions in what was seen at rest


@dataclass(frozen=True)
class Trouble:
    """Why a device is not believed."""

    reason: Reason
    text: str


class HandConfig(Protocol):
    """What its file says of a device whose axes, if it has any, rest at 0."""

    @property
    def liveness(self) -> Liveness: ...
    @property
    def axes(self) -> Mapping[Any, Axis]: ...
    @property
    def dead_zone(self) -> float: ...
    @property
    def scripted(self) -> bool: ...


class ButtonDevice(Protocol):
    """From a message to what is asked."""

    @property
    def config(self) -> HandConfig: ...
    def command(self, joy: JoyReading) -> TeleopCommand: ...


class Hand:
    """The newest message of one topic, judged by the device's own means (`liveness` of its file).

    It may take over and arm once every mapped axis was seen near 0 while enable was up: since its first
    message, since it was last silent, broken or frozen, and since an axis jumped as no stick does.
    """

    def __init__(self, name: str, device: ButtonDevice) -> None:
        self.name, self._config = name, device.config
        self.scripted = device.config.scripted
        self._device = device
        self._alive = device.config.liveness
        self._line = Line[JoyReading](name, self._alive.silent_s, self._alive.stamped)
        self._command: TeleopCommand | None = None
        self._rests = {ENABLE, *self._config.axes}  # what must have been seen at rest
        self._rested: set[str] = set()  # of them; axes while enable was up
        self._counted_s = 0.0  # arrival of the first message with this count

    def take(self, joy: JoyReading | None, lead: LeadReading | None, now: Now) -> None:
        """Take note of the newest message; None: nobody sends any. It leads nothing."""
        news = self._line.take(joy, now)
        if self._line.newest is None:
            self._command = None
        if not news or joy is None:
            return
        last, silent = self._line.before, self._line.was_silent
        self._command = self._device.command(joy)
        if silent or last is None or self._count(last) != self._count(joy):
            self._counted_s = joy.arrival_s
        believable = not (self._command.problem or self._line.rivals(now) or self._frozen(now))
        if silent or not believable:
            self._rested.clear()
        if believable:
            self._watch_rest(last, joy, self._command.enabled)

    def silent(self, now: Now) -> bool:
        """Return whether no message has come for too long."""
        return self._line.silent(now)

    @property
    def heard(self) -> bool:
        """Whether it has spoken, and somebody is still there who could."""
        return self._line.newest is not None

    def holds(self, now: Now) -> bool:
        """Return whether enable is held on it, whoever believes it."""
        return self._command is not None and self._command.enabled and not self.silent(now)

    def command(self, now: Now) -> TeleopCommand | None:
        """Return what is asked of it; None unless it is believed."""
        return None if self.trouble(now) is not None else self._command

    def trouble(self, now: Now) -> Trouble | None:
        """Return why it is not believed now, None if it is."""
        joy = self._line.newest
        if joy is None or self._command is None or self.silent(now):
            return Trouble(Reason.JOY_LOST, f"{self.name} is silent for more than {self._alive.silent_s} s")
        if self._command.problem:
            return Trouble(Reason.JOY_LOST, f"{self.name}: {self._command.problem}")
        if rivals := self._line.rivals(now):
            return Trouble(Reason.JOY_LOST, rivals)
        if self._frozen(now):
            text = f"{self.name}: the count of messages stands still for more than {self._alive.counter_s} s"
            return Trouble(Reason.JOY_FROZEN, text)
        if self._rested != self._rests:
            return Trouble(Reason.JOY_LOST, self._unrested(joy))
        return None

    def forget_stamp(self) -> None:
        """Accept any stamp next, after the ROS clock jumped."""
        self._line.forget_stamp()

    def _watch_rest(self, last: JoyReading | None, joy: JoyReading, enabled: bool) -> None:
        """Note what rests, and which axes have moved as nothing does that a hand holds."""
        if not enabled:
            self._rested.add(ENABLE)
        gap = last is None or joy.arrival_s - last.arrival_s > JUMP_S
        for motion, axis in self._config.axes.items():
            value = joy.axes[axis.index]
            if abs(value) <= self._config.dead_zone and not enabled:
                self._rested.add(motion)
            before = last.axes[axis.index] if last is not None and axis.index < len(last.axes) else 0.0
            still = abs(before) <= self._config.dead_zone
            if not gap and not axis.jumps and still and abs(value) >= JUMP:
                self._rested.discard(motion)

    def _unrested(self, joy: JoyReading) -> str:
        dead_zone = self._config.dead_zone
        away = [
            f"axis {axis.index} ({motion}) is at {joy.axes[axis.index]:+.1f}"
            for motion, axis in self._config.axes.items()
            if motion not in self._rested and abs(joy.axes[axis.index]) > dead_zone
        ]
        if not away:
            axes = ", its axes must be seen at rest" if self._config.axes else ""
            return f"{self.name}: release enable{axes} first"
        rule = f"must be seen within {dead_zone} of 0 while enable is up"
        return f"{self.name}: {', '.join(away)}, {rule}; {NEW_FILE}"

    def _frozen(self, now: Now) -> bool:
        limit_s = self._alive.counter_s
        return limit_s is not None and now.steady_s - self._counted_s > limit_s

    def _count(self, joy: JoyReading) -> float | None:
        index = self._alive.counter_axis
        return joy.axes[index] if index is not None and index < len(joy.axes) else None
