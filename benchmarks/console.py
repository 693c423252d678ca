"""What the console costs and how late it is: pictures, stop, the control loop beside it, share of a core.

Simulation, gate and console run as processes, and two cameras of 640x480 at 30 Hz instead.
Pages are clients of the protocol, in a process of their own. A picture's age is from its stamp to its arrival
at the page, which a browser decodes and draws (8 ms more); stop is from a press until the page that pressed
is told that the gate holds. The control loop's excess is the 99th percentile of its period beyond that with
no page.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
from benchmarks.support.camera_stand_in import IN_PLACE
from benchmarks.support.console_viewers import login, new_session
from benchmarks.support.report import Row, arguments, report
from benchmarks.support.running_stack import START_LIMIT_S, RunningStack, running_stack
from benchmarks.support.step_log import StepLog
from drift_ros.errors import SessionError

VIEWERS = (0, 1, 3)
RATE_HZ = 30.0
ARM_LIMIT_S = 10.0


def measure(duration_s: float, stops: int) -> list[Row]:
    """Return one row for each number of pages."""
    rows: list[Row] = []
    with running_stack(remap={"console": IN_PLACE}) as stack, tempfile.TemporaryDirectory() as folder:
        stand_in = [sys.executable, "-m", "benchmarks.support.camera_stand_in", "2", str(RATE_HZ), folder]
        cameras = subprocess.Popen(stand_in)
        try:
            stack.make_ready()
            stack.start("console")
            told = stack.plan.run.path / "console.json"
            stack.client.wait_until(told.exists, START_LIMIT_S, "the console")
            log, alone_ms = StepLog(stack), 0.0
            for viewers in VIEWERS:
                row, period_ms = look(stack, log, told, viewers, duration_s)
                alone_ms = alone_ms or period_ms
                rows.append({**row, "control_p99_excess_ms": period_ms - alone_ms})
            stops_ms = asyncio.run(stop_presses(stack, json.loads(told.read_text()), stops))
            rows = [
                {**row, "stop_p99_ms": _percentile(stops_ms, 99) if row["viewers"] == 1 else None}
                for row in rows
            ]
        finally:
            cameras.kill()
            cameras.wait()
    return rows


def look(stack: RunningStack, log: StepLog, told: Path, viewers: int, duration_s: float) -> tuple[Row, float]:
    """Return the figures with so many pages, and the 99th percentile of the control period [ms]."""
    program = [sys.executable, "-m", "benchmarks.support.console_viewers", str(told), str(viewers)]
    pages = subprocess.Popen([*program, str(duration_s + 1.0)], stdout=subprocess.PIPE, text=True)
    if viewers and pages.stdout is not None:
        pages.stdout.readline()
    process = psutil.Process(stack.pid("console"))
    log.clear()
    before_s, began_s = sum(process.cpu_times()[:2]), time.monotonic()
    stack.client.spin(duration_s)
    share = (sum(process.cpu_times()[:2]) - before_s) / (time.monotonic() - began_s)
    periods_s = log.steps().period_s
    output, _ = pages.communicate(timeout=30.0 + duration_s)
    if pages.returncode != 0:
        raise RuntimeError(f"the pages ended with {pages.returncode}")
    ages_ms = json.loads(output)["ages_ms"]
    row: Row = {
        "viewers": viewers,
        "pictures_hz": len(ages_ms) / (duration_s + 1.0) / max(viewers, 1) / len(IN_PLACE),
        "camera_p50_ms": _percentile(ages_ms, 50),
        "camera_p95_ms": _percentile(ages_ms, 95),
        "cpu_share": share,
    }
    return row, float(np.percentile(periods_s[np.isfinite(periods_s)], 99) * 1e3)


def arm(stack: RunningStack) -> None:
    """Arm the gate; on a busy machine it may refuse at first, for want of a fresh joint state."""
    end_s = time.monotonic() + ARM_LIMIT_S
    while True:
        try:
            return stack.client.arm()
        except SessionError:
            if time.monotonic() > end_s:
                raise
            stack.client.spin(0.2)


async def stop_presses(stack: RunningStack, said: dict[str, str], count: int) -> list[float]:
    """Return the time of each stop from the press until the page is told that the gate holds [ms]."""
    times_ms = []
    async with new_session() as session:
        address, own = await login(session, said)
        for number in range(count):
            arm(stack)
            async with session.ws_connect(f"{address}ws/ctl", headers=own) as socket:
                await socket.receive_json(timeout=5.0)
                began_s, press = time.monotonic(), f"press-{number}"
                await socket.send_json({"type": "stop", "id": press})
                while True:
                    state = await socket.receive_json(timeout=5.0)
                    if state["type"] == "state" and state["stop"].get(press) is not None:
                        break
                times_ms.append((time.monotonic() - began_s) * 1e3)
    return times_ms


def _percentile(values: list[float], share: float) -> float | None:
    return float(np.percentile(values, share)) if values else None


def main() -> None:
    options = arguments("What the console costs, and how late it is").parse_args()
    rows = measure(4.0, 20) if options.quick else measure(20.0, 200)
    load = os.getloadavg()[0]
    report(f"console, {os.cpu_count()} cores, load average {load:.1f} at the end", rows, options.json)


if __name__ == "__main__":
    main()
