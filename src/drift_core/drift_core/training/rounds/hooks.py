"""What a round of training tells and asks while it runs, and how it ends."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from drift_config.errors import DriftError

from drift_core.policy.checkpoint_folder import CheckpointInfo
from drift_core.training.budget import TrainedCorrection
from drift_core.training.report import StepProgress

_LOUD = 3  # refused candidates in a row
_SAY_S = 0.3  # between two texts about one preparation


class NoDataError(DriftError):
    """There is nothing to train on, or nothing to start from."""


class CancelledError(DriftError):
    """The round was given up on request; nothing was written."""


class PausedError(DriftError):
    """The round was broken off on request, and its state saved: the same order goes on from there."""


class WorseError(DriftError):
    """What a round made is worse than it may be, on held-out windows or in attempts; nothing was written."""


@dataclass(frozen=True)
class Backlog:
    """What continuous training has before it; nothing of it is ever dropped."""

    labels: int  # that have not had their share of gradient steps
    steps: int  # owed to them
    behind_s: float  # for which those to new corrections will take, at the present rate
    steps_per_label: float  # that the labels get which wait; fewer where they come too fast


@dataclass(frozen=True)
class Refused:
    """A candidate that is not announced: it is worse on held-out windows than the last version."""

    step: int  # gradient steps of all rounds together
    loss: float  # held-out
    allowed: float
    in_a_row: int  # candidates refused since the last version

    def __str__(self) -> str:
        text = (
            f"the candidate of step {self.step} is not announced: held-out loss {self.loss:.4f}, "
            f"allowed {self.allowed:.4f}"
        )
        if self.in_a_row < _LOUD:
            return text
        return f"{self.in_a_row} CANDIDATES IN A ROW ARE WORSE, the robot keeps its policy: {text}"


@dataclass(frozen=True)
class Hooks:
    """What a round tells, and asks, while it runs."""

    on_text: Callable[[str], None] = lambda text: None  # what is being prepared
    on_warning: Callable[[str], None] = lambda text: None  # what went wrong without ending the round
    on_start: Callable[[int], None] = lambda step: None  # before the first step: gradient steps already done
    on_progress: Callable[[StepProgress], None] = lambda progress: None  # after each gradient step
    on_backlog: Callable[[Backlog], None] = lambda backlog: None  # some times per second, also while waiting
    on_candidate: Callable[["RoundReport"], None] = lambda made: None  # a version on the way
    on_refused: Callable[[Refused], None] = lambda refused: None  # no version, for its loss
    cancelled: Callable[[], bool] = lambda: False  # give the round up
    paused: Callable[[], bool] = lambda: False  # break it off, with its state saved where it has a round_id

    def check(self) -> None:
        """Raise CancelledError if it was asked for."""
        if self.cancelled() or self.paused():
            raise CancelledError("cancelled before the first step")

    def counting(self, what: str) -> Callable[[int, int], None]:
        """Return what is told "n of N" before each piece of a long job; says it, a few times per second.

        Whoever watches a round takes one that says nothing for long for hung.
        """
        said_s = -math.inf

        def tell(done: int, total: int) -> None:
            nonlocal said_s
            now_s = time.monotonic()
            if now_s - said_s >= _SAY_S:
                said_s = now_s
                self.on_text(f"{what}: {done} of {total}")

        return tell


@dataclass(frozen=True)
class RoundReport:
    """What a round made."""

    path: Path
    sha256: str
    info: CheckpointInfo
    held_out_terms: dict[str, float]  # of the held-out loss by name; none when nothing is held out
    episodes: int  # trained on
    expert_labels: int  # in the whole store
    idle_labels: int  # of them, at which the expert stood still
    left_out: dict[str, str]  # episodes that could not be trained on, with the reason
    remarks: dict[str, str]  # what is lost of others
    corrections: tuple[TrainedCorrection, ...]  # in these weights
    loss_on: dict[str, float]  # "new" and "old" data that it was trained on, of a stream
