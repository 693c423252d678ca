"""One stack on two machines, and what happens when the cable between them is pulled. As root, on Linux.

Two network namespaces, each with shared memory and checkpoints of its own, joined by a virtual cable.
`chunks`: `parts:=robot` in one, `parts:=policy,trainer` in the other; a random policy drives over the cable.
`hold_s`: from pulling the cable until the gate holds the arm; allowed is the age at which a chunk is too old,
and a tenth of a second. `resume_s`: from plugging it in again until the policy drives by itself; allowed is a
round of discovery.
`checkpoints`: `parts:=robot,policy` in one, `parts:=trainer` in the other. The policy node fetches its first
checkpoint over the cable. The trainer is started anew and announces a delta on another one; the cable is
pulled while that is fetched. The old policy drives on (`hold_s` is empty), and what had come does not come
again. `resume_s`: from plugging it in until the delta drives; allowed besides is what is left to fetch.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

from acceptance.gate_watch import START_LIMIT_S
from benchmarks.support.report import Row, arguments, report
from benchmarks.support.running_stack import ROBOT, TASK, save_deltas, save_random_policy
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
FETCH_MB_S = 0.5  # slow enough to pull the cable meanwhile
Line = dict[str, Any]  # of gate_watch
WATCH_LIMIT_S = 2.0 * START_LIMIT_S + 60.0  # it waits twice for the start
_OWN_SHARED_MEMORY = "mount -t tmpfs -o size=512m tmpfs /dev/shm && exec sleep infinity"


def main() -> int:
    parser = arguments(__doc__ or "")
    options = parser.parse_args()
    if os.geteuid() != 0:
        parser.error("network namespaces need root")
    rows = [pull_the_cable(), fetch_over_the_cable()]
    report("one stack on two machines", rows, options.json)
    return int(any(row["wrong"] for row in rows))


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
        hold_s, resume_s = held["at_s"] - pulled_s, again["at_s"] - plugged_s
        return {
            "over the cable": "chunks",
            "chunks_per_s": round((held["chunks"] - driving["chunks"]) / (pulled_s - driving["at_s"]), 2),
            "hold_s": round(hold_s, 3),
            "reason": held["text"],
            "resume_s": round(resume_s, 3),
            "fetched_mb": None,
            "wrong": int(hold_s > HOLD_LIMIT_S or resume_s > RESUME_LIMIT_S),
        }


def fetch_over_the_cable() -> Row:
    """Run the policy on the robot's machine, the trainer on the other, and pull the cable during a fetch."""
    with ExitStack() as cleanup:
        folder = Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="drift-two-machines-")))
        robot, params = load_robot(config_file("robot", ROBOT)), folder / "slow.yaml"
        params.write_text(f"/**/policy:\n  ros__parameters: {{fetch_mb_s: {FETCH_MB_S}}}\n")
        here, there = folder / "robot" / "checkpoints", folder / "learning" / "checkpoints"
        save_random_policy(there, robot, 1, None)
        pids = cleanup.enter_context(machines())
        hide(pids[ROBOT_PC], folder / "learning")
        common = [f"robot:={ROBOT}", f"task:={TASK}", "train:=demo", "expert:=none", f"params_file:={params}"]

        def up(parts: str, machine: str) -> AbstractContextManager[object]:
            words = ["drift", "up", f"parts:={parts}", f"run:={folder / machine.removeprefix('drift-')}"]
            log = cleanup.enter_context((folder / f"{machine}.log").open("a"))
            return started(pids[machine], [*words, *common], log)

        cleanup.enter_context(up("robot,policy", ROBOT_PC))
        watch_it = ["timeout", f"{WATCH_LIMIT_S:g}", sys.executable, "-m", "acceptance.gate_watch"]
        watching = cleanup.enter_context(started(pids[ROBOT_PC], watch_it, subprocess.PIPE))
        with up("trainer", LEARNING_PC):
            driving = until(watching, GateState.POLICY, since_s=0.0, version=1)
        whole, delta = save_deltas(there, robot, [2, 3], None)
        cleanup.enter_context(up("trainer", LEARNING_PC))
        size = whole.stat().st_size
        come_bytes = wait_for_part(here, whole, size // 4)
        pulled_s = switch("down")
        time.sleep(PULLED_S)
        stopped_bytes = wait_for_part(here, whole, 0)
        plugged_s = switch("up")
        said, again = states(watching, 3)
        held = [line for line in said if line["state"] != GateState.POLICY and line["at_s"] > pulled_s]
        resume_s = again["at_s"] - plugged_s
        left_s = (size - stopped_bytes + delta.stat().st_size) / (1e6 * FETCH_MB_S)
        same = (here / whole.name).read_bytes() == whole.read_bytes()
        torn = not come_bytes <= stopped_bytes < size or not same
        return {
            "over the cable": "checkpoints",
            "chunks_per_s": round(
                (again["chunks"] - driving["chunks"]) / (again["at_s"] - driving["at_s"]), 2
            ),
            "hold_s": round(held[0]["at_s"] - pulled_s, 3) if held else None,
            "reason": held[0]["text"] if held else "",
            "resume_s": round(resume_s, 3),
            "fetched_mb": round(size / 1e6, 2),
            "wrong": int(bool(held) or torn or resume_s > RESUME_LIMIT_S + left_s),
        }


def hide(pid: int, folder: Path) -> None:
    """Let the machine of a process see nothing in a folder, as if it was on another disk."""
    words = ["nsenter", f"--target={pid}", "--mount", "mount", "-t", "tmpfs", "tmpfs", str(folder)]
    subprocess.run(words, check=True)


def wait_for_part(folder: Path, file: Path, size: int) -> int:
    """Return how much of a file has come to the folder, once that is `size` bytes or more."""
    end_s = time.monotonic() + START_LIMIT_S
    while True:
        sizes = [part.stat().st_size for part in folder.glob(f".{file.name}.*.part")]
        if sizes and sizes[0] >= size:
            return sizes[0]
        if time.monotonic() > end_s:
            raise RuntimeError(f"{file.name}: {sizes} bytes have come of {size} after {START_LIMIT_S:g} s")
        time.sleep(0.02)


def states(watching: "subprocess.Popen[str]", version: int) -> tuple[list[Line], Line]:
    """Return all lines that the watching program says until that version drives, and that one."""
    said: list[Line] = []
    again = until(watching, GateState.POLICY, 0.0, version, said.append)
    return said, again


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


def until(
    watching: "subprocess.Popen[str]",
    state: int,
    since_s: float,
    version: int = 0,
    on_line: Callable[[Line], None] = lambda line: None,
) -> Line:
    """Return the next line of `acceptance.gate_watch` with that state of the gate, at `since_s` or later, and
    chunks of that version or a later one."""
    for line in watching.stdout or ():
        said = json.loads(line)
        on_line(said)
        if said["state"] == state and said["at_s"] >= since_s and said["version"] >= version:
            return said
    raise RuntimeError(f"the watching program ended without state={state}; see what was said above")


if __name__ == "__main__":
    sys.exit(main())
