"""Faults while a person guides the arm by hand, and how long the arm stays free after them."""

import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from acceptance.real_arm.cell import GuidedCell
from acceptance.real_arm.fault import NOTICED_MS, SHOWN, faults
from acceptance.verdict import Expected, unexpected
from benchmarks.support.report import Row
from drift_control.gate.state import State
from drift_interfaces.msg import GateState
from drift_ros.clock import steady_s
from rclpy.task import Future

TICK_MS = NOTICED_MS  # what the gate answers with in its next control steps
SWITCH_MS = 200.0  # and the controller manager by switching controllers
STILL_S = 0.1  # the arm moves no more: a hand would have moved it
REPEATED_MS = 300.0  # joint_state_timeout_s, and time to notice
AT_REST_MRAD = 1.0
_LEAD_S = 0.3  # before the fault
_HANG_S = 0.7  # nothing is measured, nor switched, and this arm does not move


@dataclass(frozen=True)
class GuidedFault:
    """One fault while the hand leads the arm: what it must lead to, how it is made, how it is mended."""

    name: str
    expected: Expected  # of the gate
    held_ms: float | None  # the arm must be held by then; None: it stays free until a person does something
    make: Callable[[GuidedCell], object]
    mend: Callable[[GuidedCell], object] = lambda cell: None
    watch_s: float = 1.0


def inject_guided(fault: GuidedFault, cell: GuidedCell) -> Row:
    """Make one fault happen while the hand leads the arm, watch, mend it; return its row."""
    if not cell.guide():
        raise RuntimeError(f"{fault.name}: the arm is not let go of: {cell.person.state.text}")
    cell.lead(cell.HAND_RAD_S)
    begin = cell.control.arm.q.copy()
    time.sleep(_LEAD_S)
    if np.abs(cell.control.arm.q - begin).max() < 0.3 * _LEAD_S * cell.HAND_RAD_S:
        raise RuntimeError(f"{fault.name}: the hand does not move the arm: {cell.person.state.text}")
    cell.person.states.clear()
    fault_s = steady_s()
    fault.make(cell)
    time.sleep(fault.watch_s)
    ended = [(at_s, msg) for at_s, msg in list(cell.person.states) if msg.state != State.GUIDED]
    shown = cell.person.states[-1][1] if cell.person.states else None
    end_s, (times_s, _, q) = steady_s(), cell.control.course(fault_s)
    held_ms = _held_ms(times_s, q, fault_s, end_s)
    cell.lead(0.0)
    cell.person.down, cell.person.speaks = False, True
    stood = cell.control.arm.q.copy()
    fault.mend(cell)
    cell.mend_controllers()
    time.sleep(0.5)
    moved_mrad = 1e3 * float(np.abs(cell.control.arm.q - stood).max())
    output = cell.control.course(fault_s)[1]
    row: Row = {
        "fault": fault.name,
        "detect_ms": 1e3 * (ended[0][0] - fault_s) if ended else None,
        "held_ms": held_ms,
        "output_step_mrad": 1e3 * float(np.abs(np.diff(output, axis=0)).max()),
        "moved_mrad": moved_mrad,
        "state": State(shown.state).name if shown else "ended",
        "reason": (shown or GateState()).text,
        "recovered": cell.guide(),
    }
    wrong = unexpected(row, fault.expected)
    if fault.held_ms is None and held_ms is not None:
        wrong.append(f"held_ms={held_ms:.0f}: nobody can have held it")
    if fault.held_ms is not None and (held_ms is None or held_ms > fault.held_ms):
        wrong.append(f"held_ms={held_ms} must be at most {fault.held_ms:.0f}")
    if moved_mrad > AT_REST_MRAD:
        wrong.append(f"moved_mrad={moved_mrad:.1f} must be at most {AT_REST_MRAD}")
    return {**row, "reason": str(row["reason"])[:SHOWN], "wrong": "; ".join(wrong)}


def _held_ms(times_s: np.ndarray, q: np.ndarray, fault_s: float, end_s: float) -> float | None:
    """Return when the arm (N, J) has moved for the last time; None where it still does at the watch's end."""
    if len(times_s) < 2:  # ros2_control runs no more, nor does this arm
        return 0.0
    moving = np.append(False, np.abs(np.diff(q, axis=0)).max(axis=1) > 0.0)
    if not moving.any():
        return 0.0
    last_s = float(times_s[moving][-1])
    return None if end_s - last_s < STILL_S else 1e3 * max(last_s - fault_s, 0.0)


def while_guided(
    by_manager_alone: bool,
    stop: Callable[[GuidedCell], object],
    name: str,
    recover: Callable[[GuidedCell], object],
) -> tuple[GuidedFault, ...]:
    """The faults of every arm.

    `by_manager_alone`: its controller of hand guiding listens to nobody. `stop`: its own stop, called `name`
    in the gate's words; `recover`: after that.
    """
    let_go_ms = SWITCH_MS if by_manager_alone else TICK_MS

    def unless_free(held_ms: float) -> float | None:
        return None if by_manager_alone else held_ms

    back = "after hand guiding: "
    return (
        GuidedFault("pedal released", Expected("HOLD", "handed back", TICK_MS), let_go_ms, _release),
        GuidedFault("pedal falls silent", Expected("HOLD", "silent", 350.0), 350.0 + let_go_ms, _silence),
        GuidedFault("hand faster than allowed", Expected("HOLD", "m/s, allowed", REPEATED_MS),
                    REPEATED_MS + let_go_ms, partial(GuidedCell.lead, rad_s=0.8)),
        GuidedFault("joint states stop", faults("joint state is", REPEATED_MS), REPEATED_MS + let_go_ms,
                    _mute, _speak, watch_s=1.5),
        GuidedFault("way back refused for a second", Expected("HOLD", "handed back", TICK_MS),
                    1500.0 + SWITCH_MS if by_manager_alone else TICK_MS, _refuse_for_a_second, watch_s=2.5),
        GuidedFault("way back refused", faults(f"{back}the hardware is busy", TICK_MS),
                    4200.0 + SWITCH_MS if by_manager_alone else TICK_MS, _refuse, _allow, watch_s=5.0),
        GuidedFault("controller manager does not answer",
                    faults(f"{back}the controller manager has not", TICK_MS), unless_free(TICK_MS), _stall,
                    _answer, watch_s=3.6),
        GuidedFault("somebody else switches the controllers", faults("somebody else has switched"), SWITCH_MS,
                    GuidedCell.mend_controllers),
        GuidedFault("ros2_control hangs for 0.7 s", Expected("HOLD", "", REPEATED_MS),
                    1e3 * _HANG_S + SWITCH_MS, _hang, _wake, watch_s=1.8),
        GuidedFault("ros2_control dies", faults("s old, allowed", REPEATED_MS), TICK_MS,
                    GuidedCell.end_control, GuidedCell.begin_control, watch_s=1.5),
        GuidedFault(name, faults(name, 150.0), TICK_MS, stop, recover),
        GuidedFault("gate SIGKILL", Expected("ended"), 1000.0 + SWITCH_MS, _kill, GuidedCell.start_gate,
                    watch_s=2.0),
        GuidedFault("gate SIGSTOP for 2 s", faults("s old, allowed", 2200.0), 1100.0 + SWITCH_MS, _pause,
                    watch_s=2.8),
    )  # fmt: skip


def _release(cell: GuidedCell) -> None:
    cell.person.down = False


def _silence(cell: GuidedCell) -> None:
    cell.person.speaks = False


def _mute(cell: GuidedCell) -> None:
    cell.control.mute = True


def _speak(cell: GuidedCell) -> None:
    cell.control.mute = False


def _refuse(cell: GuidedCell) -> None:
    cell.control.manager.refusal = "the hardware is busy"
    _release(cell)


def _allow(cell: GuidedCell) -> None:
    cell.control.manager.refusal = ""


def _refuse_for_a_second(cell: GuidedCell) -> None:
    _refuse(cell)
    threading.Timer(1.0, _allow, (cell,)).start()


def _stall(cell: GuidedCell) -> None:
    cell.control.manager.stalled = Future()
    _release(cell)


def _answer(cell: GuidedCell) -> None:
    late, cell.control.manager.stalled = cell.control.manager.stalled, None
    late.set_result(None)
    time.sleep(0.5)


def _hang(cell: GuidedCell) -> None:
    cell.control.hangs, cell.control.manager.stalled = True, Future()
    threading.Timer(_HANG_S, _run_on, (cell,)).start()


def _run_on(cell: GuidedCell) -> None:
    cell.control.hangs = False
    _answer(cell)


def _wake(cell: GuidedCell) -> None:
    time.sleep(0.5)


def _kill(cell: GuidedCell) -> None:
    cell.gate.send_signal(signal.SIGKILL)
    cell.gate.wait()


def _pause(cell: GuidedCell) -> None:
    cell.gate.send_signal(signal.SIGSTOP)
    threading.Timer(2.0, cell.gate.send_signal, (signal.SIGCONT,)).start()
