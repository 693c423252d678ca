"""A study on a Ray cluster of two nodes of this machine, with all that may be lost, lost in the middle.

The first driver is killed when one job is done; the second one resumes, and loses a worker and then a node.
At the end every job must have run, those that were done not again, and every number must be that of the local
engine. Exit code 1 if something is wrong, 2 where Ray is not installed (pip install -r
setup/requirements/ray.txt).
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from drift.errors import UserError
from drift.experiment import results
from drift.experiment.budget import Budget, Budgets
from drift.experiment.engine import LocalEngine, make_engine
from drift.experiment.run import Run
from drift.experiment.study import Study, jobs
from rich.console import Console

BUDGET = Budget(
    seeds=2, demonstrations=2, episodes=1, rounds=1, offline_steps=20, online_steps=20, evaluations=1
)
STUDY = Study(
    "cluster",
    "Cluster",
    "smoke",
    ("hg_dagger", "drift_left"),
    "hg_dagger",
    ("place",),
    Budgets(BUDGET, BUDGET),
)
LIMIT_S = 1800.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--drive", type=Path, help=argparse.SUPPRESS)  # the driver's own process
    options = parser.parse_args()
    try:
        if options.drive:
            return len(run(options.drive, "ray"))
        return check()
    except UserError as error:
        print(error)
        return 2


def run(folder: Path, engine: str) -> list[object]:
    """Run the study, or what is left of it; return the jobs that failed."""
    made = LocalEngine() if engine == "local" else make_engine(engine)
    return list(Run(STUDY, "quick", None, folder, Console()).run(made, resume=True))


def check() -> int:
    """Return the exit code."""
    with tempfile.TemporaryDirectory() as scratch:
        (Path(scratch) / "ray").mkdir()
        os.environ |= {
            "RAY_TMPDIR": scratch,
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_raylet_start_wait_time_s": "150",
        }
        try:
            from ray.cluster_utils import Cluster
        except ModuleNotFoundError:
            make_engine("ray")  # says what installs it
            raise
        cluster = Cluster(initialize_head=True, head_node_args=_node())
        second = cluster.add_node(**_node())
        os.environ["RAY_ADDRESS"] = cluster.address
        try:
            faults = _break(Path(scratch), cluster, second)
        finally:
            cluster.shutdown()
            del os.environ["RAY_ADDRESS"]
        faults += _compare(Path(scratch))
    print("\n".join(faults) or "ok: killed, resumed, a worker and a node lost; every number as without Ray")
    return int(bool(faults))


def _node() -> dict[str, object]:
    return {"num_cpus": 1, "object_store_memory": 100 * 2**20, "include_dashboard": False}


def _break(folder: Path, cluster: object, second: object) -> list[str]:
    """Kill the driver in the middle; let another go on, and take a worker and a node from it."""
    driver = _drive(folder)
    kept = _wait(folder, driver, 1)
    driver.kill()
    driver.wait()
    print(f"driver killed with {len(kept)} of {len(jobs(STUDY, 'quick'))} jobs done")
    driver = _drive(folder)
    _kill_a_worker(driver)
    done = _wait(folder, driver, len(kept) + 1)
    cluster.remove_node(second)  # type: ignore[attr-defined]
    print(f"a node removed with {len(done)} jobs done")
    code = driver.wait(LIMIT_S)
    done = results.read(_file(folder))
    faults = [f"the second driver ended with {code}"] if code else []
    if len(kept) == len(jobs(STUDY, "quick")):
        faults.append("nothing was left to resume")
    if done[: len(kept)] != kept or len({result.job for result in done}) != len(done):
        faults.append("a job that was done ran again")
    if results.missing(jobs(STUDY, "quick"), done):
        faults.append(f"only {len(done)} jobs have results")
    return faults


def _compare(folder: Path) -> list[str]:
    """Run the study here, and return where its numbers differ."""
    run(folder / "local", "local")
    there = {result.job: result.result for result in results.read(_file(folder))}
    here = {result.job: result.result for result in results.read(_file(folder / "local"))}
    return [
        f"{job.name}: other numbers than without Ray"
        for job, result in here.items()
        if job in there and there[job].points != result.points
    ]


def _drive(folder: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-m", "acceptance.ray_cluster", "--drive", folder])


def _wait(folder: Path, driver: "subprocess.Popen[bytes]", count: int) -> list[results.Result]:
    """Wait until `count` jobs are done, or the driver has ended."""
    limit_s = time.monotonic() + LIMIT_S
    while time.monotonic() < limit_s:
        lines = _file(folder).read_text().count("\n") if _file(folder).exists() else 0
        if lines >= count or driver.poll() is not None:
            return results.read(_file(folder))
        time.sleep(0.05)
    raise TimeoutError(f"{count} jobs were not done in {LIMIT_S} s")


def _kill_a_worker(driver: "subprocess.Popen[bytes]") -> None:
    """Kill the first process that runs a job."""
    limit_s = time.monotonic() + LIMIT_S
    while time.monotonic() < limit_s and driver.poll() is None:
        for process in psutil.process_iter(["cmdline"]):
            if process.info["cmdline"] and process.info["cmdline"][0] == "ray::run_there":
                process.send_signal(signal.SIGKILL)
                print(f"worker {process.pid} killed")
                return
        time.sleep(0.05)
    raise TimeoutError("no worker was seen")


def _file(folder: Path) -> Path:
    return folder / "experiment-cluster-quick" / "results.jsonl"


if __name__ == "__main__":
    sys.exit(main())
