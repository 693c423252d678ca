"""What the person's hand on the joystick means to the gate."""

from drift_control.gate.config import GateConfig
from drift_control.gate.gate import Event, GateStatus, Happening
from drift_control.gate.state import Reason
from drift_control.inputs import JoyReading, Now
from drift_control.teleop.joystick import Joystick, TeleopCommand
from drift_control.teleop.watch import JoyWatch


class Person:
    """The newest joystick message, and whether it can be believed."""

    def __init__(self, config: GateConfig, joystick: Joystick) -> None:
        self._frozen_s = config.joy_frozen_s
        self._joystick = joystick
        self._watch = JoyWatch(config.joy_timeout_s, config.joy_frozen_s)
        self._newest: TeleopCommand | None = None

    def take(self, joy: JoyReading | None) -> None:
        """Take note of the newest message."""
        if joy is not None and self._watch.update(joy):
            self._newest = self._joystick.command(joy)

    def command(self, now: Now) -> TeleopCommand | None:
        """Return the command of the newest message, or None if none is fresh."""
        return None if self._watch.silent(now) else self._newest

    def frozen(self, now: Now) -> bool:
        """Return whether the enable button seems to be held by a dead device."""
        command = self.command(now)
        return command is not None and command.enabled and self._watch.frozen(now)

    def may_hold_enable(self) -> bool:
        """Return whether the newest message, however old, may mean that enable is held."""
        return self._newest is not None and (self._newest.enabled or bool(self._newest.problem))

    def forget_stamp(self) -> None:
        """Accept any stamp next, after the ROS clock jumped."""
        self._watch.forget_stamp()

    def happenings(self, now: Now, status: GateStatus, held_back: bool) -> list[Happening]:
        """Return what she does; `held_back`: something else forbids to take over now."""
        command = self.command(now)
        if self.frozen(now):
            text = f"joystick repeats the same values for {self._frozen_s} s; release enable"
            return [Happening(Event.ENABLE_VOID), Happening(Event.JOY_LOST, Reason.JOY_FROZEN, text)]
        found = [] if self.may_hold_enable() else [Happening(Event.ENABLE_FREE)]
        if command is None:
            text = f"joystick silent for {self._watch.silent_s(now):.2f} s; release enable"
            found.append(Happening(Event.JOY_LOST, Reason.JOY_LOST, text))
        elif command.problem:
            found.append(Happening(Event.JOY_LOST, Reason.JOY_LOST, f"{command.problem}; release enable"))
        elif not command.enabled:
            found.append(Happening(Event.RELEASE, text="handed back; waiting for a chunk"))
        elif not held_back and not status.release_required:
            text = "the person drives" if status.armed else "homing ended: enable is held"
            found.append(Happening(Event.ENABLE, text=text))
        return found
