"""One episode as a state machine: home, reset, record, arm, run, outcome, hold, written.

Pure: it is told what is seen and what time it is, and says what is to be done next. Whoever owns it does that
and comes back with the answer. Nothing in it waits: every phase ends by an answer, an event or a deadline.
"""

from dataclasses import dataclass
from enum import Enum, IntEnum, auto


class GoalKind(IntEnum):
    """Who may drive; values as in RunEpisode.action."""

    DEMONSTRATION = 0  # the expert, all the time
    INTERVENTION = 1  # the policy, and the expert when it goes wrong
    EVALUATION = 2  # the policy alone; a take-over counts as failure


class Error(IntEnum):
    """Why an episode is not a valid one; values as in RunEpisode.action."""

    NONE = 0
    HOME_FAILED = 1
    RESET_FAILED = 2
    ARM_REFUSED = 3
    GATE_FAULT = 4
    CANCELLED = 5
    NO_POLICY = 6
    INPUT_LOST = 8
    NOT_WRITTEN = 9
    NO_LABELS = 10
    BAD_GOAL = 11


class EpisodeOutcome(IntEnum):
    """What became of the task; values as in Outcome.msg."""

    RUNNING = 0
    SUCCESS = 1
    FAILURE = 2


class Ask(Enum):
    """What the owner of an EpisodeRunner is to do next. Each but PROMPT is to be answered."""

    STOP = auto()  # decelerate, hold, unarmed
    HOME = auto()
    RESET = auto()  # the simulated task, with the goal's seed
    PROMPT = auto()  # tell the person to put the objects into place and to arm
    RECORD = auto()  # open the episode
    ARM = auto()
    WRITE = auto()  # close the episode with the verdict's outcome
    DISCARD = auto()  # drop the open episode


class EpisodePhase(Enum):
    """What the runner waits for."""

    POLICY = auto()
    CLEARING = auto()  # a simulated gate's fault
    DISARMING = auto()
    HOMING = auto()
    RESETTING = auto()
    PERSON = auto()
    OPENING = auto()
    LISTENING = auto()  # until something of every input is recorded
    ARMING = auto()
    RUNNING = auto()
    TAIL = auto()
    HOLDING = auto()
    WRITING = auto()
    DONE = auto()


@dataclass(frozen=True)
class EpisodeGoal:
    """What is asked for."""

    kind: GoalKind
    seed: int
    max_duration_s: float


@dataclass(frozen=True)
class EpisodeTiming:
    """How long each phase may take [s]."""

    tail_s: float  # recorded after a success, so that labels reach the end
    policy_timeout_s: float  # for a policy to become active
    home_timeout_s: float
    service_timeout_s: float  # for stop, arm, reset and for the files
    person_timeout_s: float  # for a person to reset the objects and arm
    gate_timeout_s: float  # without gate/state


@dataclass(frozen=True)
class AskResult:
    """What came of the last Ask."""

    ok: bool
    text: str = ""


@dataclass(frozen=True)
class Seen:
    """What the owner knows at one moment."""

    now_s: float  # steady
    answer: AskResult | None = None  # to the last Ask; None: not yet
    gate_age_s: float | None = None  # since the last gate/state, None: never
    armed: bool = False
    fault: bool = False
    gate_text: str = ""
    dry_run: bool = False  # the gate's commands reach no arm
    policy_ready: bool = False
    simulated: bool = False  # False: a person resets the objects, arms, and marks the outcome
    expert_drives: bool = False  # by the newest control step
    outcome: EpisodeOutcome = EpisodeOutcome.RUNNING  # of this episode, by the simulation or by a person
    missing: str = ""  # inputs of which nothing is recorded (any more), in words
    trouble: str = ""  # why the episode cannot be written any further
    no_labels: str = ""  # why what was written gives not one label
    cancel: bool = False


@dataclass(frozen=True)
class EpisodeEnd:
    """How the episode ended."""

    error: Error
    text: str
    outcome: EpisodeOutcome
    duration_s: float  # from armed to judged


@dataclass(frozen=True)
class _Link:
    """A phase that is over when its Ask is answered: what was asked, and what follows."""

    what: str
    timeout_s: float
    error: Error
    phase: EpisodePhase
    ask: Ask | None


_DISCOVERY_S = 1.0  # a person is asked only where no simulation has been found by then
_DRY_RUN = "gate in a dry run: what would be recorded is executed by no arm"


class EpisodeRunner:
    """Take one episode from its goal to its verdict."""

    def __init__(self, goal: EpisodeGoal, timing: EpisodeTiming) -> None:
        self.goal = goal
        self.phase = EpisodePhase.POLICY
        self._timing = timing
        self._entered_s: float | None = None
        self._armed_s = 0.0
        self._seen_armed = self._prompted = False
        self._ran = False
        self._verdict: EpisodeEnd | None = None
        service_s, home_s = timing.service_timeout_s, timing.home_timeout_s
        self._links = {
            EpisodePhase.CLEARING: _Link(
                "arm", service_s, Error.GATE_FAULT, EpisodePhase.DISARMING, Ask.STOP
            ),
            EpisodePhase.DISARMING: _Link(
                "stop", service_s, Error.HOME_FAILED, EpisodePhase.HOMING, Ask.HOME
            ),
            EpisodePhase.HOMING: _Link("home", home_s, Error.HOME_FAILED, EpisodePhase.RESETTING, Ask.RESET),
            EpisodePhase.RESETTING: _Link(
                "reset", service_s, Error.RESET_FAILED, EpisodePhase.OPENING, Ask.RECORD
            ),
            EpisodePhase.OPENING: _Link(
                "recording", service_s, Error.NOT_WRITTEN, EpisodePhase.LISTENING, None
            ),
            EpisodePhase.ARMING: _Link("arm", service_s, Error.ARM_REFUSED, EpisodePhase.RUNNING, None),
        }

    @property
    def verdict(self) -> EpisodeEnd | None:
        """How the episode ended, known before it is written; None while it runs."""
        return self._verdict

    @property
    def done(self) -> bool:
        """Whether nothing is left to do."""
        return self.phase is EpisodePhase.DONE

    def elapsed_s(self, now_s: float) -> float:
        """Return the time since the arm was armed, 0 before."""
        if self._verdict is not None:
            return self._verdict.duration_s
        return now_s - self._armed_s if self.phase in (EpisodePhase.RUNNING, EpisodePhase.TAIL) else 0.0

    def update(self, seen: Seen) -> Ask | None:
        """Return what to do next, None: nothing new. An Ask is returned once."""
        if self._entered_s is None:
            self._entered_s = seen.now_s
        waits = (EpisodePhase.POLICY, EpisodePhase.PERSON, EpisodePhase.LISTENING)
        if seen.cancel and (self.phase in self._links or self.phase in waits):
            return self._give_up(Error.CANCELLED, "cancelled before the run", seen)
        if seen.dry_run and self.phase not in (EpisodePhase.POLICY, EpisodePhase.WRITING, EpisodePhase.DONE):
            return self._drop(seen)
        if self.phase in self._links:
            return self._follow(self._links[self.phase], seen)
        match self.phase:
            case EpisodePhase.POLICY:
                return self._await_policy(seen)
            case EpisodePhase.PERSON:
                return self._await_person(seen)
            case EpisodePhase.LISTENING:
                return self._listen(seen)
            case EpisodePhase.RUNNING:
                return self._judge(seen)
            case EpisodePhase.TAIL:
                over = seen.now_s - self._entered_s >= self._timing.tail_s
                return self._enter(EpisodePhase.HOLDING, Ask.STOP, seen) if over or not seen.armed else None
            case EpisodePhase.HOLDING:
                return self._hold(seen)
            case EpisodePhase.WRITING:
                # no deadline: the files are written on this machine, and the answer says it when that failed
                return self._finish(seen) if seen.answer is not None else None
        return None

    def _await_policy(self, seen: Seen) -> Ask | None:
        waited_s = seen.now_s - self._entered_s
        needs_policy = self.goal.kind is not GoalKind.DEMONSTRATION
        if seen.gate_age_s is None or seen.gate_age_s > self._timing.gate_timeout_s:
            if waited_s > self._timing.service_timeout_s:
                return self._give_up(Error.HOME_FAILED, "no gate/state: is the gate running?", seen)
            return None
        if seen.dry_run:
            return self._give_up(Error.ARM_REFUSED, _DRY_RUN, seen)
        if needs_policy and not seen.policy_ready:
            if waited_s > self._timing.policy_timeout_s:
                return self._give_up(Error.NO_POLICY, "no active policy: train or load one first", seen)
            return None
        if seen.fault and not seen.simulated:  # a person must look at a real arm and arm it
            return self._give_up(Error.GATE_FAULT, f"gate in FAULT: {seen.gate_text}", seen)
        if seen.fault:
            return self._enter(EpisodePhase.CLEARING, Ask.ARM, seen)
        if seen.armed:  # nobody may drive while the objects are put into place
            return self._enter(EpisodePhase.DISARMING, Ask.STOP, seen)
        return self._enter(EpisodePhase.HOMING, Ask.HOME, seen)

    def _await_person(self, seen: Seen) -> Ask | None:
        if seen.armed:
            return self._enter(EpisodePhase.OPENING, Ask.RECORD, seen)
        if seen.simulated:  # its reset was discovered only after the arm stood at home
            return self._enter(EpisodePhase.RESETTING, Ask.RESET, seen)
        waited_s = seen.now_s - self._entered_s
        if not self._prompted and waited_s >= _DISCOVERY_S:
            self._prompted = True
            return Ask.PROMPT
        if waited_s > self._timing.person_timeout_s:
            text = f"nobody armed the arm within {self._timing.person_timeout_s:g} s"
            return self._give_up(Error.ARM_REFUSED, text, seen)
        return None

    def _listen(self, seen: Seen) -> Ask | None:
        """Nobody drives for an episode in which a camera, or another input, is not recorded."""
        if seen.trouble:
            return self._give_up(Error.NOT_WRITTEN, seen.trouble, seen)
        if not seen.missing and seen.armed:  # by the person
            return self._enter(EpisodePhase.RUNNING, None, seen)
        if not seen.missing:
            return self._enter(EpisodePhase.ARMING, Ask.ARM, seen)
        if seen.now_s - self._entered_s > self._timing.service_timeout_s:
            return self._give_up(Error.INPUT_LOST, seen.missing, seen)
        return None

    def _judge(self, seen: Seen) -> Ask | None:
        self._seen_armed |= seen.armed
        elapsed_s = seen.now_s - self._armed_s
        if seen.cancel:
            return self._end(Error.CANCELLED, "cancelled", EpisodeOutcome.FAILURE, seen)
        if seen.fault:
            return self._end(
                Error.GATE_FAULT, f"gate in FAULT: {seen.gate_text}", EpisodeOutcome.FAILURE, seen
            )
        if seen.gate_age_s is None or seen.gate_age_s > self._timing.gate_timeout_s:
            return self._end(Error.GATE_FAULT, "gate/state fell silent", EpisodeOutcome.FAILURE, seen)
        if seen.trouble:
            return self._end(Error.NOT_WRITTEN, seen.trouble, EpisodeOutcome.FAILURE, seen)
        if seen.missing:
            return self._end(Error.INPUT_LOST, seen.missing, EpisodeOutcome.FAILURE, seen)
        if seen.expert_drives and self.goal.kind is GoalKind.EVALUATION:
            return self._end(Error.NONE, "the expert took over", EpisodeOutcome.FAILURE, seen)
        if seen.outcome is EpisodeOutcome.SUCCESS:
            self._verdict = EpisodeEnd(Error.NONE, "", EpisodeOutcome.SUCCESS, elapsed_s)
            return self._enter(EpisodePhase.TAIL, None, seen)
        if seen.outcome is EpisodeOutcome.FAILURE:
            return self._end(Error.NONE, "judged a failure", EpisodeOutcome.FAILURE, seen)
        # a state that came soon after the answer to ARM may have been said before it
        heard_s = elapsed_s - seen.gate_age_s
        if not seen.armed and (self._seen_armed or heard_s > self._timing.gate_timeout_s):
            return self._end(
                Error.NONE, f"the gate is not armed: {seen.gate_text}", EpisodeOutcome.FAILURE, seen
            )
        if elapsed_s >= self.goal.max_duration_s:
            text = f"no success within {self.goal.max_duration_s:g} s"
            return self._end(Error.NONE, text, EpisodeOutcome.FAILURE, seen)
        return None

    def _hold(self, seen: Seen) -> Ask | None:
        if seen.answer is None and seen.now_s - self._entered_s <= self._timing.service_timeout_s:
            return None
        return self._enter(EpisodePhase.WRITING, Ask.WRITE if self._kept else Ask.DISCARD, seen)

    @property
    def _kept(self) -> bool:
        """Whether the steps of the episode are what they claim to be, whatever ended it."""
        dropped = (Error.CANCELLED, Error.ARM_REFUSED)
        return self._ran and self._verdict is not None and self._verdict.error not in dropped

    def _finish(self, seen: Seen) -> None:
        """End with the files written or dropped; a good verdict does not outlive files that are not."""
        failed, text = Error.NONE, ""
        if not seen.answer.ok or seen.trouble:
            failed, text = Error.NOT_WRITTEN, seen.answer.text or seen.trouble
        elif seen.no_labels and self.goal.kind is GoalKind.DEMONSTRATION:
            failed, text = Error.NO_LABELS, seen.no_labels
        if self._verdict.error is Error.NONE and failed is not Error.NONE:
            self._verdict = EpisodeEnd(failed, text, EpisodeOutcome.FAILURE, self._verdict.duration_s)
        self._enter(EpisodePhase.DONE, None, seen)

    def _drop(self, seen: Seen) -> Ask | None:
        """End an episode that a dry run has reached: steps that no arm executes must not become labels."""
        if self.phase in (EpisodePhase.RUNNING, EpisodePhase.TAIL):
            return self._end(Error.ARM_REFUSED, _DRY_RUN, EpisodeOutcome.FAILURE, seen)
        if self.phase is not EpisodePhase.HOLDING:
            return self._give_up(Error.ARM_REFUSED, _DRY_RUN, seen)
        if self._kept:
            duration_s = self.elapsed_s(seen.now_s)
            self._verdict = EpisodeEnd(Error.ARM_REFUSED, _DRY_RUN, EpisodeOutcome.FAILURE, duration_s)
        return self._hold(seen)

    def _follow(self, link: "_Link", seen: Seen) -> Ask | None:
        """Go on when the last Ask was answered well, give up when badly or not in time."""
        if seen.answer is not None and seen.answer.ok:
            if self.phase is EpisodePhase.HOMING and not seen.simulated:
                return self._enter(EpisodePhase.PERSON, None, seen)
            if self.phase is EpisodePhase.OPENING:
                self._enter(EpisodePhase.LISTENING, None, seen)
                return self._listen(seen)
            return self._enter(link.phase, link.ask, seen)
        if seen.answer is not None:
            return self._give_up(link.error, f"{link.what}: {seen.answer.text}", seen)
        if seen.now_s - self._entered_s > link.timeout_s:
            return self._give_up(link.error, f"{link.what}: no answer within {link.timeout_s:g} s", seen)
        return None

    def _give_up(self, error: Error, text: str, seen: Seen) -> Ask:
        self._verdict = EpisodeEnd(error, text, EpisodeOutcome.FAILURE, 0.0)
        return self._enter(EpisodePhase.HOLDING, Ask.STOP, seen)

    def _end(self, error: Error, text: str, outcome: EpisodeOutcome, seen: Seen) -> Ask:
        self._verdict = EpisodeEnd(error, text, outcome, seen.now_s - self._armed_s)
        return self._enter(EpisodePhase.HOLDING, Ask.STOP, seen)

    def _enter(self, phase: EpisodePhase, ask: Ask | None, seen: Seen) -> Ask | None:
        if phase is EpisodePhase.RUNNING:
            self._armed_s, self._ran = seen.now_s, True
        self.phase, self._entered_s = phase, seen.now_s
        return ask
