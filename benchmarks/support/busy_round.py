"""A process that trains a round of some kind without an end, at the niceness of the training worker."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.improvement import ATTEMPT_SEED, QUICK, SYSTEMS, WITH_A_PERSON, Bench, recipe
from benchmarks.support.busy_training import NICENESS
from benchmarks.support.closed_fork import ClosedFork
from drift_core.training.rounds import Hooks, train_round

SYSTEM_NAMES = tuple(system.name for system in SYSTEMS if system.last is None)
_STEPS = 10_000_000  # more than anybody waits for


@contextmanager
def busy_round(system: str) -> Iterator[None]:
    """Train a round of one of `SYSTEM_NAMES` until the end of the block."""
    with TemporaryDirectory() as folder:
        command = [sys.executable, "-m", __name__, system, folder]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            if process.stdout is None or not process.stdout.readline():
                raise RuntimeError(f"the round of {system} must start")
            yield
        finally:
            process.kill()
            process.wait()


def train(name: str, folder: Path) -> None:
    """Let a policy make attempts in fork, and train on those; say so after the first step."""
    system = next(each for each in SYSTEMS if each.name == name)
    size = replace(QUICK["fork"], first_steps=600)  # some of its attempts succeed
    bench = Bench(ClosedFork(), size, folder)
    own = shutil.copytree(bench.first(0), folder / "own")
    if system.kind != "b2":
        bench.attempt(own, ATTEMPT_SEED, system.kind in WITH_A_PERSON)
    rounds = bench.rounds(own, recipe(system, size), 0, threads=os.cpu_count() or 1)
    rounds.explore = bench.ground.score
    said = False

    def on_progress(progress: object) -> None:
        nonlocal said
        if not said:
            print("training", flush=True)
        said = True
        if os.getppid() != PARENT:
            raise SystemExit(0)

    train_round(rounds, system.kind, Hooks(on_progress=on_progress), steps=_STEPS)


def main() -> None:
    os.nice(NICENESS)
    train(sys.argv[1], Path(sys.argv[2]))


if __name__ == "__main__":
    PARENT = os.getppid()
    sys.exit(main())
