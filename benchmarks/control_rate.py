"""How regular the control loop is: periods between control steps alone, beside inference, beside training.

Simulation and gate run as processes, at 50 and at 125 Hz. Load "alone": nothing else; "inference": the policy
node drives, denoising and replanning; "training": that, and a training program on all cores at niceness 10.
A period is the time between two ticks by their own stamps. A tick is late when it starts more than one period
after it was due, as the gate counts it.
"""

import os

import numpy as np
from benchmarks.support.busy_training import busy_training
from benchmarks.support.report import Row, arguments, report
from benchmarks.support.running_stack import running_stack
from benchmarks.support.step_log import StepLog, late

RATES_HZ = (50.0, 125.0)
LOADS = ("alone", "inference", "training")


def measure(rate_hz: float, duration_s: float) -> list[Row]:
    """Return one row per load."""
    rows: list[Row] = []
    with running_stack(rate_hz) as stack:
        stack.make_ready()
        log = StepLog(stack)

        def add(load: str) -> None:
            log.clear()
            stack.client.spin(duration_s)
            rows.append(row(rate_hz, load, log.steps().period_s))

        add("alone")
        stack.start_policy()
        stack.client.wait_until(lambda: stack.client.gate_state.state == 2, 30.0, "the policy to drive")
        add("inference")
        with busy_training():
            add("training")
        if stack.client.gate_state.state != 2:
            raise RuntimeError(f"the policy must drive to the end: {stack.client.gate_state.text}")
    return rows


def row(rate_hz: float, load: str, periods_s: np.ndarray) -> Row:
    """Return the figures of one load."""
    periods_s = periods_s[np.isfinite(periods_s)]
    p50, p99 = np.percentile(periods_s, (50, 99)) * 1e3
    return {
        "rate_hz": rate_hz,
        "load": load,
        "p50_ms": float(p50),
        "p99_ms": float(p99),
        "max_ms": float(periods_s.max() * 1e3),
        "late_ratio": float(late(periods_s, rate_hz).mean()),
    }


def main() -> None:
    options = arguments("Periods of the control loop under load").parse_args()
    rows = [row for rate_hz in RATES_HZ for row in measure(rate_hz, 3.0 if options.quick else 30.0)]
    load = os.getloadavg()[0]
    report(f"control loop, {os.cpu_count()} cores, load average {load:.1f} at the end", rows, options.json)


if __name__ == "__main__":
    main()
