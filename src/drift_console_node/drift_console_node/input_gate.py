"""Which messages of a page may move the arm: fresh, in order, and after a press that was made now.

The gate behind it takes a released enable for a hand-back to the policy. So every loss ends in silence, never
in a released enable: the gate's time-out then holds. And a loss while enable was held is over only once the
gate has been seen not to be driven by a person, however long that takes.
"""

import math
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from drift_console_node.exchange import Stick

WATCHING = "wait: the link is being watched"
AXES = 6  # x y z roll pitch yaw
KEYS = "keys"  # source of a keyboard; any other is a pad
_BEATS = 64  # that are remembered: 3 s
_AT_REST = (0.0,) * AXES
_LONGEST_SOURCE = 120


@dataclass(frozen=True)
class InputRules:
    """Times in seconds of steady time."""

    max_age_s: float = 0.2  # of the beat that a message carries
    silence_s: float = 0.2  # between two accepted messages
    healthy_s: float = 0.5  # of a link without such a silence, before anything is published
    released_s: float = 0.2  # that enable must have been seen up
    neutral_s: float = 0.1  # that the gate must have been shown sticks at rest
    frozen_s: float = 3.0  # a pad held off its centre does not stand still to the bit for so long
    centre: float = 0.1  # deflection, at most, when enable goes down
    keyboard_speed: float = 0.4


@dataclass(frozen=True)
class InputMessage:
    """What a page says 50 times a second."""

    seq: int
    beat: int  # the newest that it has heard
    deadman: bool
    axes: tuple[float, ...]  # (6,) -1..1
    gripper: int  # -1, 0, 1
    source: str  # "keys", or which pad
    in_front: bool  # the page has the focus and is visible


def parse_input(said: Mapping[str, Any]) -> InputMessage | None:
    """Return a message from its JSON; None for anything but the right types, finite numbers and ranges."""
    seq, beat, axes, gripper = said.get("seq"), said.get("beat"), said.get("axes"), said.get("gripper")
    source, flags = said.get("src"), [said.get(name) for name in ("deadman", "focus", "vis")]
    if type(seq) is not int or type(beat) is not int or type(gripper) is not int or gripper not in (-1, 0, 1):
        return None
    if type(source) is not str or not 0 < len(source) <= _LONGEST_SOURCE:
        return None
    if any(type(flag) is not bool for flag in flags) or type(axes) is not list or len(axes) != AXES:
        return None
    if any(type(axis) not in (int, float) or abs(axis) > 1 or not math.isfinite(axis) for axis in axes):
        return None
    numbers = tuple(float(axis) for axis in axes)
    return InputMessage(seq, beat, bool(flags[0]), numbers, gripper, source, bool(flags[1] and flags[2]))


class InputGate:
    """Let through what a person does now, and nothing else. All times are steady [s] of this machine.

    `take` returns what is to be published; None: nothing.
    """

    def __init__(self, rules: InputRules = InputRules()) -> None:  # noqa: B008
        self._rules = rules
        self._beats: OrderedDict[int, float] = OrderedDict()
        self._beat = 0
        self.driving = False  # enable is passed on
        self.why = WATCHING  # it does not drive
        self._gate_has_us = False  # enable was passed on, and the gate may still believe in it
        self._lost_s = -math.inf
        self._seq = -1
        self._healthy_since_s: float | None = None
        self._released_since_s: float | None = None
        self._neutral_since_s: float | None = None
        self._forget()

    def beat(self, now_s: float) -> int:
        """Return the number of a new beat, for every page to carry back."""
        self._beat += 1
        self._beats[self._beat] = now_s
        while len(self._beats) > _BEATS:
            self._beats.popitem(last=False)
        return self._beat

    def age_s(self, beat: int, now_s: float) -> float:
        """Return how long ago a beat was sent; infinite for one that was not, or is forgotten."""
        sent_s = self._beats.get(beat)
        return math.inf if sent_s is None else now_s - sent_s

    def begin(self, now_s: float) -> None:
        """Somebody else drives from now on, or nobody: forget all that was said."""
        self.lose(WATCHING, now_s)
        self._seq = -1

    def lose(self, why: str, now_s: float) -> None:
        """Note a loss: nothing is published until the rules for a new press are met."""
        if self.driving:
            self._gate_has_us, self._lost_s = True, now_s
        self.driving = False
        self.why = why
        self._forget()

    def gate_seen(self, expert: bool, arrival_s: float) -> None:
        """Take note of gate/state: whether a person drives at the gate."""
        if not expert and arrival_s > self._lost_s:
            self._gate_has_us = False

    def look(self, now_s: float) -> None:
        """Note a silence; to be called often."""
        if self._healthy_since_s is not None and now_s - self._last_s > self._rules.silence_s:
            self.lose(
                f"nothing came for {now_s - self._last_s:.1f} s; release enable and press it anew", now_s
            )

    def take(self, message: InputMessage, now_s: float) -> Stick | None:
        """Return what to publish for a message that has come now."""
        self.look(now_s)
        if message.seq <= self._seq or self.age_s(message.beat, now_s) > self._rules.max_age_s:
            return None
        self._seq, self._last_s = message.seq, now_s
        if loss := self._loss(message, now_s):
            self.lose(loss, now_s)
            return None
        if self._healthy_since_s is None:
            self._healthy_since_s = now_s
        if self.driving and message.deadman:
            return self._stick(message)
        if not message.deadman:
            return self._released(now_s)
        return self._pressed(message, now_s)

    def _forget(self) -> None:
        self._last_s = -math.inf
        self._healthy_since_s = self._released_since_s = self._neutral_since_s = None
        self._void = True  # enable must be seen up before it counts
        self._ready = False
        self._source = ""
        self._axes = _AT_REST
        self._axes_since_s = 0.0

    def _loss(self, message: InputMessage, now_s: float) -> str:
        """Return why a message that is fresh ends what went before, in words; empty: it does not."""
        if not message.in_front:
            return "the page is not in front; click into it, release enable and press it anew"
        source, self._source = self._source, message.source
        if source and source != message.source:
            return "another device; release enable and press it anew"
        if message.axes != self._axes or not message.deadman:
            self._axes, self._axes_since_s = message.axes, now_s
        held = any(0.1 <= abs(axis) <= 0.95 for axis in message.axes)
        if message.source != KEYS and held and now_s - self._axes_since_s > self._rules.frozen_s:
            still_s = self._rules.frozen_s
            return f"the pad has not moved for {still_s:g} s: frozen? release enable, move the sticks"
        return ""

    def _released(self, now_s: float) -> Stick | None:
        self.driving = self._void = False
        if self._released_since_s is None:
            self._released_since_s = now_s
        if not self._open(now_s):
            return None
        if self._neutral_since_s is None:
            self._neutral_since_s = now_s
        rules = self._rules
        released = now_s - self._released_since_s >= rules.released_s
        self._ready = self._ready or (released and now_s - self._neutral_since_s >= rules.neutral_s)
        self.why = "press and hold enable" if self._ready else WATCHING
        return Stick(False, _AT_REST, 0, 0.0)

    def _pressed(self, message: InputMessage, now_s: float) -> Stick | None:
        """Enable is down and does not drive yet."""
        if not self._ready:
            self._void = True
            self.why = "release enable and press it anew"
        elif max(abs(axis) for axis in message.axes) > self._rules.centre and not self._void:
            self._void = True
            self.why = "centre the sticks first: release enable and press it anew"
        if not self._void:
            self.driving = True
            self.why = ""
            return self._stick(message)
        if not self._ready:
            self._released_since_s = None
        return None if self._neutral_since_s is None else Stick(False, _AT_REST, 0, 0.0)

    def _open(self, now_s: float) -> bool:
        """Whether a released enable may be published: a hand-back, should the gate still have us."""
        healthy_since_s = self._healthy_since_s
        healthy = healthy_since_s is not None and now_s - healthy_since_s >= self._rules.healthy_s
        return healthy and not self._gate_has_us

    def _stick(self, message: InputMessage) -> Stick:
        speed = self._rules.keyboard_speed if message.source == KEYS else 1.0
        return Stick(True, message.axes, message.gripper, speed)
