"""What the trainer node and its training worker say to each other: one JSON object per line, both ways."""

import json
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any, get_args


class Failure(StrEnum):
    """Why a request ended without a checkpoint."""

    UNKNOWN_KIND = "unknown_kind"  # there is no such kind of round; nothing was begun
    NO_DATA = "no_data"  # not one expert label in the episode store
    DIVERGED = "diverged"  # the loss is no longer finite; nothing was written
    CANCELLED = "cancelled"
    WORKER_DIED = "worker_died"  # and could not be brought back
    NOT_WRITTEN = "not_written"  # the checkpoint cannot be written, for example to a full disk
    ERROR = "error"  # bad configuration or data: see the text


@dataclass(frozen=True)
class WorkerJob:
    """All that one worker needs to know for its whole life."""

    robot_file: str
    task_file: str
    train_file: str
    episode_folder: str
    checkpoint_folder: str
    log_folder: str  # TensorBoard scalars go here
    device: str  # as torch understands it: "cpu", "cuda"
    seed: int
    threads: int  # of torch; 0: as the train_file says
    save_every_s: float  # state of the running round, to go on from after a crash
    niceness: int  # added to the process's niceness


@dataclass(frozen=True)
class TrainRequest:
    """One training round. The same `round_id` again means: go on from the last saved state of that round."""

    round_id: str
    kind: str  # a key of drift_core.training.rounds.ROUND_KINDS
    steps: int = 0  # gradient steps; 0: as configured


@dataclass(frozen=True)
class Ready:
    """The worker has started and waits for requests."""

    pid: int


@dataclass(frozen=True)
class Preparing:
    """Reading episodes, cutting windows, caching features."""

    text: str


@dataclass(frozen=True)
class Warned:
    """Something went wrong that does not end the round: an episode was left out, a state was not saved."""

    text: str


@dataclass(frozen=True)
class ProgressMessage:
    """Where a round stands; at least twice a second while training."""

    round_id: str
    step: int
    total_steps: int
    loss: float
    rank: float  # fraction of the maximum, (0, 1]
    effective_rank: float  # the same after rounding layers above break-even up to full
    steps_per_s: float
    eta_s: float


@dataclass(frozen=True)
class Waiting:
    """What continuous training has before it; a few times per second, also while there is nothing."""

    round_id: str
    labels: int = 0  # that have not had their share of gradient steps
    steps: int = 0  # owed to them
    behind_s: float = 0.0  # for which those to new corrections will take
    steps_per_label: float = 0.0  # that the labels get which wait


@dataclass(frozen=True)
class Announced:
    """A new checkpoint, and the newest one at start. Fields as in Checkpoint.msg."""

    path: str
    sha256: str
    version: int
    parent: int
    rank: float
    effective_rank: float
    loss: float  # held-out denoising loss, NaN: nothing was held out
    step: int  # gradient steps of all rounds together
    reason: str  # "offline", "online round 2"
    created_s: float  # system time


@dataclass(frozen=True)
class Finished:
    """A round ended well; its checkpoint was Announced before."""

    round_id: str
    episodes: int  # episodes trained on
    expert_labels: int  # windows with a valid first label in the whole store
    idle_labels: int  # of them, at which the expert stood still


@dataclass(frozen=True)
class Failed:
    """A round ended without a checkpoint."""

    round_id: str
    failure: Failure
    text: str


@dataclass(frozen=True)
class Fatal:
    """The worker cannot work with its job and ends; starting it again would not help."""

    text: str


Event = Ready | Preparing | Warned | ProgressMessage | Waiting | Announced | Finished | Failed | Fatal
_EVENTS: dict[str, type] = {event.__name__.lower(): event for event in get_args(Event)}


@dataclass(frozen=True)
class Cancel:
    """Give the running round up; nothing is written, but continuous training ends with its last version."""


@dataclass(frozen=True)
class Quit:
    """End the worker."""


Command = TrainRequest | Cancel | Quit
_COMMANDS: dict[str, type] = {"train": TrainRequest, "cancel": Cancel, "quit": Quit}


def event_to_line(event: Event) -> str:
    """Return `event` as one line of JSON without the line end."""
    return json.dumps({"event": type(event).__name__.lower(), **asdict(event)})


def event_from_line(line: str) -> Event:
    """Return the event in `line`; ValueError when it is none."""
    return _from_line(line, "event", _EVENTS)


def command_to_line(command: Command) -> str:
    """Return `command` as one line of JSON without the line end."""
    name = next(name for name, kind in _COMMANDS.items() if isinstance(command, kind))
    return json.dumps({"command": name, **asdict(command)})


def command_from_line(line: str) -> Command:
    """Return the command in `line`; ValueError when it is none."""
    return _from_line(line, "command", _COMMANDS)


def _from_line(line: str, key: str, kinds: dict[str, type]) -> Any:
    fields = json.loads(line)  # a JSONDecodeError is a ValueError
    if not isinstance(fields, dict) or fields.get(key) not in kinds:
        raise ValueError(f"{key}={line.strip()[:200]!r} must name one of: {', '.join(sorted(kinds))}")
    kind = kinds[fields.pop(key)]
    try:
        message = kind(**fields)
    except TypeError as error:
        raise ValueError(f"{key} line {line.strip()[:200]!r}: {error}") from error
    if isinstance(message, Failed):
        return replace(message, failure=Failure(message.failure))
    return message
