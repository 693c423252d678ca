"""What happened since the last tick, in order of precedence.

| order | event | told by | held back |
|---|---|---|---|
| 1 | fault, shutdown, stop, clock jump | watching rules, requests, clock | |
| 2 | guard hold, guard help | watching rules | |
| 3 | enable free, enable void, joy lost, release, enable | the joysticks | enable |
| 4 | guide, switch failed, switched back, fault | the switch of controllers for hand guiding | guide |
| 5 | arm, home, or a refusal; home ended, home done | requests, homing | all |
| 6 | bad chunk | a chunk that arrived, a planner's verdict | all; the chunk is looked at when that is over |
| 7 | chunk over | the chunk that is executed | |
| 8 | chunk ready | the chunk that waits | |
| 9 | ready again | the reason of the hold | all |

Held back: while the guard objects, on stop and shutdown, when the clock jumped, and while the arm is taken
back after hand guiding, nothing new begins.
"""

from collections.abc import Callable
from dataclasses import dataclass

from drift_control.chunks.queue import ChunkQueue
from drift_control.commanded import CommandedArm
from drift_control.controller_switch import ControllerSwitch
from drift_control.gate.config import GateConfig
from drift_control.gate.gate import Event, GateStatus, Happening
from drift_control.gate.state import Reason, State
from drift_control.guard.guard import Guard
from drift_control.guard.verdict import GuardVerdict, Reaction
from drift_control.guard.watch import Situation
from drift_control.inputs import Chunk, ChunkVerdict, Now, Requests
from drift_control.sources.homing import HomingSource
from drift_control.sources.policy import PolicySource
from drift_control.teleop.hands import Hands

EVENTS = {Reaction.HOLD: Event.GUARD_HOLD, Reaction.HELP: Event.GUARD_HELP, Reaction.FAULT: Event.FAULT}
# What held the arm, and is over as soon as it is no longer reported.
PASSING = (Reason.JOINTS_STALE,)


@dataclass(frozen=True)
class Facts:
    """What one tick has to judge; the same for all that follows from it."""

    now: Now
    requests: Requests
    chunk: Chunk | None  # the newest
    situation: Situation
    arm: CommandedArm
    verdict: GuardVerdict | None  # of the watching rules
    jump_s: float | None  # of the ROS clock
    chunk_verdict: ChunkVerdict | None = None  # of a planner

    @property
    def held_back(self) -> bool:
        """Whether something forbids that anything new begins."""
        asked = self.requests.stop or self.requests.shutdown
        return asked or self.verdict is not None or self.jump_s is not None


Look = Callable[[Facts, GateStatus], list[Happening]]


class Happenings:
    """Who is asked what happened: one after the other, each with the status that the earlier ones led to."""

    def __init__(
        self,
        config: GateConfig,
        guard: Guard,
        hands: Hands,
        policy: PolicySource,
        homing: HomingSource,
        switch: ControllerSwitch,
    ) -> None:
        self._chunk_timeout_s = config.chunk_timeout_s
        self._guard, self._hands, self._policy, self._homing = guard, hands, policy, homing
        self._switch = switch
        self.in_order: tuple[Look, ...] = (
            self._emergencies,
            self._guard_holds,
            self._hand,
            self._switched,
            self._requests,
            self._bad_chunk,
            self._chunk_over,
            self._chunk_ready,
            self._ready_again,
        )

    @property
    def _queue(self) -> ChunkQueue:
        return self._policy.queue

    def _nothing_new(self, facts: Facts, status: GateStatus) -> bool:
        """Return whether nothing new may begin, also because the arm is not back yet after hand guiding."""
        return facts.held_back or (self._switch.under_way and status.state is not State.GUIDED)

    def _emergencies(self, facts: Facts, status: GateStatus) -> list[Happening]:
        found = []
        if facts.verdict is not None and facts.verdict.reaction is Reaction.FAULT:
            found.append(objection(facts.verdict))
        if facts.requests.shutdown:
            found.append(Happening(Event.SHUTDOWN, text="the gate is being stopped"))
        if facts.requests.stop:
            found.append(Happening(Event.STOP, text="stop requested"))
        if facts.jump_s is not None:
            found.append(Happening(Event.CLOCK_JUMP, text=f"ROS time jumped by {facts.jump_s:+.3f} s"))
        return found

    def _guard_holds(self, facts: Facts, status: GateStatus) -> list[Happening]:
        verdict = facts.verdict
        if verdict is None or verdict.reaction not in (Reaction.HOLD, Reaction.HELP):
            return []
        held_already = status.state is State.HOLD and status.reason is verdict.reason
        return [] if held_already else [objection(verdict)]

    def _hand(self, facts: Facts, status: GateStatus) -> list[Happening]:
        return self._hands.happenings(facts.now, status, self._nothing_new(facts, status))

    def _switched(self, facts: Facts, status: GateStatus) -> list[Happening]:
        wanted = not facts.held_back and self._hands.guides(facts.now)
        return self._switch.happenings(status.state, wanted, facts.arm, facts.now)

    def _requests(self, facts: Facts, status: GateStatus) -> list[Happening]:
        if self._nothing_new(facts, status):
            return []
        found = []
        asked = facts.requests.arm or facts.requests.home
        refusal = self._guard.check_start(facts.situation) if asked and not status.armed else None
        if facts.requests.arm and status.state in (State.HOLD, State.FAULT):
            hand = None if status.armed else self._hands.objection(facts.now)
            if refusal is not None:
                found.append(Happening(Event.ARM_REFUSED, refusal.reason, refusal.text))
            elif hand is not None:
                found.append(Happening(Event.ARM_REFUSED, hand.reason, hand.text))
            elif status.armed or facts.arm.motion.still:
                found += self._armed(facts.now)
        if facts.requests.home:
            # It leads back into the workspace, but does not move an arm that is elsewhere or silent.
            if refusal is None or refusal.reason is Reason.OUT_OF_WORKSPACE:
                found.append(Happening(Event.HOME, text="homing"))
            else:
                found.append(Happening(Event.HOME_REFUSED, refusal.reason, refusal.text))
        if status.state is State.HOMING:
            found += self._homing.happenings(
                facts.arm, facts.situation.measured, facts.requests.release_home, facts.now
            )
        return found

    def _armed(self, now: Now) -> list[Happening]:
        armed = Happening(Event.ARM, text="armed; waiting for a chunk")
        return [armed, Happening(Event.ENABLE_VOID)] if self._hands.any_holds(now) else [armed]

    def _bad_chunk(self, facts: Facts, status: GateStatus) -> list[Happening]:
        seen = facts.chunk_verdict
        if seen is not None and seen.objection and seen.epoch == status.epoch:
            # Of a chunk that was replaced meanwhile, too: else a slow planner's objections would never count.
            newest_id = max(self._queue.newest_id, -1 if facts.chunk is None else facts.chunk.id)
            if seen.id <= newest_id:
                return [Happening(Event.BAD_CHUNK, Reason.COLLISION, seen.objection)]
        if facts.chunk is None or self._nothing_new(facts, status):
            return []
        verdict = self._queue.take(facts.chunk, status.epoch, facts.now)
        return [] if verdict is None else [Happening(Event.BAD_CHUNK, verdict.reason, verdict.text)]

    def _chunk_over(self, facts: Facts, status: GateStatus) -> list[Happening]:
        queue, running = self._queue, self._policy.clock
        if queue.next is not None and queue.over(queue.next, facts.now):
            queue.clear()  # it waited for the person for too long
        if running is None or queue.next is not None or not queue.over(running, facts.now):
            return []
        text = f"chunk {running.chunk.id} ran out or is {self._chunk_timeout_s} s old"
        return [Happening(Event.CHUNK_OVER, text=text)]

    def _chunk_ready(self, facts: Facts, status: GateStatus) -> list[Happening]:
        waiting = self._queue.next
        if waiting is None or status.help_wanted or status.release_required or self._switch.under_way:
            return []
        return [Happening(Event.CHUNK_READY, text=f"policy drives from chunk {waiting.chunk.id}")]

    def _ready_again(self, facts: Facts, status: GateStatus) -> list[Happening]:
        if self._nothing_new(facts, status) or status.reason not in PASSING:
            return []
        return [Happening(Event.READY_AGAIN, text="waiting for a chunk")]


def objection(verdict: GuardVerdict) -> Happening:
    """Return what an objection of the guard, stronger than a clamp, means to the gate."""
    return Happening(EVENTS[verdict.reaction], verdict.reason, verdict.text)
