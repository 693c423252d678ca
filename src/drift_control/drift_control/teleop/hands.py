"""Several devices: which of them drives, and what is said to the others."""

from collections.abc import Mapping, Sequence

from drift_control.gate.gate import Event, GateStatus, Happening
from drift_control.gate.state import BY_PERSON
from drift_control.inputs import JoyReading, LeadReading, Now
from drift_control.teleop.command import Guiding, TeleopCommand
from drift_control.teleop.devices import Device, hand_of
from drift_control.teleop.hand import Hand, Trouble
from drift_control.teleop.lead_hand import LeadHand


class Hands:
    """The first whose enable goes down drives until it lets go; of two at once, the one named first.

    A person takes over at once from a device that is scripted.
    """

    def __init__(self, devices: Mapping[str, Device]) -> None:
        """`devices`: by topic of their buttons, in order of precedence."""
        self._hands = [hand_of(name, device) for name, device in devices.items()]
        self._driver: Hand | LeadHand | None = None
        self._held: Hand | LeadHand | None = None  # drove until the arm was held, and has not let go since

    def take(self, joys: Mapping[str, JoyReading], leads: Mapping[str, LeadReading], now: Now) -> None:
        """Take note of the newest message of each."""
        for hand in self._hands:
            hand.take(joys.get(hand.name), leads.get(hand.name), now)

    def forget_stamp(self) -> None:
        """Accept any stamps next, after the ROS clock jumped."""
        for hand in self._hands:
            hand.forget_stamp()

    def command(self, now: Now) -> TeleopCommand | None:
        """Return what is asked by the one that drives; None if it is not believed, or none drives."""
        return None if self._driver is None else self._driver.command(now)

    def guides(self, now: Now) -> bool:
        """Return whether the one that drives, and is believed, wants to guide the arm by hand."""
        command = self.command(now)
        return command is not None and isinstance(command.motion, Guiding)

    def marks(self, now: Now) -> frozenset[str]:
        """Return the marks that are held on any of them."""
        commands = [hand.command(now) for hand in self._hands]
        return frozenset().union(*(command.marks for command in commands if command is not None))

    def any_holds(self, now: Now) -> bool:
        """Return whether enable is held on one that is not silent."""
        return any(hand.holds(now) for hand in self._hands)

    def objection(self, now: Now) -> Trouble | None:
        """Return why the gate must not be armed: a joystick is there, but nobody could take over with it."""
        found = (hand.trouble(now) for hand in self._hands if hand.heard and not hand.silent(now))
        return next((trouble for trouble in found if trouble is not None), None)

    def happenings(self, now: Now, status: GateStatus, held_back: bool) -> list[Happening]:
        """Return what they do; `held_back`: something else forbids to take over now."""
        found = [] if self.any_holds(now) else [Happening(Event.ENABLE_FREE)]
        found += self._left_behind(now, status)
        driver = self._driver
        if driver is not None:
            found += self._driving(driver, now, status, held_back)
        elif not held_back and not status.release_required:
            text = "{} drives" if status.armed else "homing ended: enable is held on {}"
            found += self._enable([hand for hand in self._hands if self._may_drive(hand, now)], text)
        return found

    def _left_behind(self, now: Now, status: GateStatus) -> list[Happening]:
        """Return that the joystick was lost which drove until the arm was held, before its enable was let go.

        Its silence is no release: the policy would drive for somebody who still holds enable.
        """
        if status.state not in BY_PERSON and self._driver is not None:
            self._held, self._driver = self._driver, None
        held = self._held
        if held is None or held.holds(now):
            return []
        self._held = None
        trouble = held.trouble(now)
        return [] if trouble is None or status.state in BY_PERSON else [_lost(trouble)]

    def _driving(
        self, driver: Hand | LeadHand, now: Now, status: GateStatus, held_back: bool
    ) -> list[Happening]:
        trouble = driver.trouble(now)
        if trouble is not None:
            return [_lost(trouble)]
        if not driver.holds(now):
            released = Happening(Event.RELEASE, text="handed back; waiting for a chunk")
            return [released, Happening(Event.ENABLE_VOID)] if self.any_holds(now) else [released]
        if held_back or not driver.scripted:
            return []
        people = [h for h in self._hands if not h.scripted and self._may_drive(h, now)]
        return self._enable(people, "{} drives, taken over from " + driver.name)

    def _enable(self, hands: Sequence[Hand | LeadHand], text: str) -> list[Happening]:
        if not hands:
            return []
        self._driver = hands[0]
        return [Happening(Event.ENABLE, text=text.format(hands[0].name))]

    @staticmethod
    def _may_drive(hand: Hand | LeadHand, now: Now) -> bool:
        return hand.holds(now) and hand.trouble(now) is None

    # --- what is said

    def refused(self, now: Now, status: GateStatus) -> str:
        """Return in words what is asked of the joysticks in this state and not done, empty if nothing."""
        return "; ".join(filter(None, (self._refused(hand, now, status) for hand in self._hands)))

    def _refused(self, hand: Hand | LeadHand, now: Now, status: GateStatus) -> str:
        if not hand.heard or (hand is self._driver and status.state in BY_PERSON):
            return ""
        trouble = hand.trouble(now)
        if trouble is not None:
            return trouble.text
        command = hand.command(now)
        if command is not None and command.arm and not status.armed:
            return f"{hand.name}: let go of arm and press it again"
        return f"{hand.name}: {self._why_not(status)}" if hand.holds(now) else ""

    def _why_not(self, status: GateStatus) -> str:
        """Return why enable, which is held, does nothing."""
        if status.state in BY_PERSON and self._driver is not None:
            return f"waits, {self._driver.name} drives"
        if not status.armed:
            return f"enable does nothing in {status.state.name} before the gate is armed"
        return "release enable first" if status.release_required else "enable is held back"


def _lost(trouble: Trouble) -> Happening:
    return Happening(Event.JOY_LOST, trouble.reason, f"{trouble.text}; press and release enable, or arm")
