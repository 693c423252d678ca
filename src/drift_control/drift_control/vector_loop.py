"""Gate and guard of a task whose action is a plain vector, as those of others' benchmarks: no arm, no joints.

The state machine is the arm's (`gate.gate`). The guard keeps each entry within its bounds and refuses a chunk
that is not a finite table of the right width. The expert's hand is a stick with one axis for each entry of
the action and one button, which is held to take over.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from drift_control.gate.gate import Event, GateStatus, Happening, step
from drift_control.gate.state import CommandSource, GuardFlag, Reason, State
from drift_control.inputs import Chunk, Inputs, JoyReading, Now
from drift_control.robot.pose import Array
from drift_control.tick import Tick

_SOURCES = {State.POLICY: CommandSource.POLICY, State.EXPERT: CommandSource.EXPERT}
_EARLY = 1e-6  # of a step


@dataclass(frozen=True, eq=False)
class Bounds:
    """What an action may be."""

    low: Array  # (A,)
    high: Array  # (A,)

    def clip(self, action: Array) -> tuple[Array, GuardFlag]:
        """Return the action within its bounds, and whether that changed it."""
        within = np.clip(action, self.low, self.high)
        return within, GuardFlag.NONE if np.array_equal(within, action) else GuardFlag.POSITION


class VectorLoop:
    """Who acts, and what is done; `tick` is to be called once per step of the task, which waits for it."""

    def __init__(self, bounds: Bounds, dt_s: float, rest: Callable[[], Array], joy_topic: str) -> None:
        """`dt_s`: of a step; `rest` returns the action (A,) that keeps everything where it is."""
        self._bounds, self._dt_s, self._rest, self._topic = bounds, dt_s, rest, joy_topic
        self._status = GateStatus()
        self._chunk: Chunk | None = None
        self._seen: tuple[int, int] | None = None
        self._seq = self._refused = 0

    def tick(self, inputs: Inputs, now: Now) -> Tick:
        """Return the action that leads to `now` + `dt_s`."""
        self._seq += 1
        hand = inputs.joys.get(self._topic)
        self._let_happen(inputs, hand, now)
        state = self._status.state
        if state is State.EXPERT and hand is not None:
            action, flags = self._bounds.clip(np.array(hand.axes))
        elif state is State.POLICY and self._chunk is not None:
            action, flags = self._bounds.clip(self._chunk.data[self._index(self._chunk, now)])
        else:
            action, flags = self._rest(), GuardFlag.HOLD
        return self._report(action, flags, now)

    def _let_happen(self, inputs: Inputs, hand: JoyReading | None, now: Now) -> None:
        if inputs.requests.arm and not self._status.armed:
            self._apply(Event.ARM)
        enabled = hand is not None and hand.buttons[0] > 0
        if enabled and self._status.state is not State.EXPERT:
            self._apply(Event.ENABLE)
        elif not enabled and self._status.state is State.EXPERT:
            self._apply(Event.RELEASE)
        self._take(inputs.chunk)
        if self._chunk is not None and self._index(self._chunk, now) >= len(self._chunk.data):
            self._chunk = None
            self._apply(Event.CHUNK_OVER)
        if self._chunk is not None and self._status.state is State.HOLD:
            self._apply(Event.CHUNK_READY)

    def _take(self, chunk: Chunk | None) -> None:
        """Keep a chunk of this epoch that is new and sound."""
        if chunk is None or (chunk.id, chunk.epoch) == self._seen or chunk.epoch != self._status.epoch:
            return
        self._seen = (chunk.id, chunk.epoch)
        width = len(self._bounds.low)
        if chunk.data.ndim != 2 or chunk.data.shape[1] != width or not np.isfinite(chunk.data).all():
            self._refused += 1
            self._apply(Event.BAD_CHUNK, Reason.BAD_CHUNK, f"chunk {chunk.id} must be (T, {width}), finite")
            return
        self._chunk = chunk

    def _apply(self, event: Event, reason: Reason = Reason.NONE, text: str = "") -> None:
        before, self._status = self._status, step(self._status, Happening(event, reason, text))
        if self._status.epoch != before.epoch:
            self._chunk = None

    def _index(self, chunk: Chunk, now: Now) -> int:
        """Return which step of a chunk is due at `now` + `dt_s`."""
        return max(0, int(np.floor((now.ros_s - chunk.stamp_s) / self._dt_s + _EARLY)))

    def _report(self, action: Array, flags: GuardFlag, now: Now) -> Tick:
        status = self._status
        wanted = self._chunk
        chunk = wanted if status.state is State.POLICY else None
        return Tick(
            seq=self._seq,
            state=status.state,
            reason=status.reason,
            text=status.text,
            armed=status.armed,
            epoch=status.epoch,
            intervention_id=status.intervention_id,
            source=_SOURCES.get(status.state, CommandSource.HOLD),
            chunk_id=chunk.id if chunk else 0,
            policy_version=chunk.policy_version if chunk else 0,
            chunk_age_s=now.ros_s - chunk.stamp_s if chunk else -1.0,
            command=None,
            velocity=None,
            gripper_m=None,
            reference=None,
            measured=None,
            action=action,
            guard_flags=flags,
            sent=status.armed,
            marks=frozenset(),
            stamp_s=now.ros_s + self._dt_s,
            target_distance_rad=-1.0,
            chunks_refused=self._refused,
            proposed_chunk_id=0 if wanted is None else wanted.id,
            proposed=None if wanted is None else wanted.data[self._index(wanted, now)],
        )
