"""How regular the control loop is: periods between control steps alone, beside inference, beside training.

Simulation and gate run as processes, at 50 and at 125 Hz. Load "alone": nothing else; "inference": the policy
node drives, denoising and replanning; "training": that, and a training program on all cores at niceness 10;
with `--rounds`, in its place a round of each system of `benchmarks.improvement`, on all cores as well.
A period is the time between two ticks by their own stamps. A tick is late when it starts more than one period
after it was due, as the gate counts it.
"""

import os
from collections.abc import Sequence

import numpy as np
from benchmarks.support.busy_round import SYSTEM_NAMES, busy_round
from benchmarks.support.busy_training import busy_training
from benchmarks.support.report import Row, arguments, report
from benchmarks.support.running_stack import running_stack
from benchmarks.support.step_log import StepLog, late

RATES_HZ = (50.0, 125.0)


def measure(rate_hz: float, duration_s: float, systems: Sequence[str] = ()) -> list[Row]:
    """Return one row per load; beside rounds of `systems`, too."""
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
        for system in systems:
            with busy_round(system):
                add(f"round of {system}")
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
    parser = arguments("Periods of the control loop under load")
    parser.add_argument("--rounds", action="store_true", help="beside a round of each kind, too")
    options = parser.parse_args()
    duration_s, systems = 3.0 if options.quick else 30.0, SYSTEM_NAMES if options.rounds else ()
    rows = [row for rate_hz in RATES_HZ for row in measure(rate_hz, duration_s, systems)]
    load = os.getloadavg()[0]
    report(f"control loop, {os.cpu_count()} cores, load average {load:.1f} at the end", rows, options.json)


if __name__ == "__main__":
    main()
