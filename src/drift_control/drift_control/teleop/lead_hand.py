"""A thing that leads, as a leader arm or a tracked controller: believed while it moves as things do."""

from dataclasses import replace
from typing import Protocol

from drift_control.gate.state import Reason
from drift_control.inputs import JoyReading, LeadReading, Now
from drift_control.teleop.command import JointLead, TcpLead, TeleopCommand
from drift_control.teleop.hand import ButtonDevice, Hand, Trouble
from drift_control.teleop.lead import LeadConfig
from drift_control.teleop.line import Line


class LeadDevice(ButtonDevice, Protocol):
    """From messages to what leads."""

    @property
    def config(self) -> LeadConfig: ...
    def problem(self, reading: LeadReading) -> str:
        """Return why a message is refused, with the name and the value; empty: it is not."""

    def jump(self, before: LeadReading, reading: LeadReading) -> str:
        """Return what moved further between two sound messages than anything does; empty: nothing."""

    def lead(self, reading: LeadReading) -> TcpLead | JointLead:
        """Return what a sound message says."""


class LeadHand:
    """The buttons on one topic, what leads on another; it is lost with either of them.

    After whatever was wrong with what leads, enable must be seen up before it takes over.
    """

    def __init__(self, name: str, device: LeadDevice) -> None:
        """`name`: the topic of the buttons."""
        self.name, self.scripted = name, False
        self._device = device
        self._buttons = Hand(name, device)
        config = device.config
        self._line = Line[LeadReading](config.topic, config.lead_silent_s, config.lead_stamped)
        self._problem = ""  # with the newest message
        self._doubt = ""  # with an earlier one, until enable is seen up
        self._lead: TcpLead | JointLead | None = None

    def take(self, joy: JoyReading | None, lead: LeadReading | None, now: Now) -> None:
        """Take note of the newest message of each topic; None: nobody sends any."""
        self._buttons.take(joy, None, now)
        if self._line.take(lead, now) and lead is not None:
            self._judge(lead)
        if self._line.newest is None:
            self._lead = None
        wrong = self._wrong(now)
        if wrong:
            self._doubt = wrong
        elif not self._buttons.holds(now):
            self._doubt = ""

    @property
    def heard(self) -> bool:
        """Whether its buttons have spoken, and somebody is still there who could."""
        return self._buttons.heard

    def silent(self, now: Now) -> bool:
        """Return whether nothing has come for too long, of one or of the other."""
        return self._buttons.silent(now) or self._line.silent(now)

    def holds(self, now: Now) -> bool:
        """Return whether enable is held on it, whoever believes it."""
        return self._buttons.holds(now)

    def command(self, now: Now) -> TeleopCommand | None:
        """Return what is asked of it; None unless it is believed."""
        command = None if self.trouble(now) is not None else self._buttons.command(now)
        return None if command is None or self._lead is None else replace(command, motion=self._lead)

    def trouble(self, now: Now) -> Trouble | None:
        """Return why it is not believed now, None if it is."""
        text = self._wrong(now)
        if not text and self._doubt:
            text = f"{self._doubt}; release enable first"
        return Trouble(Reason.JOY_LOST, text) if text else self._buttons.trouble(now)

    def forget_stamp(self) -> None:
        """Accept any stamps next, after the ROS clock jumped."""
        self._buttons.forget_stamp()
        self._line.forget_stamp()

    def _judge(self, lead: LeadReading) -> None:
        device, before = self._device, self._line.before
        self._problem = device.problem(lead)
        if self._problem:
            self._lead = None
            return
        if before is not None and not self._line.was_silent and not device.problem(before):
            self._problem = device.jump(before, lead)
        self._lead = device.lead(lead)

    def _wrong(self, now: Now) -> str:
        """Return what is wrong with what leads, at this very moment."""
        if self._line.newest is None or self._line.silent(now):
            return f"{self._line.name} is silent for more than {self._line.silent_s} s"
        return f"{self._line.name}: {self._problem}" if self._problem else self._line.rivals(now)
