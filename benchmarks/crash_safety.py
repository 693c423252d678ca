"""SIGKILL at random moments to what records and what trains: is anything lost but the open episode?

`recorder`: a process records episodes of 0.5 to 4 s, 50 control steps and 100 joint samples a second and
two cameras of 96x96 at 10 Hz, as the trainer does. After each kill what was broken off is put aside, as at
the trainer's next start, and repaired, and every file of every episode is read whole. `lost_episodes`:
those that were said to be finished, and are gone or others. `unreadable_files`: files of finished episodes
with a problem, and episodes that were open for more than a second and cannot be repaired. `lost_s`: the
largest part of an open episode that its repair did not bring back. `bag_writer`: bags in place of
episodes, repaired and read by rosbags; unreadable is one whose messages are not all of those up to its end.
`worker`: a round of training that saves its state each 0.3 s and is started anew after each kill until it is
done. `resumes_equal`: kills after which the result had the weights of an uninterrupted round, to the bit.
The three go on side by side, each with moments of its own.
"""

import hashlib
import multiprocessing
import random
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

from benchmarks.support.crash_victims import (
    STEPS_HZ,
    record_until_killed,
    train_until_done,
    write_bags_until_killed,
)
from benchmarks.support.report import Row, arguments, report, write_rows
from drift_core.episodes import EpisodeStore
from drift_core.episodes.check import check_episode
from drift_core.episodes.repair import repair_store
from drift_formats.bags.repair import broken_off_bags, repair
from rich.console import Console
from rich.progress import Progress, TaskID
from rosbags.rosbag2 import Reader

SECOND_S = 1.0
START_LIMIT_S = 60.0
KILLS_OF_A_ROUND = 3  # of training, then it may end


def main() -> int:
    parser = arguments(__doc__ or "")
    parser.add_argument(
        "--kills", type=int, default=100, help="of the recorder; a fifth as many of the worker"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    options = parser.parse_args()
    kills = 6 if options.quick else options.kills
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["benchmarks.support.crash_victims"])
    with (
        tempfile.TemporaryDirectory(prefix="drift-crash-") as folder,
        Progress(console=Console(stderr=True), transient=True) as progress,
        ThreadPoolExecutor() as threads,
    ):
        under_way = []
        for kill, name, count in (
            (kill_recorders, "episodes", kills),
            (kill_bag_writers, "bags", kills),
            (kill_workers, "training", max(kills // 5, 3)),
        ):
            bar = partial(_tell, progress, progress.add_task(name, total=count))
            moments = random.Random(f"{options.seed} {name}")
            under_way.append(threads.submit(kill, processes, Path(folder) / name, count, moments, bar))
        for done in as_completed(under_way):
            done.result()
            write_rows([row.result() for row in under_way if row.done()], options.json)
        rows = [row.result() for row in under_way]
    report("SIGKILL at random moments", rows, options.json)
    wrong = [row["victim"] for row in rows if is_wrong(row)]
    print(f"wrong: {', '.join(map(str, wrong)) or 'none'}")
    return int(bool(wrong))


def _tell(progress: Progress, bar: TaskID, kills: int) -> None:
    progress.update(bar, completed=kills)


def is_wrong(row: Row) -> bool:
    """Return whether a row is other than it must be."""
    equal = row["resumes_equal"] is None or row["resumes_equal"] == row["kills"]
    return bool(row["lost_episodes"] or row["unreadable_files"]) or not equal


class Victim:
    """A process that tells what it has done, and is killed."""

    def __init__(
        self, processes: multiprocessing.context.ForkServerContext, of: Callable[..., None], *given: object
    ):
        self._told, telling = processes.Pipe(duplex=False)
        self._process = processes.Process(target=of, args=(telling, *given))
        self._process.start()
        telling.close()
        self.heard: list[tuple] = []

    def wait_for_first(self) -> None:
        if not self._told.poll(START_LIMIT_S):
            raise RuntimeError("the victim has not begun")

    def kill_after(self, wait_s: float) -> bool:
        """Kill it; return whether it still lived."""
        self._process.join(wait_s)
        lived = self._process.is_alive()
        self._process.kill()
        self._process.join()
        if not lived and self._process.exitcode != 0:
            raise RuntimeError(f"the victim has ended with {self._process.exitcode}")
        self.heard = list(_all(self._told))
        return lived


def _all(told: Connection):
    while True:
        try:
            if not told.poll():
                return
            yield told.recv()
        except EOFError:
            return


def kill_recorders(
    processes: multiprocessing.context.ForkServerContext,
    root: Path,
    kills: int,
    chance: random.Random,
    tell: Callable[[int], None],
) -> Row:
    finished: dict[str, str] = {}  # digests by episode
    unreadable = lost = repaired = 0
    lost_s, store = 0.0, EpisodeStore(root)
    for number in range(kills):
        victim = Victim(processes, record_until_killed, str(root), number, chance.random())
        victim.wait_for_first()
        if not victim.kill_after(chance.uniform(0.2, 5.0)):
            raise RuntimeError("a recorder has ended by itself")
        open_s = {name: seconds for what, name, seconds in victim.heard if what == "recorded"}
        done = [name for what, name, _ in victim.heard if what == "finished"]
        with store.claim():
            store.set_aside_parts()
            for repair in repair_store(store):
                if repair.whole:
                    repaired += 1
                    kept_s = store.meta(repair.place.name).steps / STEPS_HZ
                    lost_s = max(lost_s, open_s.get(repair.place.name, 0.0) - kept_s)
                elif open_s.get(repair.name, 0.0) > SECOND_S:
                    unreadable += 1
                    print(f"{repair.name}: {repair.text}", file=sys.stderr)
        finished |= {name: "" for name in done}
        lost += len([name for name in finished if name not in store.ids()])
        for name in store.ids():
            now = _digest(root / name)
            lost += int(bool(finished.get(name)) and finished[name] != now)
            if finished.get(name) != now:
                broken = [problem for problem in check_episode(root / name) if problem.broken]
                unreadable += len({problem.file for problem in broken})
                for problem in broken:
                    print(problem, file=sys.stderr)
            finished[name] = now
        tell(number + 1)
    return {
        "victim": "recorder", "kills": kills, "lost_episodes": lost, "unreadable_files": unreadable,
        "resumes_equal": None, "episodes": len(finished), "repaired": repaired, "lost_s": lost_s,
    }  # fmt: skip


def kill_bag_writers(
    processes: multiprocessing.context.ForkServerContext,
    root: Path,
    kills: int,
    chance: random.Random,
    tell: Callable[[int], None],
) -> Row:
    finished: dict[str, int] = {}  # messages by bag
    unreadable = lost = repaired = 0
    lost_s = 0.0
    for number in range(kills):
        victim = Victim(processes, write_bags_until_killed, str(root), number, chance.random())
        victim.wait_for_first()
        if not victim.kill_after(chance.uniform(0.2, 5.0)):
            raise RuntimeError("a bag writer has ended by itself")
        open_s = {name: seconds for what, name, seconds in victim.heard if what == "recorded"}
        for what, name, seconds in victim.heard:
            if what == "finished":
                finished[name] = round(seconds * STEPS_HZ)
        for bag in broken_off_bags(root):
            repair(bag)
            repaired += 1
            lost_s = max(lost_s, open_s.get(bag.name, 0.0) - len(_numbers(bag)) / STEPS_HZ)
        for bag in sorted(root.glob(f"b{number:04d}-*")):
            numbers = _numbers(bag)
            unreadable += numbers != list(range(len(numbers)))
        lost += sum(
            not (root / name).is_dir() or len(_numbers(root / name)) != count
            for name, count in finished.items()
            if name.startswith(f"b{number:04d}-")
        )
        tell(number + 1)
    return {
        "victim": "bag_writer", "kills": kills, "lost_episodes": lost, "unreadable_files": unreadable,
        "resumes_equal": None, "episodes": len(finished), "repaired": repaired, "lost_s": lost_s,
    }  # fmt: skip


def _numbers(bag: Path) -> list[int]:
    """Return the numbers of the messages in a bag, as rosbags reads it."""
    with Reader(bag) as reader:
        return [int.from_bytes(data[4:8], "little") for *_, data in reader.messages()]


def kill_workers(
    processes: multiprocessing.context.ForkServerContext,
    folder: Path,
    kills: int,
    chance: random.Random,
    tell: Callable[[int], None],
) -> Row:
    folder.mkdir()
    episodes = folder / "demonstrations"
    whole = Victim(processes, train_until_done, str(episodes), str(folder / "whole"))
    whole.wait_for_first()
    if whole.kill_after(10.0 * START_LIMIT_S):
        raise RuntimeError("an uninterrupted round does not end")
    told = dict(whole.heard)
    wanted, takes_s = told["made"], told["took_s"]
    done = equal = unreadable = rounds = 0
    while done < kills:
        rounds += 1
        checkpoints, killed, result = folder / f"round-{rounds}", 0, ""
        while not result:
            victim = Victim(processes, train_until_done, str(episodes), str(checkpoints))
            victim.wait_for_first()
            another = killed < KILLS_OF_A_ROUND and done + killed < kills
            killed += victim.kill_after(chance.uniform(0.0, takes_s) if another else 10.0 * START_LIMIT_S)
            result = dict(victim.heard).get("made", "")
            unreadable += len([told for what, told in victim.heard if what == "unreadable"])
        done += killed
        equal += killed * (result == wanted)
        tell(done)
    return {
        "victim": "worker", "kills": done, "lost_episodes": 0, "unreadable_files": unreadable,
        "resumes_equal": equal, "episodes": None, "repaired": None, "lost_s": None,
    }  # fmt: skip


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


if __name__ == "__main__":
    sys.exit(main())
