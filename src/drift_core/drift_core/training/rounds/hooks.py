"""What a round of training tells and asks while it runs, and how it ends."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from drift_config.errors import DriftError

from drift_core.policy.checkpoint import CheckpointInfo
from drift_core.training.report import StepProgress

_SAY_S = 0.3  # between two texts about one preparation


class NoDataError(DriftError):
    """There is nothing to train on, or nothing to start from."""


class CancelledError(DriftError):
    """The round was given up on request; nothing was written."""


class PausedError(DriftError):
    """The round was broken off on request, and its state saved: the same order goes on from there."""


@dataclass(frozen=True)
class Hooks:
    """What a round tells, and asks, while it runs."""

    on_text: Callable[[str], None] = lambda text: None  # what is being prepared
    on_warning: Callable[[str], None] = lambda text: None  # what went wrong without ending the round
    on_start: Callable[[int], None] = lambda step: None  # before the first step: gradient steps already done
    on_progress: Callable[[StepProgress], None] = lambda progress: None  # after each gradient step
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
