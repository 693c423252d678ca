"""A trainer's store that follows a recorder's on another machine, cut off for 20 s. As root, on Linux.

Two network namespaces as in two_machines.py: `parts:=robot` in one, where the scripted expert demonstrates
and the recorder writes; `parts:=trainer` in the other, which sees nothing of that folder. The cable is pulled
while a file of an episode is coming, and plugged in again 20 s later; the recorder goes on meanwhile. In the
end the stores are compared byte by byte. `lost`: episodes that did not come. `unequal`: files that differ.
`begun_anew`: bytes that had come before the cable was pulled, and came again. `behind_s`: from plugging it in
until the last episode that was recorded is here; allowed are a round of discovery and the time that the rest
takes at the rate that is set.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

from acceptance.gate_watch import START_LIMIT_S
from acceptance.two_machines import LEARNING_PC, RESUME_LIMIT_S, ROBOT_PC, hide, machines, started, switch
from benchmarks.support.report import Row, arguments, report
from benchmarks.support.running_stack import ROBOT, TASK
from drift_core.episodes import EpisodeStore
from drift_core.episodes.listing import Shelf

T = TypeVar("T")
PULLED_S = 20.0
FETCH_MB_S = 0.2  # slow enough to pull the cable in the middle of a file
EPISODE_LIMIT_S = 120.0


def main() -> int:
    parser = arguments(__doc__ or "")
    parser.add_argument("--episodes", type=int, default=4, help="that are recorded; 3 or more")
    options = parser.parse_args()
    if os.geteuid() != 0:
        parser.error("network namespaces need root")
    if options.episodes < 3:
        parser.error(f"--episodes={options.episodes} must be 3 or more: before, during and after the cut")
    row = cut_off(3 if options.quick else options.episodes)
    report("a store on another machine", [row], options.json)
    return int(row["wrong"])


def cut_off(episodes: int) -> Row:
    """Record over a cable that is pulled for 20 s, and compare."""
    with ExitStack() as cleanup:
        folder = Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="drift-store-")))
        params = folder / "slow.yaml"
        params.write_text(f"/**/trainer:\n  ros__parameters: {{fetch_mb_s: {FETCH_MB_S}}}\n")
        there = EpisodeStore(folder / "robot" / "episodes")
        here = EpisodeStore(folder / "learning" / "episodes")
        here.root.mkdir(parents=True)
        there.root.mkdir(parents=True)
        pids = cleanup.enter_context(machines())
        hide(pids[LEARNING_PC], folder / "robot")
        common = [f"robot:={ROBOT}", f"task:={TASK}", "train:=demo", "expert:=demonstrator"]
        for machine, part in ((ROBOT_PC, "robot"), (LEARNING_PC, "trainer")):
            words = ["drift", "up", f"parts:={part}", f"run:={folder / machine.removeprefix('drift-')}"]
            log = cleanup.enter_context((folder / f"{machine}.log").open("w"))
            cleanup.enter_context(started(pids[machine], [*words, *common, f"params_file:={params}"], log))
        log = cleanup.enter_context((folder / "session.log").open("w"))
        recording: list[subprocess.Popen[str]] = []

        def recorded_ids() -> list[str]:
            """Let episodes be recorded as long as some are missing: a fault of the gate ends a session."""
            missing = episodes - len(there.ids())
            if missing > 0 and (not recording or recording[-1].poll() is not None):
                words = ["drift", "session", "--kind", "demonstration", "--episodes", str(missing)]
                words += ["--seed", str(len(recording)), "--wait-s", f"{START_LIMIT_S:g}"]
                recording.append(cleanup.enter_context(started(pids[ROBOT_PC], words, log)))
            return there.ids()

        limit_s = START_LIMIT_S + episodes * EPISODE_LIMIT_S
        wait_for(lambda: recorded_ids() and here.ids(), limit_s, "the first episode on the other machine")
        wait_for(lambda: recorded_ids() and coming(here), limit_s, "a file of the second one")
        pulled_s = switch("down")
        time.sleep(1.0)  # what is on its way
        before, recorded = coming(here), len(there.ids())
        while time.monotonic() - pulled_s < PULLED_S:
            recorded_ids()
            time.sleep(0.1)
        come, during = coming(here), len(there.ids()) - recorded
        plugged_s = switch("up")
        wait_for(lambda: len(recorded_ids()) >= episodes, limit_s, f"{episodes} recorded episodes")
        recorded_s = time.monotonic()
        left_bytes = sum(size(there, name) for name in set(there.ids()) - set(here.ids()))
        wait_for(lambda: set(there.ids()) <= set(here.ids()), limit_s, "all of them on the other machine")
        behind_s = time.monotonic() - max(plugged_s, recorded_s)
        lost = set(there.ids()) - set(here.ids())
        shelves = Shelf(there), Shelf(here)
        names = [(name, file) for name in there.ids() for file in shelves[0].files(name)]
        unequal = sum(
            (there.root / name / file).read_bytes() != (here.root / name / file).read_bytes()
            for name, file in names
        )
        begun_anew = sum(part_bytes > come.get(name, 0) for name, part_bytes in before.items())
        too_late = behind_s > RESUME_LIMIT_S + left_bytes / (1e6 * FETCH_MB_S)
        return {
            "episodes": len(there.ids()),
            "recorded_while_cut_off": during,
            "files": len(names),
            "lost": len(lost),
            "unequal": unequal,
            "begun_anew": begun_anew,
            "behind_s": round(behind_s, 2),
            "wrong": int(bool(lost) or unequal > 0 or begun_anew > 0 or too_late),
        }


def coming(store: EpisodeStore) -> dict[str, int]:
    """Return how many bytes have come of the files that are being fetched, by name."""
    return {path.name: path.stat().st_size for path in store.root.glob(".*.part/.*.part") if path.is_file()}


def size(store: EpisodeStore, name: str) -> int:
    """Return the bytes of an episode."""
    return sum(path.stat().st_size for path in (store.root / name).iterdir())


def wait_for(look: Callable[[], T], limit_s: float, what: str) -> T:
    """Return what `look` returns as soon as that is something."""
    end_s = time.monotonic() + limit_s
    while not (found := look()):
        if time.monotonic() > end_s:
            raise RuntimeError(f"waited {limit_s:g} s for {what}")
        time.sleep(0.02)
    return found


if __name__ == "__main__":
    sys.exit(main())
