"""Does a new checkpoint disturb the arm? Control ticks and chunks around swaps, against windows without one.

Simulation, gate and policy run as processes; the policy moves the arm about its home. Every few seconds it is
told to load another checkpoint of other weights. A window reaches from half a second before the request until
half a second after the answer, so that reading, verifying and building the engine lie in it; the matched
window, as long, lies half way to the next request. A tick is late as in control_rate.py. `chunk_gap`: the
time between two chunks as the gate executes them (the policy replans every 0.4 s). `kind`: two whole
checkpoints in turn, or two deltas on one that is whole, as continuous training writes them. `first_chunk_ms`:
from the request until the gate executes a step of the new version.
"""

import os
import statistics
import time

import numpy as np
from benchmarks.support.report import Row, arguments, report
from benchmarks.support.running_stack import running_stack, save_deltas, save_random_policy
from benchmarks.support.step_log import StepLog, Steps, late
from drift_control.gate.state import CommandSource
from drift_core.denoisers import DenoiserConfig, UNetConfig

RATE_HZ = 50.0
MARGIN_S = 0.5
NETWORKS: dict[str, DenoiserConfig | None] = {"mlp": None, "S": UNetConfig(down_dims=(128, 256, 512))}
KINDS = ("whole", "delta")
VERSIONS = (2, 3, 4)  # the last two in turn
Window = tuple[float, float]  # ROS time, from and to [s]


def main() -> None:
    parser = arguments("Late control ticks and gaps between chunks at checkpoint swaps")
    parser.add_argument("--swaps", type=int, default=50, help="of each network")
    parser.add_argument("--networks", nargs="+", choices=list(NETWORKS), default=list(NETWORKS))
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    options = parser.parse_args()
    networks, swaps = (["mlp"], 5) if options.quick else (options.networks, options.swaps)
    rows = [measure(network, kind, swaps) for network in networks for kind in options.kinds]
    report(f"checkpoint swaps at {RATE_HZ:g} Hz, load average {os.getloadavg()[0]:.1f}", rows, options.json)


def measure(network: str, kind: str, swaps: int) -> Row:
    """Swap `swaps` times while the policy drives; return the row."""
    denoiser = NETWORKS[network]
    with running_stack(RATE_HZ) as stack:
        folder = stack.plan.run.checkpoints
        stack.make_ready()
        stack.start_policy(denoiser)
        stack.client.wait_until(lambda: stack.client.gate_state.state == 2, 30.0, "the policy to drive")
        if kind == "delta":
            paths = save_deltas(folder, stack.robot, VERSIONS, denoiser)
        else:
            paths = [save_random_policy(folder, stack.robot, version, denoiser) for version in VERSIONS]
        for path in paths[:1] + paths[2:]:  # the first of a network exports it
            stack.client.load_checkpoint(str(path))
        log = StepLog(stack)
        log.clear()
        stack.client.spin(2.0 * MARGIN_S)
        asked: list[Window] = []  # request and answer
        refused = 0
        for i in range(swaps):
            request_s = time.time()
            answer = stack.client.load_checkpoint(str(paths[1 + i % 2]))
            asked.append((request_s, time.time()))
            refused += answer.error_code != 0
            longest_s = max(end_s - start_s for start_s, end_s in asked) + 2.0 * MARGIN_S
            stack.client.spin(longest_s + 2.0 * MARGIN_S)
        steps = log.steps()
        running = stack.client.policy_state
        swap_bytes = paths[-1].stat().st_size
    first_ms = [
        first_chunk_ms(steps, VERSIONS[1 + i % 2], request_s) for i, (request_s, _) in enumerate(asked)
    ]
    return {
        "network": network,
        "kind": kind,
        "engine": running.engine,
        "swap_bytes": swap_bytes,
        "first_chunk_ms": float(np.median(first_ms)),
        **figures(steps, asked, refused),
    }


def first_chunk_ms(steps: Steps, version: int, request_s: float) -> float:
    """Return when `version` was first executed after the request; infinite if it never was (refused)."""
    found = steps.stamp_s[(steps.policy_version == version) & (steps.stamp_s >= request_s)]
    return 1e3 * float(found.min(initial=np.inf) - request_s)


def figures(steps: Steps, asked: list[Window], refused: int) -> Row:
    """Compare the windows at swaps with those between them."""
    at = [(start_s - MARGIN_S, end_s + MARGIN_S) for start_s, end_s in asked]
    # As long as the window before, and with the same distance to both neighbours.
    middles = [(end_s + start_s) / 2.0 for (_, end_s), (start_s, _) in zip(at, at[1:], strict=False)]
    between = [
        (middle - (end_s - start_s) / 2.0, middle + (end_s - start_s) / 2.0)
        for middle, (start_s, end_s) in zip(middles, at, strict=False)
    ]
    at = at[: len(between)]
    end_s, period_s = steps.stamp_s[1:], steps.period_s
    changed = np.flatnonzero(np.diff(steps.chunk_id)) + 1
    change_s = steps.stamp_s[changed]
    speed_m_s = np.linalg.norm(np.diff(steps.tcp_m, axis=0), axis=1) * RATE_HZ

    def ticks(windows: list[Window]) -> np.ndarray:
        return period_s[within(end_s, windows)]

    def gap_ms(windows: list[Window]) -> float:
        gaps = np.diff(change_s)[within(change_s[1:], windows)]
        return float(1e3 * gaps.max(initial=0.0))

    return {
        "swaps": len(asked),
        "refused": refused,
        "load_ms": 1e3 * statistics.median(end_s - start_s for start_s, end_s in asked),
        "late_ticks_at_swaps": int(late(ticks(at), RATE_HZ).sum()),
        "late_ticks_elsewhere": int(late(ticks(between), RATE_HZ).sum()),
        "ticks_at_swaps": len(ticks(at)),
        "p99_at_swaps_ms": float(1e3 * np.nanpercentile(ticks(at), 99)),
        "p99_elsewhere_ms": float(1e3 * np.nanpercentile(ticks(between), 99)),
        "max_chunk_gap_ms": gap_ms(at),
        "max_chunk_gap_elsewhere_ms": gap_ms(between),
        "policy_drives": float((steps.source == CommandSource.POLICY).mean()),
        "tcp_speed_m_s": float(speed_m_s.mean()),
    }


def within(times_s: np.ndarray, windows: list[Window]) -> np.ndarray:
    """Return which times lie in one of the windows, (N,) bool."""
    return np.any([(low <= times_s) & (times_s <= high) for low, high in windows], axis=0)


if __name__ == "__main__":
    main()
