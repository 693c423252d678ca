"""A person drives through the console, and the network or the console is lost, in the running stack.

Simulation, gate, policy and console run as processes; the page is a client of the protocol that pushes the
stick with enable held all the time. `hole N s`: everything between page and console is swallowed for so long
and comes all at once afterwards; one of 0.1 s may not be noticed. `console SIGKILL`: it is started again. In
each the gate must hold with JOY_LOST, and neither policy nor person may drive before enable was let go and
pressed anew. `detect_ms`: from the loss until the gate says so. Exit code 1 if something is wrong.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Protocol

from benchmarks.support.report import Row, arguments, report
from benchmarks.support.running_stack import START_LIMIT_S, RunningStack, running_stack
from drift_console_node.testing.hole import hole_before
from drift_console_node.testing.protocol_page import REST, ProtocolPage
from drift_control.gate.state import Reason, State
from drift_interfaces.msg import GateState
from drift_ros import qos
from drift_ros.errors import SessionError

HOLES_S = (0.1, 0.3, 3.0, 30.0)
QUICK_HOLES_S = (0.1, 0.3, 3.0)
DETECT_MS = 500.0  # max_age_s and the gate's time-out, with a tick and the way there
PUSH = [0.0, 0.0, 0.3, 0.0, 0.0, 0.0]  # up
LIMIT_S = 30.0
ATTEMPTS, ATTEMPT_S = 5, 3.0


class Hand(Protocol):
    """A page that drives."""

    deadman: bool
    axes: list[float]

    @property
    def ready(self) -> bool:
        """Whether a press would count."""


class Losses:
    """The stack, the page that drives in it, and what the gate has said."""

    def __init__(self, stack: RunningStack) -> None:
        self.stack = stack
        self.file = stack.plan.run.path / "console.json"
        self.states: list[tuple[float, State, Reason]] = []
        stack.client.node.create_subscription(GateState, "gate/state", self._on_state, qos.LATCHED)

    def _on_state(self, msg: GateState) -> None:
        self.states.append((time.monotonic(), State(msg.state), Reason(msg.reason)))

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for it; raise SessionError with what the gate said last."""
        try:
            self.stack.client.wait_until(condition, LIMIT_S, what)
        except SessionError as error:
            said = ", ".join(f"{state.name} {reason.name}" for _, state, reason in self.states[-4:])
            raise SessionError(f"{error}; the gate said last: {said or 'nothing'}") from error

    def in_state(self, state: State) -> bool:
        """Return whether the gate is in it."""
        return bool(self.states) and self.states[-1][1] is state

    def drive(self, page: Hand) -> None:
        """Press enable anew, and push; again, should a busy machine have ended it."""
        for _ in range(ATTEMPTS):
            page.axes, page.deadman = REST, False
            self.until(lambda: page.ready, "a page that may drive")
            page.deadman = True
            end_s = time.monotonic() + ATTEMPT_S
            while not self.in_state(State.EXPERT) and time.monotonic() < end_s:
                self.stack.client.spin(0.01)
            if self.in_state(State.EXPERT):
                page.axes = PUSH
                return
        raise SessionError(f"no person drives after {ATTEMPTS} presses: {self.states[-3:]}")

    def let_go(self, page: Hand) -> None:
        """Release, press and release: the policy drives again."""
        page.deadman = False
        if not self.in_state(State.POLICY):
            self.drive(page)
            page.deadman = False
        self.until(lambda: self.in_state(State.POLICY), "the policy to drive")

    def judged(self, fault: str, lost_s: float, expected: bool) -> Row:
        """Return the row of a loss at `lost_s`; `expected`: the gate must notice it."""
        said = [(at_s, state, reason) for at_s, state, reason in self.states if at_s > lost_s]
        held = [(at_s, reason) for at_s, state, reason in said if state is State.HOLD]
        detect_ms = (held[0][0] - lost_s) * 1e3 if held else None
        driven = {
            state.name for at_s, state, _ in said if held and at_s > held[0][0] and state is not State.HOLD
        }
        wrong = []
        if expected and (detect_ms is None or detect_ms > DETECT_MS):
            wrong.append(f"detect_ms={detect_ms} must be at most {DETECT_MS:.0f}")
        if held and held[0][1] is not Reason.JOY_LOST:
            wrong.append(f"reason={held[0][1].name} must be JOY_LOST")
        if driven or (State.POLICY in {state for _, state, _ in said}):
            wrong.append(f"{', '.join(sorted(driven)) or 'POLICY'} drove without a press")
        if not expected and held:
            wrong.append("nothing may happen")
        reason = held[0][1].name if held else None
        return {"fault": fault, "detect_ms": detect_ms, "reason": reason, "wrong": "; ".join(wrong)}


def hole(losses: Losses, lasts_s: float) -> Row:
    """Swallow everything for so long while a person drives."""
    said = json.loads(losses.file.read_text())
    with hole_before(int(said["address"].partition("#")[0].rstrip("/").rpartition(":")[2])) as network:
        page = ProtocolPage(said, network.port)
        try:
            losses.drive(page)
            network.swallow(True)
            lost_s = time.monotonic()
            losses.stack.client.spin(lasts_s)
            network.swallow(False)
            losses.stack.client.spin(2.0)
            row = losses.judged(f"hole {lasts_s:g} s", lost_s, expected=lasts_s > 0.2)
            if lasts_s < 1.0:
                losses.let_go(page)
        finally:
            page.close()
    if lasts_s >= 1.0:  # the page has lost the lease
        take_over(losses)
    return row


def kill(losses: Losses) -> Row:
    """Kill the console while a person drives; it is started again."""
    page = ProtocolPage(json.loads(losses.file.read_text()))
    losses.drive(page)
    instance = page.instance
    os.kill(losses.stack.pid("console"), signal.SIGKILL)
    lost_s = time.monotonic()
    losses.stack.client.spin(3.0)
    row = losses.judged("console SIGKILL", lost_s, expected=True)
    page.close()
    again = take_over(losses)
    if again == instance:
        row = {**row, "wrong": f"{row['wrong']}; the console must have another name"}
    return row


def take_over(losses: Losses) -> str:
    """Drive and hand back from a new page; return the console's name."""
    end_s = time.monotonic() + LIMIT_S
    while time.monotonic() < end_s:
        page = ProtocolPage(json.loads(losses.file.read_text()))
        losses.stack.client.spin(1.0)
        if page.state is not None:
            losses.let_go(page)
            page.close()
            return page.instance
        page.close()
    raise SessionError(f"no console within {LIMIT_S:g} s")


def measure(holes_s: tuple[float, ...]) -> list[Row]:
    """Return one row for each loss."""
    with running_stack() as stack:
        stack.make_ready()
        stack.start("console")
        losses = Losses(stack)
        stack.client.wait_until(losses.file.exists, START_LIMIT_S, "the console")
        stack.start_policy()
        losses.until(lambda: losses.in_state(State.POLICY), "the policy to drive")
        return [*(hole(losses, lasts_s) for lasts_s in holes_s), kill(losses)]


def main() -> int:
    options = arguments(__doc__ or "").parse_args()
    rows = measure(QUICK_HOLES_S if options.quick else HOLES_S)
    report("losses of the console", rows, options.json)
    return int(any(row["wrong"] for row in rows))


if __name__ == "__main__":
    sys.exit(main())
