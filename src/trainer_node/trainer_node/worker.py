"""The training worker: an ordinary program that trains round after round: `python -m trainer_node.worker`.

Commands come as JSON lines on stdin, events go as JSON lines to stdout (`worker_messages`). It ends when told
to, and when stdin ends because its parent is gone. Killed at any moment it leaves whole files only, and goes
on with the round when it is given the same round_id again.
"""

import argparse
import json
import math
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import IO

import torch
from drift_config.errors import ConfigError, DriftError
from drift_control.robot.robot import load_robot
from drift_core.episodes import EpisodeStore
from drift_core.errors import CheckpointError
from drift_core.policy.checkpoint_folder import CheckpointInfo
from drift_core.policy.rollback import ROLLED_BACK
from drift_core.task import load_task
from drift_core.training.config import load_train_file
from drift_core.training.rounds import (
    Backlog,
    CancelledError,
    Hooks,
    NoDataError,
    Refused,
    RoundReport,
    Rounds,
    check_round_kind,
    train_round,
)
from drift_core.training.trainer import DivergedError, StepProgress

from trainer_node.scalars import Scalars
from trainer_node.worker_messages import (
    Announced,
    Cancel,
    Event,
    Failed,
    Failure,
    Fatal,
    Finished,
    Preparing,
    ProgressMessage,
    Quit,
    Ready,
    TrainRequest,
    Waiting,
    Warned,
    WorkerJob,
    command_from_line,
    event_to_line,
)

_REPORT_S = 0.4  # between two progress events
_EXIT_CONFIG = 2
_EXIT_ORPHAN = 3


class TrainingWorker:
    """Carry out one request after the other; a second thread listens for Cancel and Quit meanwhile."""

    def __init__(self, rounds: Rounds, scalars: Scalars, commands: IO[str], events: IO[str]) -> None:
        self._rounds, self._scalars = rounds, scalars
        self._commands, self._events = commands, events
        self._requests: queue.SimpleQueue[TrainRequest | None] = queue.SimpleQueue()
        self._announced = 0  # newest version that was said
        self._cancelled = threading.Event()
        self._quitting = threading.Event()

    def run(self) -> None:
        """Work until told to quit."""
        threading.Thread(target=self._listen, daemon=True, name="commands").start()
        self._announce_newest()
        self._say(Ready(os.getpid()))
        while (request := self._requests.get()) is not None:
            self._work(request)

    def _listen(self) -> None:
        for line in self._commands:
            try:
                command = command_from_line(line)
            except ValueError as error:
                print(f"worker: {error}", file=sys.stderr, flush=True)
                continue
            match command:
                case TrainRequest():
                    self._cancelled.clear()
                    self._requests.put(command)
                case Cancel():
                    self._cancelled.set()
                case Quit():
                    break
        self._quitting.set()
        self._requests.put(None)

    def _work(self, request: TrainRequest) -> None:
        report = _Report(request, self._say, self._scalars)
        hooks = Hooks(
            on_text=lambda text: self._say(Preparing(text)),
            on_warning=lambda text: self._say(Warned(text)),
            on_start=report.on_start,
            on_progress=report.on_step,
            on_backlog=report.on_backlog,
            on_candidate=self._announce,
            on_refused=report.on_refused,
            cancelled=lambda: self._cancelled.is_set() or self._quitting.is_set(),
        )
        try:
            check_round_kind(request.kind)
        except ConfigError as error:
            self._say(Failed(request.round_id, Failure.UNKNOWN_KIND, str(error)))
            return
        try:
            made = train_round(self._rounds, request.kind, hooks, request.steps, request.round_id)
        except NoDataError as error:
            self._say(Failed(request.round_id, Failure.NO_DATA, str(error)))
        except CancelledError as error:
            self._say(Failed(request.round_id, Failure.CANCELLED, str(error)))
        except DivergedError as error:
            self._say(Failed(request.round_id, Failure.DIVERGED, str(error)))
        except DriftError as error:
            self._say(Failed(request.round_id, Failure.ERROR, str(error)))
        except OSError as error:
            self._say(Failed(request.round_id, Failure.NOT_WRITTEN, str(error)))
        else:
            self._announce(made)
            self._say(Finished(request.round_id, made.episodes, made.expert_labels, made.idle_labels))

    def _announce(self, made: RoundReport) -> None:
        """Say a version once: continuous training ends with one that was said on the way."""
        if made.info.version == self._announced:
            return
        self._announced = made.info.version
        self._say(_announced(made.path, made.sha256, made.info))
        self._scalars.round(made)

    def _announce_newest(self) -> None:
        try:
            newest = self._rounds.newest()
        except CheckpointError as error:
            print(f"worker: {error}", file=sys.stderr, flush=True)
            return
        if newest is not None:
            path, loaded = newest
            self._announced = loaded.info.version
            self._say(_announced(path, loaded.sha256, loaded.info))

    def _say(self, event: Event) -> None:
        try:
            self._events.write(f"{event_to_line(event)}\n")
            self._events.flush()
        except BrokenPipeError:  # the parent is gone, and nobody to train for
            os._exit(_EXIT_ORPHAN)


class _Report:
    """Turn gradient steps into progress events, a few per second."""

    def __init__(self, request: TrainRequest, say: Callable[[Event], None], scalars: Scalars) -> None:
        self._request, self._say, self._scalars = request, say, scalars
        self._before = 0  # gradient steps that the policy had behind it
        self._at = 0  # those of this round
        self._said_s = time.monotonic()
        self._said_step: int | None = None

    def on_start(self, step: int) -> None:
        self._before = step

    def on_backlog(self, backlog: Backlog) -> None:
        self._scalars.backlog(backlog, self._before + self._at)
        self._say(Waiting(self._request.round_id, **asdict(backlog)))

    def on_refused(self, refused: Refused) -> None:
        self._scalars.refused(refused)
        self._say(Warned(str(refused)))

    def on_step(self, at: StepProgress) -> None:
        now_s, self._at = time.monotonic(), at.round_step
        first = self._said_step is None
        if not first and now_s - self._said_s < _REPORT_S and at.round_step < at.round_steps:
            return
        passed_s = at.step_s if first else now_s - self._said_s
        steps_per_s = (1 if first else at.round_step - self._said_step) / max(passed_s, 1e-9)
        self._said_s, self._said_step = now_s, at.round_step
        self._scalars.step(at, self._before + at.round_step, steps_per_s)
        self._say(
            ProgressMessage(
                round_id=self._request.round_id,
                step=at.round_step,
                total_steps=at.round_steps,
                loss=at.loss,
                rank=at.rank,
                effective_rank=at.effective_rank,
                steps_per_s=steps_per_s,
                eta_s=(at.round_steps - at.round_step) / steps_per_s,
            )
        )


def _announced(path: Path, sha256: str, info: CheckpointInfo) -> Announced:
    return Announced(
        path=str(path.resolve()),
        sha256=sha256,
        version=info.version,
        parent=info.parent,
        rank=info.rank,
        effective_rank=info.effective_rank,
        loss=math.nan if info.loss is None else info.loss,
        step=info.step,
        reason=info.reason,
        created_s=info.created_s,
    )


def make_rounds(job: WorkerJob) -> Rounds:
    """Return what trains for `job`; DriftError or ConfigError when a file of it is wrong."""
    task = load_task(job.task_file)
    return Rounds(
        arm=None if task.action_space == "point" else load_robot(Path(job.robot_file)),
        task=task,
        train_file=load_train_file(job.train_file),
        store=EpisodeStore(job.episode_folder),
        checkpoint_folder=Path(job.checkpoint_folder),
        device=job.device,
        seed=job.seed,
        threads=job.threads,
        save_every_s=job.save_every_s,
    )


def clean_checkpoints(folder: Path) -> None:
    """Delete what a killed worker has left half written; ROLLED_BACK is written by the policy node."""
    for left_over in folder.glob(".*.tmp"):
        if not left_over.name.startswith(f".{ROLLED_BACK}."):
            left_over.unlink(missing_ok=True)


def main() -> None:
    """Read the job from the command line and work."""
    # Ctrl-C reaches the whole group, but the parent says when to end
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parser = argparse.ArgumentParser(description="train a diffusion policy, round after round")
    parser.add_argument("--job", required=True, help="a WorkerJob as JSON")
    job = WorkerJob(**json.loads(parser.parse_args().job))
    os.nice(job.niceness)
    # stdout belongs to the events: what a library prints goes to stderr
    events = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    try:
        rounds = make_rounds(job)
    except (ValueError, OSError, DriftError) as error:
        events.write(f"{event_to_line(Fatal(str(error)))}\n")
        events.flush()
        sys.exit(_EXIT_CONFIG)
    torch.set_num_threads(rounds.threads)
    clean_checkpoints(Path(job.checkpoint_folder))
    with Scalars(Path(job.log_folder)) as scalars:
        TrainingWorker(rounds, scalars, sys.stdin, events).run()


if __name__ == "__main__":
    main()
