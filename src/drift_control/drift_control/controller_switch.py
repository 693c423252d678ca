"""Between commands and an arm that a person guides by hand: which switch of controllers is under way."""

import math
from dataclasses import dataclass
from enum import Enum, auto

import numpy as np

from drift_control.commanded import MOVED_RAD, CommandedArm
from drift_control.gate.gate import Event, Happening
from drift_control.gate.state import Reason, State
from drift_control.inputs import GuideReport, Now, SwitchAnswer
from drift_control.robot.pose import Array

LIMIT_S = 3.0  # for a switch to be answered and seen, and for the arm to rest after it
AGAIN_S = 0.5  # after a refusal the arm is asked for again
REST_S = 0.2  # the measured arm rests for so long before it is let go of, and once it is back


class Phase(Enum):
    """Whose the arm is."""

    DRIVEN = auto()  # the gate's
    LETTING_GO = auto()  # the controller manager is asked to let go of it
    GUIDED = auto()  # the person's
    TAKING_BACK = auto()  # the controller manager is asked to give it back


NOTES = {
    Phase.LETTING_GO: "the controllers are being switched",
    Phase.TAKING_BACK: "the controllers are being switched back",
}


@dataclass(frozen=True)
class SwitchQuestion:
    """What the controller manager is asked for, until it is answered and seen."""

    id: int
    guided: bool  # the arm is to be guided; False: commanded


class ControllerSwitch:
    """Nothing is commanded from the first switch until the last has been seen and the arm rests.

    What ends the guiding is the gate's state alone, whatever led out of GUIDED: then the arm is taken back.
    """

    def __init__(self) -> None:
        self.phase = Phase.DRIVEN
        self.question: SwitchQuestion | None = None
        self._asked = 0
        self._asked_s = 0.0  # steady time of the question
        self._since_s = 0.0  # of the first one for this switch
        self._answer: SwitchAnswer | None = None  # to the question
        self._report: GuideReport | None = None
        self._rest = _Rest()

    @property
    def under_way(self) -> bool:
        """Whether the arm is not the gate's to command."""
        return self.phase is not Phase.DRIVEN

    def take(
        self, report: GuideReport | None, answer: SwitchAnswer | None, measured: Array | None, now: Now
    ) -> None:
        """Take note of what the controller manager says, and of the measured joints (J,) [rad] or None."""
        self._report = report
        if self.question is not None and answer is not None and answer.id == self.question.id:
            self._answer = answer
        self._rest.look(measured, now)

    def happenings(self, state: State, wanted: bool, arm: CommandedArm, now: Now) -> list[Happening]:
        """Return what became of a switch; `wanted`: the person who drives wants to guide the arm."""
        if self.phase is Phase.TAKING_BACK:
            return self._taking_back(state, now)
        if state is State.EXPERT and wanted:
            return self._beginning(arm)
        if state is not State.GUIDED:
            return []
        return self._letting_go(now) if self.phase is Phase.LETTING_GO else self._guided()

    def follow(self, state: State, now: Now) -> None:
        """Ask for the switch that the state of the gate needs, after everything that happened in a tick."""
        if state is State.GUIDED and self.phase is Phase.DRIVEN:
            self._ask(Phase.LETTING_GO, now)
        elif state is State.GUIDED or self.phase in (Phase.DRIVEN, Phase.TAKING_BACK):
            return
        elif self.phase is Phase.GUIDED and not (self._report and self._report.guided):
            self.phase = Phase.DRIVEN  # others have switched; what they have stopped is theirs to start again
        else:
            self._ask(Phase.TAKING_BACK, now)

    def _beginning(self, arm: CommandedArm) -> list[Happening]:
        report = self._report
        if report is None or report.objection:
            text = "nobody could switch the controllers" if report is None else report.objection
            return [_failed(f"not guided by hand: {text}")]
        rests = arm.motion.still and self._rest.lasts_s >= REST_S
        return [Happening(Event.GUIDE, text="guided by hand")] if rests else []

    def _letting_go(self, now: Now) -> list[Happening]:
        report, answer = self._report, self._answer
        if answer is not None and answer.refusal:
            return [_failed(f"not guided by hand: the controllers were not switched: {answer.refusal}")]
        if answer is not None and report is not None and report.guided and not report.driven:
            self.phase, self.question = Phase.GUIDED, None
            return []
        return [_failed(f"not guided by hand: {self._overdue()}")] if self._late(now) else []

    def _guided(self) -> list[Happening]:
        report = self._report
        if report is not None and report.guided and not report.driven:
            return [_failed(f"guided by hand no more: {report.objection}")] if report.objection else []
        text = "somebody else has switched the arm's controllers while it was guided by hand"
        return [Happening(Event.FAULT, Reason.PROTECTIVE_STOP, text)]

    def _taking_back(self, state: State, now: Now) -> list[Happening]:
        report, answer = self._report, self._answer
        # After a refusal what is reported may be older than what was switched before it was asked.
        later = now.steady_s - self._asked_s >= AGAIN_S
        if (
            answer is not None
            and (later or not answer.refusal)
            and report is not None
            and report.driven
            and not report.guided
            and self._rest.lasts_s >= REST_S
        ):
            self.phase, self.question = Phase.DRIVEN, None
            return [Happening(Event.SWITCHED_BACK)]
        refusal = answer.refusal if answer is not None else ""
        if not self._late(now):
            if refusal and later:
                self._ask(Phase.TAKING_BACK, now)
            return []
        self.phase, self.question = Phase.DRIVEN, None
        if state is State.FAULT:
            return []  # which says why
        free = "the arm may be free to move, " if report is None or report.guided else ""
        text = f"after hand guiding: {refusal or self._overdue()}; {free}activate its controller, then arm"
        return [Happening(Event.FAULT, Reason.SWITCH_FAILED, text)]

    def _ask(self, phase: Phase, now: Now) -> None:
        if phase is not self.phase:
            self._since_s = now.steady_s
        self.phase, self._answer = phase, None
        self._asked, self._asked_s = self._asked + 1, now.steady_s
        self.question = SwitchQuestion(self._asked, phase is Phase.LETTING_GO)

    def _late(self, now: Now) -> bool:
        return now.steady_s - self._since_s > LIMIT_S

    def _overdue(self) -> str:
        if self._answer is None:
            return f"the controller manager has not answered within {LIMIT_S} s"
        if self.phase is Phase.LETTING_GO:
            return f"the controllers are not seen to be switched within {LIMIT_S} s"
        return f"the controllers are not seen to be switched, with the arm at rest, within {LIMIT_S} s"


def _failed(text: str) -> Happening:
    return Happening(Event.SWITCH_FAILED, Reason.SWITCH_FAILED, text)


class _Rest:
    """For how long the measured joints have stayed where they are."""

    def __init__(self) -> None:
        self._at: Array | None = None
        self._since_s = math.inf
        self.lasts_s = 0.0

    def look(self, measured: Array | None, now: Now) -> None:
        """Take note of the joints (J,) [rad]; None: nobody knows where they are."""
        at = self._at
        if measured is None or at is None or float(np.abs(measured - at).max()) > MOVED_RAD:
            self._at, self._since_s = measured, now.steady_s
        self.lasts_s = 0.0 if measured is None else now.steady_s - self._since_s
