"""How regular the control loop is: periods between control steps alone, beside inference, beside training.

Simulation and gate run as processes, at 50 and at 125 Hz. Load "alone": nothing else; "inference": the policy
node drives, denoising and replanning; "training": that, and a training program on all cores at niceness 10.
A period is the time between two ticks by their own stamps. A tick is late when it starts more than one period
after it was due, as the gate counts it.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from drift_interfaces.msg import Step
from drift_ros import qos
from drift_ros.clock import to_seconds
from report import Row, arguments, report
from running_stack import RunningStack, running_stack

RATES_HZ = (50.0, 125.0)
LOADS = ("alone", "inference", "training")


class StepLog:
    """Number and stamp of every control step that is published."""

    def __init__(self, stack: RunningStack) -> None:
        self._steps: list[tuple[int, float]] = []
        self._stack = stack
        stack.client.node.create_subscription(Step, "gate/step", self._on_step, qos.PROVENANCE)

    def _on_step(self, msg: Step) -> None:
        self._steps.append((msg.seq, to_seconds(msg.header.stamp)))

    def periods_s(self, duration_s: float) -> np.ndarray:
        """Return the periods of the next `duration_s`, (N,) [s]; gaps in the numbers are left out."""
        self._stack.client.spin(0.5)  # what is on its way belongs to the time before
        self._steps.clear()
        self._stack.client.spin(duration_s)
        seq, stamp_s = map(np.array, zip(*self._steps, strict=True))
        return np.diff(stamp_s)[np.diff(seq) == 1]


def measure(rate_hz: float, duration_s: float) -> list[Row]:
    """Return one row per load."""
    rows = []
    with running_stack(rate_hz) as stack:
        stack.make_ready()
        steps = StepLog(stack)
        rows.append(row(rate_hz, "alone", steps.periods_s(duration_s)))
        stack.start_policy()
        stack.client.wait_until(lambda: stack.client.gate_state.state == 2, 30.0, "the policy to drive")
        rows.append(row(rate_hz, "inference", steps.periods_s(duration_s)))
        with busy_training():
            rows.append(row(rate_hz, "training", steps.periods_s(duration_s)))
        if stack.client.gate_state.state != 2:
            raise RuntimeError(f"the policy must drive to the end: {stack.client.gate_state.text}")
    return rows


@contextmanager
def busy_training() -> Iterator[None]:
    """Train on all cores until the end of the block."""
    program = Path(__file__).with_name("busy_training.py")
    process = subprocess.Popen([sys.executable, str(program)], stdout=subprocess.PIPE, text=True)
    try:
        if process.stdout is None or not process.stdout.readline():
            raise RuntimeError("the training program must start")
        yield
    finally:
        process.kill()
        process.wait()


def row(rate_hz: float, load: str, periods_s: np.ndarray) -> Row:
    """Return the figures of one load."""
    p50, p99 = np.percentile(periods_s, (50, 99)) * 1e3
    return {
        "rate_hz": rate_hz,
        "load": load,
        "p50_ms": float(p50),
        "p99_ms": float(p99),
        "max_ms": float(periods_s.max() * 1e3),
        "late_ratio": float((periods_s > 2.0 / rate_hz).mean()),
    }


def main() -> None:
    options = arguments("Periods of the control loop under load").parse_args()
    rows = [row for rate_hz in RATES_HZ for row in measure(rate_hz, 3.0 if options.quick else 30.0)]
    load = os.getloadavg()[0]
    report(f"control loop, {os.cpu_count()} cores, load average {load:.1f} at the end", rows, options.json)


if __name__ == "__main__":
    main()
