"""Rollouts as `drift eval` makes them, each timed, by this build or by a checkout of another one."""

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 3600.0


@dataclass(frozen=True)
class Timed:
    """One rollout."""

    seed: int
    outcome: dict[str, Any]  # whatever `drift eval` says of it
    took_s: float


def rollouts(build: Path, checkpoint: Path, robot: str, task: str, first: int, count: int) -> list[Timed]:
    """Return rollouts of `count` seeds from `first` on by the packages below `build`, one after the other."""
    packages = [str(folder) for folder in sorted((build / "src").iterdir()) if folder.is_dir()]
    path = os.pathsep.join([str(ROOT), *packages, os.environ.get("PYTHONPATH", "")])
    program = [sys.executable, "-m", __name__, str(checkpoint), robot, task, str(first), str(count)]
    done = subprocess.run(
        program, env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.PIPE, timeout=LIMIT_S, check=True
    )
    return [Timed(**row) for row in json.loads(done.stdout.splitlines()[-1])]


def _main(checkpoint: str, robot: str, task: str, first: str, count: str) -> None:
    from drift.evaluation import Job, evaluate

    seeds = range(int(first) - 1, int(first) + int(count))  # one beforehand, for what is made at the first
    done_s: list[float] = []
    job = Job(Path(checkpoint), robot, task, "ddim-8")
    found = evaluate(job, seeds, 1, lambda rollout: done_s.append(time.perf_counter()))
    timed = [
        Timed(rollout.seed, asdict(rollout), after_s - before_s)
        for rollout, before_s, after_s in zip(found[1:], done_s, done_s[1:], strict=False)
    ]
    print(json.dumps([asdict(row) for row in timed]))


if __name__ == "__main__":
    _main(*sys.argv[1:])
