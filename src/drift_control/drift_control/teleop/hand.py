"""One joystick: it is believed while it is alive, is what its file says, and was seen at rest."""

from dataclasses import dataclass

from drift_control.freshness import Freshness
from drift_control.gate.state import Reason
from drift_control.inputs import JoyReading, Now
from drift_control.publishers import Publisher, Publishers
from drift_control.teleop.joystick import NEW_FILE, Joystick, TeleopCommand

# Of full deflection; a stick needs several messages for it, a trigger that reports at last does not. Where
# messages are missing (they come every 20 ms), a stick gets there between two of them as well.
JUMP = 0.95
JUMP_S = 0.05


@dataclass(frozen=True)
class Trouble:
    """Why a joystick is not believed."""

    reason: Reason
    text: str


class Hand:
    """The newest message of one topic, judged by the device's own means (`liveness` of its file).

    It may take over and arm once every mapped axis was seen near 0 while enable was up: since its first
    message, since it was last silent, broken or frozen, and since an axis jumped as no stick does.
    """

    def __init__(self, name: str, joystick: Joystick) -> None:
        self.name, self.config = name, joystick.config
        self._joystick = joystick
        self._alive = self.config.liveness
        self._freshness = Freshness(self._alive.silent_s)
        self._publishers = Publishers()
        self._intruder: Publisher | None = None  # who has just spoken beside the publisher of before
        self._joy: JoyReading | None = None
        self._command: TeleopCommand | None = None
        self._rested: set[str] = set()  # motions whose axis was seen near 0 while enable was up
        self._counted_s = 0.0  # arrival of the first message with this count

    def take(self, joy: JoyReading | None, now: Now) -> None:
        """Take note of the newest message; None: nobody sends any."""
        if joy is None:
            if self.silent(now):
                self._joy = self._command = None
            return
        for publisher in joy.beside:
            self._publishers.heard(publisher, (self.name,), joy.arrival_s)
        silent = self._freshness.age_s(Now(joy.arrival_s, 0.0)) > self._alive.silent_s
        if not self._freshness.update(joy.stamp_s if self._alive.stamped else joy.arrival_s, joy.arrival_s):
            return
        last, self._joy = self._joy, joy
        self._command = self._joystick.command(joy)
        goes_on = last.publisher if last is not None and not silent else None
        others = [other for other in (joy.publisher, *joy.beside) if goes_on is not None and other != goes_on]
        self._intruder = others[0] if others else None
        self._publishers.heard(joy.publisher, (self.name,), joy.arrival_s)
        if silent or last is None or self._count(last) != self._count(joy):
            self._counted_s = joy.arrival_s
        believable = not (self._command.problem or self._rivals(now) or self._frozen(now))
        if silent or not believable:
            self._rested.clear()
        if believable:
            self._watch_rest(last, joy)

    def silent(self, now: Now) -> bool:
        """Return whether no message has come for too long."""
        return self._freshness.age_s(now) > self._alive.silent_s

    @property
    def heard(self) -> bool:
        """Whether it has spoken, and somebody is still there who could."""
        return self._joy is not None

    def holds(self, now: Now) -> bool:
        """Return whether enable is held on it, whoever believes it."""
        return self._command is not None and self._command.enabled and not self.silent(now)

    def command(self, now: Now) -> TeleopCommand | None:
        """Return what is asked of it; None unless it is believed."""
        return None if self.trouble(now) is not None else self._command

    def trouble(self, now: Now) -> Trouble | None:
        """Return why it is not believed now, None if it is."""
        if self._joy is None or self._command is None or self.silent(now):
            return Trouble(Reason.JOY_LOST, f"{self.name} is silent for more than {self._alive.silent_s} s")
        if self._command.problem:
            return Trouble(Reason.JOY_LOST, f"{self.name}: {self._command.problem}")
        if rivals := self._rivals(now):
            return Trouble(Reason.JOY_LOST, rivals)
        if self._frozen(now):
            text = f"{self.name}: the count of messages stands still for more than {self._alive.counter_s} s"
            return Trouble(Reason.JOY_FROZEN, text)
        if len(self._rested) < len(self.config.axes):
            return Trouble(Reason.JOY_LOST, self._unrested(self._joy))
        return None

    def forget_stamp(self) -> None:
        """Accept any stamp next, after the ROS clock jumped."""
        self._freshness.forget_stamp()

    def _watch_rest(self, last: JoyReading | None, joy: JoyReading) -> None:
        """Note which axes rest, and which have moved as nothing does that a hand holds."""
        command = self._command
        gap = last is None or joy.arrival_s - last.arrival_s > JUMP_S
        for motion, axis in self.config.axes.items():
            value = joy.axes[axis.index]
            rests = abs(value) <= self.config.dead_zone
            if rests and command is not None and not command.enabled:
                self._rested.add(motion)
            before = last.axes[axis.index] if last is not None and axis.index < len(last.axes) else 0.0
            if not gap and not axis.jumps and abs(before) <= self.config.dead_zone and abs(value) >= JUMP:
                self._rested.discard(motion)

    def _unrested(self, joy: JoyReading) -> str:
        dead_zone = self.config.dead_zone
        away = [
            f"axis {axis.index} ({motion}) is at {joy.axes[axis.index]:+.1f}"
            for motion, axis in self.config.axes.items()
            if motion not in self._rested and abs(joy.axes[axis.index]) > dead_zone
        ]
        if not away:
            return f"{self.name}: release enable, its axes must be seen at rest first"
        rule = f"must be seen within {dead_zone} of 0 while enable is up"
        return f"{self.name}: {', '.join(away)}, {rule}; {NEW_FILE}"

    def _rivals(self, now: Now) -> str:
        """Return who else publishes the topic: from its first message on, and for as long as it does."""
        intruder = f"a second publisher of {self.name}: {self._intruder}" if self._intruder else ""
        return self._publishers.conflict(now.steady_s) or intruder

    def _frozen(self, now: Now) -> bool:
        limit_s = self._alive.counter_s
        return limit_s is not None and now.steady_s - self._counted_s > limit_s

    def _count(self, joy: JoyReading) -> float | None:
        index = self._alive.counter_axis
        return joy.axes[index] if index is not None and index < len(joy.axes) else None
