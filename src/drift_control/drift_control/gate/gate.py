"""The state machine that decides who drives, as one table."""

from dataclasses import dataclass
from enum import Enum, auto

from drift_control.gate.state import Reason, State


class Event(Enum):
    """What can change the state; in order of precedence within one tick."""

    FAULT = auto()  # a guard rule latches
    SHUTDOWN = auto()  # the process is being stopped
    STOP = auto()  # the stop service or button
    CLOCK_JUMP = auto()  # ROS time jumped
    GUARD_HOLD = auto()  # a guard rule holds: stale joints, collision, no inverse kinematics
    GUARD_HELP = auto()  # a guard rule holds and wants the person
    ENABLE_FREE = auto()  # no live joystick says that enable is held
    ENABLE_VOID = auto()  # one does, since before ARM, or since another joystick drove
    JOY_LOST = auto()  # the joystick that drives, or did until a hold, is silent, broken, frozen or refused
    RELEASE = auto()  # the enable button of the joystick that drives is let go
    ENABLE = auto()  # that of another one is held, and it may drive
    GUIDE = auto()  # the one that drives wants to guide the arm by hand, which has come to rest
    SWITCH_FAILED = auto()  # the controllers were not switched for that
    SWITCHED_BACK = auto()  # they were switched back, and the arm rests
    ARM = auto()  # asked to arm, and all start rules agree
    ARM_REFUSED = auto()  # asked to arm, but a start rule objects
    HOME = auto()  # asked to home, and no start rule objects but that of the workspace
    HOME_REFUSED = auto()  # asked to home, but another one does
    HOME_ENDED = auto()  # cancelled or out of time
    HOME_DONE = auto()  # at home
    BAD_CHUNK = auto()  # a chunk of this epoch was refused; it is nothing to the person, nor to homing
    CHUNK_OVER = auto()  # the chunk ran out or grew too old
    CHUNK_READY = auto()  # a sound chunk of this epoch is there
    READY_AGAIN = auto()  # what held the arm has gone


@dataclass(frozen=True)
class Row:
    """When `event` happens in one of `states` (and `armed` is as given): what becomes of the gate."""

    event: Event
    states: tuple[State, ...]
    to: State | None  # None: stays
    reason: Reason | None = None  # None: that of the event
    armed: bool | None = None  # condition
    set_armed: bool | None = None  # effect
    void: bool = False  # raise the epoch: every older chunk is void
    help_wanted: bool | None = None  # effect: the policy may not go on by itself
    intervention: bool = False  # effect: a new take-over begins
    release_required: bool | None = None  # effect: enable must be released before the next take-over
    quiet: bool = False  # effect: reason and text stay as well


HOLD, HOMING, POLICY, EXPERT, FAULT = State.HOLD, State.HOMING, State.POLICY, State.EXPERT, State.FAULT
GUIDED = State.GUIDED
MOVING = (HOMING, POLICY, EXPERT, GUIDED)
ANY = (HOLD, *MOVING, FAULT)

# fmt: off
TABLE: tuple[Row, ...] = (
    Row(Event.FAULT, (HOLD, *MOVING), FAULT, set_armed=False, void=True, release_required=True),
    Row(Event.SHUTDOWN, (HOLD,), HOLD, Reason.SHUTDOWN, armed=False),
    Row(Event.SHUTDOWN, (HOLD, *MOVING), HOLD, Reason.SHUTDOWN, set_armed=False, void=True),
    Row(Event.STOP, (HOLD,), HOLD, Reason.STOP_REQUESTED, armed=False),
    Row(Event.STOP, (HOLD, *MOVING), HOLD, Reason.STOP_REQUESTED, set_armed=False, void=True,
        release_required=True),
    Row(Event.CLOCK_JUMP, (HOLD, HOMING, POLICY), HOLD, Reason.CLOCK_JUMP, armed=True, void=True),
    Row(Event.CLOCK_JUMP, (HOMING,), HOLD, Reason.CLOCK_JUMP, void=True),
    Row(Event.CLOCK_JUMP, (EXPERT, GUIDED), HOLD, Reason.CLOCK_JUMP, void=True, release_required=True),
    Row(Event.GUARD_HOLD, (HOMING, POLICY), HOLD, void=True),
    Row(Event.GUARD_HOLD, (EXPERT, GUIDED), HOLD, void=True, release_required=True),
    Row(Event.GUARD_HOLD, (HOLD,), HOLD, armed=True, void=True),
    Row(Event.GUARD_HELP, (HOLD, POLICY), HOLD, armed=True, void=True, help_wanted=True),
    Row(Event.ENABLE_FREE, ANY, None, release_required=False, quiet=True),
    Row(Event.ENABLE_VOID, ANY, None, release_required=True, quiet=True),
    Row(Event.JOY_LOST, (EXPERT, GUIDED), HOLD, void=True, release_required=True, help_wanted=True),
    Row(Event.JOY_LOST, (HOLD,), HOLD, armed=True, release_required=True, help_wanted=True),
    Row(Event.RELEASE, (EXPERT, GUIDED), HOLD, Reason.WAITING_FOR_CHUNK, void=True),
    Row(Event.ENABLE, (HOLD, HOMING, POLICY), EXPERT, Reason.NONE, armed=True, help_wanted=False,
        intervention=True),
    Row(Event.ENABLE, (EXPERT,), EXPERT, Reason.NONE, armed=True, intervention=True),
    Row(Event.ENABLE, (HOMING,), HOLD, Reason.NOT_ARMED, armed=False, void=True, release_required=True),
    Row(Event.GUIDE, (EXPERT,), GUIDED, Reason.NONE, armed=True, void=True),
    Row(Event.SWITCH_FAILED, (EXPERT, GUIDED), HOLD, void=True, release_required=True, help_wanted=True),
    Row(Event.SWITCHED_BACK, (HOLD,), HOLD, armed=True, void=True, quiet=True),
    Row(Event.ARM, (HOLD,), HOLD, Reason.WAITING_FOR_CHUNK, armed=False, set_armed=True, void=True,
        help_wanted=False, release_required=False),
    Row(Event.ARM, (FAULT,), HOLD, Reason.WAITING_FOR_CHUNK, set_armed=True, void=True, help_wanted=False,
        release_required=False),
    Row(Event.ARM, (HOLD,), HOLD, Reason.WAITING_FOR_CHUNK, armed=True, help_wanted=False),
    Row(Event.ARM_REFUSED, (HOLD, FAULT), None, armed=False),
    Row(Event.HOME, (HOLD, POLICY, FAULT), HOMING, Reason.NONE, void=True),
    Row(Event.HOME_REFUSED, (HOLD, FAULT), None, armed=False),
    Row(Event.HOME_ENDED, (HOMING,), HOLD, void=True),
    Row(Event.HOME_DONE, (HOMING,), HOLD, Reason.WAITING_FOR_CHUNK, armed=True, void=True),
    Row(Event.HOME_DONE, (HOMING,), HOLD, Reason.NOT_ARMED, armed=False, void=True),
    Row(Event.BAD_CHUNK, (POLICY,), HOLD, void=True),
    Row(Event.BAD_CHUNK, (HOLD,), HOLD, armed=True, void=True),
    Row(Event.CHUNK_OVER, (POLICY,), HOLD, Reason.CHUNK_STALE),
    Row(Event.CHUNK_READY, (HOLD,), POLICY, Reason.NONE, armed=True),
    Row(Event.READY_AGAIN, (HOLD,), HOLD, Reason.WAITING_FOR_CHUNK, armed=True),
)
# fmt: on


@dataclass(frozen=True)
class Happening:
    """An event, with its reason where the table leaves that to the event, and in words."""

    event: Event
    reason: Reason = Reason.NONE
    text: str = ""


@dataclass(frozen=True)
class GateStatus:
    """Where the state machine is."""

    state: State = State.HOLD
    reason: Reason = Reason.NOT_ARMED
    text: str = "not armed"
    armed: bool = False
    epoch: int = 1  # 0 is that of a policy node which has not heard from the gate
    intervention_id: int = 0
    help_wanted: bool = False
    release_required: bool = False


def find_row(event: Event, status: GateStatus) -> Row | None:
    """Return the row of the table for an event, or None where it means nothing."""
    for row in TABLE:
        if row.event is event and status.state in row.states and row.armed in (None, status.armed):
            return row
    return None


def step(status: GateStatus, happening: Happening) -> GateStatus:
    """Return the status after an event."""
    row = find_row(happening.event, status)
    if row is None:
        return status

    def keep(value: bool | None, old: bool) -> bool:
        return old if value is None else value

    reason, text = happening.reason if row.reason is None else row.reason, happening.text
    return GateStatus(
        state=status.state if row.to is None else row.to,
        reason=status.reason if row.quiet else reason,
        text=status.text if row.quiet else text,
        armed=keep(row.set_armed, status.armed),
        epoch=status.epoch + row.void,
        intervention_id=status.intervention_id + row.intervention,
        help_wanted=keep(row.help_wanted, status.help_wanted),
        release_required=keep(row.release_required, status.release_required),
    )
