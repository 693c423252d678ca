"""Jobs on the machines of a Ray cluster; each is one task of one core, tried again where its worker is lost.

RAY_ADDRESS names the cluster; without it there is one of this machine. Jobs and results travel as JSON.
"""

import json
import os
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path

import ray
from drift_config.loader import parse
from ray.exceptions import RayError

from drift.errors import StackError
from drift.experiment.engine import Outcome, Ran, run_here
from drift.experiment.results import this_commit
from drift.experiment.study import Job

TRIES = 3  # further ones, of a job whose worker or machine was lost
LOOK_S = 10.0  # between two looks at whether there is still a machine
_STORE_BYTES = 200 * 2**20  # shared memory of a cluster of this machine: results are small


class RayEngine:
    """A Ray cluster."""

    def __init__(self) -> None:
        """Connect, or begin one; StackError where there is no answer."""
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            if "RAY_ADDRESS" in os.environ:
                ray.init(log_to_driver=False)
            else:
                ray.init(include_dashboard=False, object_store_memory=_STORE_BYTES, log_to_driver=False)
        except (ConnectionError, RayError, RuntimeError) as error:
            address = os.environ.get("RAY_ADDRESS", "none")
            raise StackError(f"RAY_ADDRESS={address}: no Ray cluster answers: {_first_line(error)}") from None

    @property
    def processes(self) -> int:
        """Cores of the cluster now."""
        return int(ray.cluster_resources().get("CPU", 0))

    def run(self, jobs: Iterable[tuple[Job, Path]], on_done: Callable[[Job, Outcome], None]) -> None:
        """Run them; Ctrl-C and errors of `on_done` end those that run. StackError: no machine is left."""
        remote = ray.remote(num_cpus=1, max_retries=TRIES)(run_there)
        commit, _ = this_commit()
        running = {remote.remote(json.dumps(asdict(job)), str(folder), commit): job for job, folder in jobs}
        try:
            while running:
                ready, _ = ray.wait(list(running), timeout=LOOK_S)
                for reference in ready:
                    on_done(running.pop(reference), _outcome(reference))
                # a task for which there is no machine would wait for ever, and nothing would say so
                if not ready and not self.processes:
                    raise StackError(f"no machine of the Ray cluster is left, {len(running)} jobs wait")
        except BaseException:
            for reference in running:
                ray.cancel(reference, force=True)
            raise


def run_there(job: str, folder: str, commit: str) -> str:
    """Run a job on a machine of the cluster: all of it as JSON, also what it gives."""
    here, _ = this_commit()
    if here != commit:
        return json.dumps(f"commit={here or 'none'} on {os.uname().nodename} must be {commit or 'none'}")
    outcome = run_here(parse(json.loads(job), Job, "a job for the cluster"), Path(folder))
    return json.dumps(outcome if isinstance(outcome, str) else asdict(outcome), allow_nan=False)


def _outcome(reference: "ray.ObjectRef[str]") -> Outcome:
    try:
        said = json.loads(ray.get(reference))
    except RayError as error:
        return _first_line(error)
    return said if isinstance(said, str) else parse(said, Ran, "a result of the cluster")


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
