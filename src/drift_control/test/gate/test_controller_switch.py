"""Whose the arm is, by what the controller manager answers and what is reported of its controllers."""

import numpy as np
import pytest
from drift_control.controller_switch import ControllerSwitch, Phase
from drift_control.gate.gate import Event
from drift_control.gate.state import State
from drift_control.inputs import GuideReport, Now, SwitchAnswer

OURS, THEIRS = GuideReport(driven=True, guided=False), GuideReport(driven=False, guided=True)


class Asked:
    """A switch whose letting go was asked at 0 s and whose way back, 2, at 0.1 s, of an arm that rests."""

    def __init__(self):
        self.switch = ControllerSwitch()
        self.hear(0.0, OURS)
        self.switch.follow(State.GUIDED, Now(0.0, 0.0))
        self.switch.follow(State.HOLD, Now(0.1, 0.1))
        assert (self.switch.phase, self.switch.question.id) == (Phase.TAKING_BACK, 2)

    def hear(self, now_s, report, answer=None):
        """Return what happens."""
        now = Now(now_s, now_s)
        self.switch.take(report, answer, np.zeros(6), now)
        return [each.event for each in self.switch.happenings(State.HOLD, False, None, now)]


def test_after_a_refused_way_back_a_report_from_before_the_letting_go_is_not_believed():
    asked = Asked()
    assert asked.hear(0.3, OURS, SwitchAnswer(2, "busy")) == []  # the arm has been free since 0.05 s
    assert asked.switch.under_way
    assert asked.hear(0.61, THEIRS) == [] and asked.switch.question.id == 3
    assert asked.hear(0.7, OURS, SwitchAnswer(3)) == [Event.SWITCHED_BACK]
    assert not asked.switch.under_way


@pytest.mark.parametrize(
    ("refusal", "at_s"), [("", 0.3), ("the controller is active already", 0.61)], ids=["granted", "refused"]
)
def test_an_arm_that_was_never_let_go_of_is_the_gates_again(refusal, at_s):
    asked = Asked()
    first = asked.hear(0.3, OURS, SwitchAnswer(2, refusal))
    assert first == ([Event.SWITCHED_BACK] if at_s == 0.3 else [])
    assert (first or asked.hear(at_s, OURS)) == [Event.SWITCHED_BACK]
