"""Training on one episode store, round after round; each kind of round is a file.

Each round writes one checkpoint, the stream of kind "continuous" one after the other; the next one starts
from the one that LATEST names. Without ROS and
without processes, so that the worker, the command line and experiments run the very same thing.
"""

from typing import Protocol

from drift_config.errors import ConfigError

from drift_core.training.rounds import b2, continuous, dsrl, offline, online, preferences
from drift_core.training.rounds.hooks import (
    Backlog,
    CancelledError,
    Hooks,
    NoDataError,
    PausedError,
    Refused,
    RoundReport,
    WorseError,
)
from drift_core.training.rounds.shared import RoundOrder, Rounds

__all__ = [
    "ROUND_KINDS",
    "Backlog",
    "CancelledError",
    "Hooks",
    "NoDataError",
    "PausedError",
    "Refused",
    "RoundKind",
    "RoundReport",
    "Rounds",
    "WorseError",
    "check_round_kind",
    "train_round",
]


class RoundKind(Protocol):
    """What the file of a kind of round offers."""

    def train(self, rounds: Rounds, order: RoundOrder, hooks: Hooks) -> RoundReport:
        """Train one round and save what it made; a DriftError says why there is nothing to save."""


ROUND_KINDS: dict[str, RoundKind] = {
    "offline": offline,
    "online": online,
    "continuous": continuous,
    "preferences": preferences,
    "dsrl": dsrl,
    "b2": b2,
}


def check_round_kind(kind: str) -> None:
    """Refuse a name that is no kind of round; ConfigError."""
    if kind not in ROUND_KINDS:
        raise ConfigError(f"kind={kind!r} must be one of: {', '.join(ROUND_KINDS)}")


def train_round(
    rounds: Rounds, kind: str, hooks: Hooks | None = None, steps: int = 0, round_id: str = ""
) -> RoundReport:
    """Train one round of `kind`; ConfigError if there is none of that name.

    `steps` 0: as configured. With a `round_id` the state is saved on the way, and a second call with the same
    one goes on from there, to the bit; `Rounds.round_id` gives one that is the same for the same work.
    """
    check_round_kind(kind)
    return ROUND_KINDS[kind].train(rounds, RoundOrder(steps, round_id), hooks or Hooks())
