"""A fault, its row, and the faults that every arm can have."""

import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from acceptance.real_arm.cell import Cell, DrivenCell
from acceptance.verdict import Expected, unexpected
from benchmarks.support.report import Row
from drift_control.gate.state import State
from drift_interfaces.msg import GateState
from drift_ros.clock import steady_s

NOTICED_MS = 100.0  # five control steps
DRIVES = Expected("EXPERT")
INACTIVE = "controller inactive at arming"
SHOWN = 60  # letters of a reason


@dataclass(frozen=True)
class Fault:
    """One fault: what it must lead to, how it is made, and how its cause is taken away."""

    name: str
    expected: Expected
    make: Callable[[DrivenCell], object]
    mend: Callable[[DrivenCell], object] = lambda cell: None
    watch_s: float = 0.6


def faults(reason: str, within_ms: float = NOTICED_MS) -> Expected:
    """A latched fault with that reason, soon enough."""
    return Expected(State.FAULT.name, reason, within_ms)


def inject(fault: Fault, cell: DrivenCell) -> Row:
    """Make one fault happen while the person drives, watch, mend it; return its row."""
    if not cell.drive():
        raise RuntimeError(f"{fault.name}: the arm does not move: {cell.person.state.text}")
    cell.person.states.clear()
    fault_s = steady_s()
    fault.make(cell)
    time.sleep(fault.watch_s)
    ended = [(at_s, msg) for at_s, msg in list(cell.person.states) if msg.state != State.EXPERT]
    detected = ended[0] if ended else None
    shown = cell.person.states[-1][1] if cell.person.states else None
    cell.person.drives = False
    stood = cell.control.arm.q.copy()
    fault.mend(cell)
    time.sleep(0.5)
    moved_rad = float(np.abs(cell.control.arm.q - stood).max())
    output = cell.control.course(fault_s)[1]
    row: Row = {
        "fault": fault.name,
        "detect_ms": 1e3 * (detected[0] - fault_s) if detected else None,
        "output_step_mrad": 1e3 * float(np.abs(np.diff(output, axis=0)).max()),
        "moved_mrad": 1e3 * moved_rad if detected else None,
        "state": State(shown.state).name if shown else "ended",
        "reason": (shown or GateState()).text,
    }
    return _judged({**row, "recovered": cell.drive()}, fault.expected)


def inactive_at_arming(cell: DrivenCell) -> Row:
    """Ask to arm while the controller is inactive."""
    cell.control.switch(False)
    time.sleep(0.3)
    answer = cell.person.arm()
    cell.control.switch(True)
    row: Row = {"fault": INACTIVE, "detect_ms": None, "output_step_mrad": None}
    row |= {"moved_mrad": None, "state": "ARMED" if answer.success else "REFUSED"}
    row |= {"reason": answer.message, "recovered": cell.drive()}
    return _judged(row, Expected("REFUSED", _inactive(cell.controller)))


def on_every_arm(controller: str) -> tuple[Fault, ...]:
    """The faults of controller, network and gate."""
    inactive = faults(_inactive(controller))
    return (
        Fault("controller deactivated and back 0.2 s later", inactive, _leave_and_return),
        Fault("controller deactivated", inactive, lambda c: c.control.switch(False),
              lambda c: c.control.switch(True)),
        Fault("joint_states also by joint_state_publisher", DRIVES, lambda c: c.echo.reset(),
              lambda c: c.echo.cancel(), watch_s=1.0),
        Fault("one message lost", DRIVES, _one_message(None)),
        Fault("one message 18 ms late", DRIVES, _one_message(0.018)),
        Fault("gate SIGKILL", Expected("ended"), _kill_gate, lambda c: c.start_gate()),
    )  # fmt: skip


def _inactive(controller: str) -> str:
    return f"controller {controller} is inactive"


def _judged(row: Row, expected: Expected) -> Row:
    wrong = "; ".join(unexpected(row, expected))
    return {**row, "reason": str(row["reason"])[:SHOWN], "wrong": wrong}


def _one_message(late_s: float | None) -> Callable[[Cell], None]:
    """Let the next message of the gate be lost (None), or come later."""

    def make(cell: Cell) -> None:
        node = cell.control.node
        accept = node._accept

        def once(msg: object) -> str:
            node._accept = accept
            if late_s is not None:
                threading.Timer(late_s, accept, (msg,)).start()
            return ""

        node._accept = once

    return make


def _kill_gate(cell: Cell) -> None:
    """End the gate's process without a word."""
    cell.gate.send_signal(signal.SIGKILL)
    cell.gate.wait()


def _leave_and_return(cell: Cell) -> None:
    """Deactivate the controller; 0.2 s later it is active again."""
    cell.control.switch(False)
    time.sleep(0.2)
    cell.control.switch(True)
