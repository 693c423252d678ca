"""A person who guides an arm by hand, and the controller manager that lets go of it, on a bench."""

import numpy as np

from drift_control.inputs import GuideReport, JoyReading, SwitchAnswer


class GuidedBench:
    """Each tick the manager looks at what is asked of it; while guided, the arm moves as the hand does."""

    SWITCH_TICKS = 3  # from the question to the switch and its answer

    def __init__(self, bench):
        self.bench = bench
        self.driven, self.guided = True, False  # which controller is active
        self.refusal = self.objection = ""
        self.silent = False  # the manager does not answer, nor switch
        self.held = False  # the pedal
        self.hand_rad_s = np.zeros(bench.robot.n_joints)
        self._asked = (0, 0)  # id of the question, ticks since
        self._question = None
        bench.joy_silent = True  # the pedal's messages are made here

    def tick(self, **inputs):
        """Let one control tick go by, and what follows from it at the arm."""
        bench = self.bench
        bench.switch_answer = self._answer()
        bench.guide = GuideReport(self.driven, self.guided, self.objection)
        bench.controller_trouble = "" if self.driven else "the controller is inactive"
        bench.follows = self.driven
        if self.guided:
            bench.q = bench.q + self.hand_rad_s * bench.config.dt_s
        if "joy" not in inputs:
            inputs["joy"] = JoyReading((), (int(self.held),), bench.ros_s, bench.steady_s)
        tick = bench.tick(**inputs)
        self._question = tick.switch
        return tick

    def run(self, seconds, **inputs):
        """Go on like this for a while."""
        for _ in range(round(seconds / self.bench.config.dt_s)):
            tick = self.tick(**inputs)
        return tick

    def arm(self):
        """Arm the gate, foot off the pedal."""
        self.run(0.1)
        return self.tick(arm=True)

    def guide(self, hand_rad_s=0.0):
        """Press the pedal until the arm is the person's, then lead it at (J,) [rad/s] or all joints alike."""
        self.held, self.hand_rad_s = True, np.zeros(self.bench.robot.n_joints)
        self.run(0.5)
        self.hand_rad_s = np.zeros(self.bench.robot.n_joints) + hand_rad_s
        return self

    def _answer(self):
        question = self._question
        if question is None or self.silent:
            return None
        last, ticks = self._asked
        ticks = ticks + 1 if last == question.id else 1
        self._asked = question.id, ticks
        if ticks != self.SWITCH_TICKS:
            return None
        if self.refusal:
            return SwitchAnswer(question.id, self.refusal)
        self.driven, self.guided = not question.guided, question.guided
        return SwitchAnswer(question.id)
