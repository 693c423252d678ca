"""One stack on two machines, and what happens when the cable between them is pulled. As root, on Linux.

Two network namespaces, each with shared memory of its own, joined by a virtual cable: `parts:=robot` in one,
`parts:=policy,trainer` in the other. A random policy drives over the cable. `hold_s`: from pulling the cable
until the gate holds the arm; allowed is the age at which a chunk is too old, and a tenth of a second.
`resume_s`: from plugging it in again until the policy drives by itself; allowed is a round of discovery.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from acceptance.gate_watch import START_LIMIT_S
from benchmarks.support.report import Row, arguments, report
from benchmarks.support.running_stack import ROBOT, TASK, save_random_policy
from drift.configuration import config_file
from drift.node_parameters import defaults
from drift_control.robot.robot import load_robot
from drift_interfaces.msg import GateState
from expert_gate_node.config import ExpertGateConfig

ROBOT_PC, LEARNING_PC = "drift-robot", "drift-learning"
CABLE = {ROBOT_PC: ("drift0", "10.77.0.1/24"), LEARNING_PC: ("drift1", "10.77.0.2/24")}
PULLED_S = 4.0
HOLD_LIMIT_S = defaults(ExpertGateConfig).chunk_timeout_s + 0.1
RESUME_LIMIT_S = 10.0
WATCH_LIMIT_S = 2.0 * START_LIMIT_S + 60.0  # it waits twice for the start
_OWN_SHARED_MEMORY = "mount -t tmpfs -o size=512m tmpfs /dev/shm && exec sleep infinity"


def main() -> int:
    parser = arguments(__doc__ or "")
    options = parser.parse_args()
    if os.geteuid() != 0:
        parser.error("network namespaces need root")
    row = pull_the_cable()
    report("one stack on two machines", [row], options.json)
    return int(row["hold_s"] > HOLD_LIMIT_S or row["resume_s"] > RESUME_LIMIT_S)


def pull_the_cable() -> Row:
    """Run a stack over the cable, pull it, plug it in again."""
    with ExitStack() as cleanup:
        folder = Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="drift-two-machines-")))
        robot = load_robot(config_file("robot", ROBOT))
        save_random_policy(folder / "learning" / "checkpoints", robot, 1, None)
        pids = cleanup.enter_context(machines())
        common = [f"robot:={ROBOT}", f"task:={TASK}", "train:=demo", "expert:=none"]
        for machine, part in ((ROBOT_PC, "robot"), (LEARNING_PC, "policy,trainer")):
            run = folder / machine.removeprefix("drift-")
            words = ["drift", "up", f"parts:={part}", f"run:={run}", *common]
            log = cleanup.enter_context((folder / f"{machine}.log").open("w"))
            cleanup.enter_context(started(pids[machine], words, log))
        watch_it = ["timeout", f"{WATCH_LIMIT_S:g}", sys.executable, "-m", "acceptance.gate_watch"]
        watching = cleanup.enter_context(started(pids[ROBOT_PC], watch_it, subprocess.PIPE))
        driving = until(watching, GateState.POLICY, since_s=0.0)
        time.sleep(3.0)
        pulled_s = switch("down")
        held = until(watching, GateState.HOLD, pulled_s)
        time.sleep(PULLED_S)
        plugged_s = switch("up")
        again = until(watching, GateState.POLICY, plugged_s)
        return {
            "chunks_per_s": round((held["chunks"] - driving["chunks"]) / (pulled_s - driving["at_s"]), 2),
            "hold_s": round(held["at_s"] - pulled_s, 3),
            "reason": held["text"],
            "resume_s": round(again["at_s"] - plugged_s, 3),
        }


@contextmanager
def machines() -> Iterator[dict[str, int]]:
    """Two network namespaces with a cable between them; yields a process in each, by which to enter it."""
    with ExitStack() as cleanup:
        for machine in CABLE:
            ip("netns", "add", machine)
            cleanup.callback(ip, "netns", "del", machine)
        (one, one_address), (other, other_address) = CABLE[ROBOT_PC], CABLE[LEARNING_PC]
        ip("link", "add", one, "netns", ROBOT_PC, "type", "veth", "peer", "name", other, "netns", LEARNING_PC)
        for machine, name, address in ((ROBOT_PC, one, one_address), (LEARNING_PC, other, other_address)):
            ip("-n", machine, "address", "add", address, "dev", name)
            ip("-n", machine, "link", "set", name, "up")
            ip("-n", machine, "link", "set", "lo", "up")
        pids = {}
        for machine in CABLE:
            words = ["ip", "netns", "exec", machine, "sh", "-c", _OWN_SHARED_MEMORY]
            keeper = cleanup.enter_context(subprocess.Popen(words))
            cleanup.callback(keeper.terminate)
            pids[machine] = keeper.pid
        time.sleep(0.5)  # until it is mounted
        yield pids


def ip(*words: str) -> None:
    """Run one command of iproute2."""
    subprocess.run(["ip", *words], check=True)


def switch(state: str) -> float:
    """Set the robot's end of the cable up or down; return the steady time."""
    ip("-n", ROBOT_PC, "link", "set", CABLE[ROBOT_PC][0], state)
    return time.monotonic()


@contextmanager
def started(pid: int, command: list[str], output: IO[str] | int) -> "Iterator[subprocess.Popen[str]]":
    """Run a command on the machine of a process."""
    words = ["nsenter", f"--target={pid}", "--net", "--mount", f"--wd={Path.cwd()}", *command]
    environment = {**os.environ, "ROS_AUTOMATIC_DISCOVERY_RANGE": "SUBNET"}
    with subprocess.Popen(words, stdout=output, text=True, env=environment) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.communicate()


def until(watching: "subprocess.Popen[str]", state: int, since_s: float) -> dict[str, float | str]:
    """Return the next line of `acceptance.gate_watch` with that state of the gate, at `since_s` or later."""
    for line in watching.stdout or ():
        said = json.loads(line)
        if said["state"] == state and said["at_s"] >= since_s:
            return said
    raise RuntimeError(f"the watching program ended without state={state}; see what was said above")


if __name__ == "__main__":
    sys.exit(main())
