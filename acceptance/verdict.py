"""What a row of the fault injection must be, and what of it is not."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.support.report import Row

TCP_SPEED_MAX_M_S = 0.25
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Expected:
    """What a fault must lead to."""

    state: str  # of the gate, "ended" where the stack is stopped
    reason: str = ""  # of that state, or part of what the supervisor says; empty: any
    within_ms: float | None = None  # it is noticed; None: it is not, the same driver goes on
    stands: bool = True  # where it is noticed: the arm comes to rest, within what the row allows


def unexpected(row: Row, expected: Expected) -> list[str]:
    """Return in words what of a row is wrong: what the gate says, how soon, and what comes afterwards."""
    said, detect_ms = [], row["detect_ms"]
    if row["state"] != expected.state:
        said.append(f"state={row['state']} must be {expected.state}")
    if expected.reason not in str(row["reason"]):
        said.append(f"reason={row['reason']} must be {expected.reason}")
    if expected.within_ms is None and detect_ms is not None:
        said.append(f"detect_ms={detect_ms:.0f}: nothing may happen")
    if expected.within_ms is not None and (detect_ms is None or detect_ms > expected.within_ms):
        said.append(f"detect_ms={_shown(detect_ms)} must be at most {expected.within_ms:.0f}")
    if row["recovered"] is False:
        said.append("the same driver must move the arm again once the cause is gone")
    return said


def objections(row: Row, expected: Expected, joint_step_max_rad: float) -> list[str]:
    """Return that and how the arm moves wrongly; `joint_step_max_rad`: that a joint may move in a tick."""
    said = unexpected(row, expected)
    standstill_ms, allowed_ms = row["standstill_ms"], row["allowed_standstill_ms"]
    if expected.within_ms is not None and expected.stands and standstill_ms is None:
        said.append("standstill_ms=–: the arm must come to rest")
    if standstill_ms is not None and allowed_ms is not None and standstill_ms > allowed_ms:
        said.append(f"standstill_ms={standstill_ms:.0f} must be at most {allowed_ms:.0f}")
    for name, most in (
        ("max_commanded_tcp_speed", TCP_SPEED_MAX_M_S),
        ("max_joint_step_rad", joint_step_max_rad),
    ):
        if row[name] > most + _ROUNDING:
            said.append(f"{name}={row[name]:.4f} must be at most {most:.4f}")
    return said


def conclude(rows: Sequence[Row]) -> int:
    """Say which rows are `wrong`, and return the exit code: 1 if there is one."""
    wrong = [row for row in rows if row["wrong"]]
    for row in wrong:
        print(f"{row['fault']}: {row['wrong']}")
    print(f"{len(rows)} faults, wrong: {len(wrong)}")
    return int(bool(wrong))


def _shown(value_ms: float | None) -> str:
    return "–" if value_ms is None else f"{value_ms:.0f}"
