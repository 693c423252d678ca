"""What has arrived since the last tick: the newest item of each kind, and requests as levels."""

from dataclasses import fields, replace

from drift_control.inputs import (
    ArmState,
    Chunk,
    ChunkVerdict,
    Inputs,
    JointReading,
    JoyReading,
    LeadReading,
    PlanAnswer,
    Requests,
    SwitchAnswer,
)
from drift_control.publishers import Publisher


class Inbox:
    """Filled by callbacks, read by the tick; both run in one thread."""

    def __init__(self) -> None:
        self._newest = Inputs()
        self._arm_stopped: ArmState | None = None  # since the last tick, if only for a moment
        # by topic, and by that of the buttons beside what leads: who has spoken since the last tick
        self._speakers: dict[str, set[Publisher]] = {}
        self._leaders: dict[str, set[Publisher]] = {}

    def put_joints(self, joints: JointReading | None, trouble: str) -> None:
        """Take the newest joint reading, None as long as not every joint is known, and what is missing."""
        self._newest = replace(self._newest, joints=joints, joints_trouble=trouble)

    def put_conflict(self, conflict: str) -> None:
        """Take note of an input that comes from two publishers; empty: there is none."""
        self._newest = replace(self._newest, conflict=conflict)

    def put_joy(self, topic: str, joy: JoyReading) -> None:
        """Take a message of a joystick; of those that it replaces, the publishers are kept."""
        joy = replace(joy, beside=_beside(self._speakers.setdefault(topic, set()), joy.publisher))
        self._newest = replace(self._newest, joys={**self._newest.joys, topic: joy})

    def forget_joy(self, topic: str) -> None:
        """Take note that a joystick has left: nobody publishes it any more."""
        if topic in self._newest.joys:
            joys = {name: joy for name, joy in self._newest.joys.items() if name != topic}
            self._newest = replace(self._newest, joys=joys)

    def put_lead(self, topic: str, lead: LeadReading) -> None:
        """Take a message of what leads beside the buttons of `topic`; as of a joystick."""
        lead = replace(lead, beside=_beside(self._leaders.setdefault(topic, set()), lead.publisher))
        self._newest = replace(self._newest, leads={**self._newest.leads, topic: lead})

    def forget_lead(self, topic: str) -> None:
        """Take note that what leads beside the buttons of `topic` has left."""
        if topic in self._newest.leads:
            leads = {name: lead for name, lead in self._newest.leads.items() if name != topic}
            self._newest = replace(self._newest, leads=leads)

    def put_chunk(self, chunk: Chunk) -> None:
        """Take a chunk."""
        self._newest = replace(self._newest, chunk=chunk)

    def put_plan(self, answer: PlanAnswer) -> None:
        """Take a planner's answer."""
        self._newest = replace(self._newest, plan=answer)

    def put_switch_answer(self, answer: SwitchAnswer) -> None:
        """Take what the controller manager says to a question."""
        self._newest = replace(self._newest, switch_answer=answer)

    def put_chunk_verdict(self, verdict: ChunkVerdict) -> None:
        """Take a planner's verdict on a chunk; what it objects to is not replaced before it was seen."""
        last = self._newest.chunk_verdict
        if last is None or not last.objection or last.epoch != verdict.epoch:
            self._newest = replace(self._newest, chunk_verdict=verdict)

    def put_arm_state(self, arm_state: ArmState) -> None:
        """Take what the arm says about itself."""
        if arm_state.protective_stop or not arm_state.ready:
            self._arm_stopped = self._arm_stopped or arm_state
        self._newest = replace(self._newest, arm_state=arm_state)

    def arm_trouble(self) -> str:
        """Return why the arm is not ready, in its own words; empty: it is, or does not say."""
        state = self._newest.arm_state
        return "" if state is None else state.trouble

    def request(self, requests: Requests) -> None:
        """Add to what is asked of the next tick."""
        old = self._newest.requests
        levels = {
            field.name: getattr(old, field.name) or getattr(requests, field.name)
            for field in fields(Requests)
        }
        self._newest = replace(self._newest, requests=Requests(**levels))

    def take(self) -> Inputs:
        """Return the inputs of this tick; requests and answers count for one tick, everything else stays."""
        inputs = self._newest
        self._newest = replace(inputs, requests=Requests(), plan=None, chunk_verdict=None, switch_answer=None)
        self._speakers.clear()
        self._leaders.clear()
        if self._arm_stopped is not None and inputs.arm_state is not None:
            stopped = replace(self._arm_stopped, arrival_s=inputs.arm_state.arrival_s)
            inputs = replace(inputs, arm_state=stopped)
        self._arm_stopped = None
        return inputs


def _beside(speakers: set[Publisher], publisher: Publisher) -> tuple[Publisher, ...]:
    """Return who else has spoken, and note the publisher."""
    others = tuple(sorted(speakers - {publisher}, key=lambda other: other.identity))
    speakers.add(publisher)
    return others
