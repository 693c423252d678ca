"""What the ROS distribution costs: run it once under each (`. env.sh`, `ROS=jazzy; . env.sh`) and compare.

Simulation and gate run as processes. Start: until the gate is armed. Service: `gate/arm` of an armed gate.
Action: `gate/home` of an arm that is at home, from the goal to its result. While the gate holds the arm: its
share of a core, and the memory that is a process's own. Images: 640x480 at 30 Hz, best effort, between two
processes.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import psutil
from benchmarks.support.report import Row, arguments, report
from benchmarks.support.running_stack import running_stack

IMAGE = ("640", "480", "30.0")


def measure(repetitions: int, duration_s: float) -> Row:
    """Return the figures of the distribution of this environment."""
    began_s = time.monotonic()
    with running_stack() as stack:
        stack.make_ready()
        start_s = time.monotonic() - began_s
        service_ms = median_ms(stack.client.arm, repetitions)
        action_ms = median_ms(stack.client.home, repetitions)
        stack.client.arm()
        gate, sim = (psutil.Process(stack.pid(name)) for name in ("expert_gate", "sim"))
        before_s = sum(gate.cpu_times()[:2])
        time.sleep(duration_s)
        share = (sum(gate.cpu_times()[:2]) - before_s) / duration_s
        memory_mb = [process.memory_full_info().uss / 1e6 for process in (gate, sim)]
    images = loopback(duration_s)
    return {
        "distribution": os.environ["ROS_DISTRO"],
        "start_s": start_s,
        "service_ms": service_ms,
        "action_ms": action_ms,
        "gate_cpu_share": share,
        "gate_mb": memory_mb[0],
        "sim_mb": memory_mb[1],
        "images_received": images["received"],
        "images_sent": images["sent"],
        "image_median_ms": images["median_ms"],
    }


def median_ms(call: Callable[[], object], repetitions: int) -> float:
    """Return how long a call takes."""
    times_s = []
    for _ in range(repetitions):
        began_s = time.monotonic()
        call()
        times_s.append(time.monotonic() - began_s)
    return statistics.median(times_s) * 1e3


def loopback(duration_s: float) -> dict[str, float]:
    """Return how many images came of those that were sent, as `drift doctor` counts them."""
    topic = f"drift_benchmark_{os.getpid()}/image_raw"
    program = [sys.executable, "-m", "drift.ros.image_loopback", "receive", topic, *IMAGE, str(duration_s)]
    done = subprocess.run(program, capture_output=True, text=True, timeout=60.0 + duration_s, check=True)
    return json.loads(done.stdout)


def main() -> None:
    options = arguments("What the ROS distribution costs").parse_args()
    row = measure(5, 3.0) if options.quick else measure(30, 20.0)
    report("ROS distribution", [row], options.json)


if __name__ == "__main__":
    main()
