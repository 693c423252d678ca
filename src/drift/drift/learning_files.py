"""Check what learning reads, a recipe and what the run holds, in a process of its own: `python -m
drift.learning_files RECIPE RUN ROBOT TASK`.

A recipe names networks, and with them torch, which `drift up` would else keep for as long as it runs.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from drift_config.errors import ConfigError, DriftError

from drift.run_folder import RunFolder

_REFUSED = 2


@contextmanager
def checked_beside(train_file: Path, run: RunFolder, robot: str, task: str) -> Iterator[None]:
    """Check while the block runs; ConfigError after it. Where torch is loaded already, at once."""
    if "torch" in sys.modules:
        check(train_file, run, robot, task)
        yield
        return
    command = [sys.executable, "-m", __name__, str(train_file), str(run.path), robot, task]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield
            text = process.communicate()[1]
        except BaseException:
            process.kill()
            raise
    if process.returncode == _REFUSED:
        raise ConfigError(text.rstrip("\n"))
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: exit code {process.returncode}\n{text}")


def check(train_file: Path, run: RunFolder, robot: str, task: str) -> None:
    """Refuse a faulty recipe, and a run whose newest episode or checkpoint is of another robot or task."""
    from drift_core.episodes import EpisodeStore
    from drift_core.errors import CheckpointError, DataError
    from drift_core.policy.checkpoint_folder import read_info, read_latest
    from drift_core.training.config import load_train_file

    load_train_file(train_file)
    store, found = EpisodeStore(run.episodes), []
    try:
        found += [("episodes", meta.robot, meta.task) for meta in map(store.meta, store.ids()[-1:])]
        if latest := read_latest(run.checkpoints):
            info = read_info(run.checkpoints / latest.file)
            found.append(("checkpoint", info.robot, info.task))
    except (DataError, CheckpointError):
        pass  # what is damaged the nodes name, and do without
    for what, of_robot, of_task in found:
        if (of_robot, of_task) != (robot, task):
            raise ConfigError(
                f"run={run.path} has {what} of robot={of_robot} task={of_task} and cannot go on with "
                f"robot={robot} task={task}: name another run, or none for a new one"
            )


def main() -> None:
    """Check; what is refused is said on standard error, with exit code 2."""
    train_file, run, robot, task = sys.argv[1:]
    try:
        check(Path(train_file), RunFolder(Path(run)), robot, task)
    except DriftError as error:
        print(error, file=sys.stderr)
        sys.exit(_REFUSED)


if __name__ == "__main__":
    main()
