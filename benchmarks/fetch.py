"""Does a checkpoint that comes over the network disturb the arm? Control ticks during a fetch, and without.

Simulation, gate, policy and trainer run as processes, policy and trainer with a folder each. The policy moves
the arm about its home; every few seconds a checkpoint of other weights is announced that only the trainer's
folder has, so that the policy node fetches it in pieces (`fetch_mb_s`), tries it and swaps it in. A window
reaches from the announcement until the new version runs; the matched one, as long, follows it after a second.
A tick is late as in control_rate.py.
"""

import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from benchmarks.hot_swap import NETWORKS, RATE_HZ, Window, within
from benchmarks.support.report import Row, arguments, report
from benchmarks.support.running_stack import RunningStack, running_stack, save_random_policy
from benchmarks.support.step_log import StepLog, late
from drift.node_parameters import defaults
from drift_core.pieces import file_digest
from drift_interfaces.msg import Checkpoint
from drift_interfaces.srv import ReadCheckpoint
from drift_policy_node.config import PolicyNodeConfig
from drift_ros import qos

LIMIT_S = 120.0  # for one checkpoint
PAUSE_S = 1.0  # after a window
REST_S = 10.0  # until the training worker, which only starts here, is quiet


def main() -> None:
    parser = arguments("Control ticks while a checkpoint is fetched from the trainer")
    parser.add_argument("--fetches", type=int, default=10, help="of each network")
    parser.add_argument("--networks", nargs="+", choices=list(NETWORKS), default=list(NETWORKS))
    options = parser.parse_args()
    networks, fetches = (["mlp"], 3) if options.quick else (options.networks, options.fetches)
    rows = [measure(network, fetches) for network in networks]
    report(f"fetches at {RATE_HZ:g} Hz, load average {os.getloadavg()[0]:.1f}", rows, options.json)


def measure(network: str, fetches: int) -> Row:
    """Fetch `fetches` checkpoints while the policy drives; return the row."""
    denoiser = NETWORKS[network]
    with running_stack(RATE_HZ) as stack:
        stack.make_ready()
        _split_disks(stack)
        save_random_policy(
            Path(str(stack.parameters("policy")["checkpoint_folder"])), stack.robot, 1, denoiser
        )
        folder = stack.plan.run.checkpoints
        paths = [save_random_policy(folder, stack.robot, 2 + i, denoiser) for i in range(fetches)]
        stack.start("policy")
        stack.start("trainer")
        client, node = stack.client, stack.client.node
        asking = node.create_client(ReadCheckpoint, "trainer/read_checkpoint")
        client.wait_until(asking.service_is_ready, LIMIT_S, "the trainer")
        client.wait_until(lambda: client.gate_state.state == 2, LIMIT_S, "the policy to drive")
        client.spin(REST_S)
        announcer = node.create_publisher(Checkpoint, "trainer/checkpoint", qos.LATCHED)
        log = StepLog(stack)
        log.clear()
        at: list[Window] = []
        without: list[Window] = []
        for version, path in enumerate(paths, 2):
            began_s = time.time()
            announcer.publish(
                Checkpoint(path=f"/elsewhere/{path.name}", sha256=file_digest(path), version=version)
            )
            client.wait_until(lambda v=version: client.policy_state.version == v, LIMIT_S, "the new version")
            took_s = time.time() - began_s
            at.append((began_s, began_s + took_s))
            client.spin(PAUSE_S)
            without.append((time.time(), time.time() + took_s))
            client.spin(took_s + PAUSE_S)
        steps = log.steps()
        size_mb = paths[-1].stat().st_size / 1e6
    end_s, period_s = steps.stamp_s[1:], steps.period_s
    during, between = period_s[within(end_s, at)], period_s[within(end_s, without)]
    return {
        "network": network,
        "checkpoint_mb": size_mb,
        "fetch_mb_s": defaults(PolicyNodeConfig).fetch_mb_s,
        "fetches": len(at),
        "announced_to_running_s": float(np.median([end - begin for begin, end in at])),
        "ticks": len(during),
        "p99_ms": float(1e3 * np.nanpercentile(during, 99)),
        "p99_without_ms": float(1e3 * np.nanpercentile(between, 99)),
        "max_ms": float(1e3 * np.nanmax(during)),
        "max_without_ms": float(1e3 * np.nanmax(between)),
        "late": int(late(during, RATE_HZ).sum()),
        "late_without": int(late(between, RATE_HZ).sum()),
    }


def _split_disks(stack: RunningStack) -> None:
    """Give the policy node a folder of its own, as on another machine."""
    own = {"checkpoint_folder": str(stack.plan.run.path / "disk_of_policy")}
    nodes = (
        replace(node, parameters={**node.parameters, **own}) if node.name == "policy" else node
        for node in stack.plan.nodes
    )
    stack.plan = replace(stack.plan, nodes=tuple(nodes))


if __name__ == "__main__":
    main()
