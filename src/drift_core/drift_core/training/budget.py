"""How many gradient steps each correction is owed, and how much of them the averaged weights contain.

A correction of n labels is owed k n steps. Steps are made only while some are owed, in the order in which the
corrections came, so that a robot that stands still does not overfit. Whatever is drawn into their batches,
a step belongs to the first correction that is owed one.

The averaged weights after step t are E_t = d_t E_(t-1) + (1 - d_t) W_t. What step j did is in every W_i from
i = j on, so the share of it in E_t is 1 - d_j d_(j+1) ... d_t. Summed over the steps of a correction,

    share = (made - pending) / (k n),   pending <- d_t (pending + 1 if step t is its own, else 0)

It counts as trained on from a share of 1/2 on. The memory 1 / (1 - d) is a part s of the steps that were owed
when the newest labels came. When they are all made, the share of a single correction is
1 - s (1 - e^(-1/s)), .75 for s = 1/4, however few or many labels it has.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from drift_core.data.training_data import Correction

TRAINED_ON = 0.5  # share from which a correction counts as trained on
_NOTHING = 1e-6  # of a step

Key = tuple[str, int]  # episode and take-over
Labels = Mapping[Key, float]  # how many of each correction


@dataclass(eq=False)
class _Entry:
    """One correction."""

    labels: int
    ended_s: float
    made: float = 0.0  # steps
    pending: float = 0.0  # of them, those that are not in the averaged weights yet


@dataclass(frozen=True)
class TrainedCorrection:
    """What a set of weights has of a correction."""

    episode_id: str
    intervention_id: int
    labels: int
    ended_s: float  # stamp of its last control step, ROS time
    share: float  # of the steps that it is owed, in these weights

    @property
    def trained_on(self) -> bool:
        """Whether that is enough to say so."""
        return self.share >= TRAINED_ON


class Budget:
    """The steps that corrections are owed."""

    def __init__(self, steps_per_label: float, ema_share: float) -> None:
        self._steps_per_label, self._ema_share = steps_per_label, ema_share
        self._entries: dict[Key, _Entry] = {}  # in the order in which they came
        self._queue: list[_Entry] = []  # those that are owed steps
        self._averaging: list[_Entry] = []  # those with steps that are pending
        self.decay = 0.0  # of the averages

    @property
    def owed(self) -> int:
        """Steps that may be made."""
        return sum(self._owed(entry) for entry in self._queue)

    @property
    def waiting_labels(self) -> int:
        """Labels that have not had their share."""
        return math.ceil(self.owed / self._steps_per_label)

    def update(self, corrections: Iterable[Correction], had: Labels | None = None) -> int:
        """Take the corrections that there are now; return how many labels are new.

        Steps that were made stay made: only labels beyond those known are owed more. One that is not there
        any more is owed nothing. `had`: labels that have had their steps before.
        """
        before, known = self.owed, self._entries
        self._entries, new = {}, 0
        there = {(found.episode_id, found.intervention_id): found for found in corrections}
        for key in [*(key for key in known if key in there), *(key for key in there if key not in known)]:
            found = there[key]
            made = (had or {}).get(key, 0.0) * self._steps_per_label
            entry = known.get(key) or _Entry(0, found.ended_s, made)
            new += max(found.labels - entry.labels, 0)
            entry.labels, entry.ended_s = found.labels, found.ended_s
            self._entries[key] = entry
        self._sort()
        if self.owed > before:
            self.decay = 1.0 - 1.0 / max(self._ema_share * self.owed, 1.0)
        return new

    def step(self, decay: float) -> None:
        """Count a step after which the averages were taken with `decay`."""
        while self._queue and not self._owed(self._queue[0]):
            self._queue.pop(0)
        if self._queue:
            owner = self._queue[0]
            owner.made += 1.0
            if owner not in self._averaging:
                self._averaging.append(owner)
            owner.pending += 1.0
        for entry in self._averaging:
            entry.pending *= decay
        self._averaging = [entry for entry in self._averaging if entry.pending > _NOTHING]

    def averages_restarted(self) -> None:
        """The averages were begun anew at the present weights, which contain all steps."""
        for entry in self._averaging:
            entry.pending = 0.0
        self._averaging = []

    def shares(self) -> list[TrainedCorrection]:
        """Return what the averaged weights have of each correction."""
        return [
            TrainedCorrection(*key, entry.labels, entry.ended_s, self._share(entry))
            for key, entry in self._entries.items()
        ]

    def state(self) -> dict[str, Any]:
        """Return plain data from which `load_state` goes on."""
        entries = [[*key, asdict(entry)] for key, entry in self._entries.items()]
        return {"decay": self.decay, "entries": entries}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state`."""
        self.decay = state["decay"]
        self._entries = {(episode, number): _Entry(**entry) for episode, number, entry in state["entries"]}
        self._sort()

    def _sort(self) -> None:
        self._queue = [entry for entry in self._entries.values() if self._owed(entry)]
        self._averaging = [entry for entry in self._entries.values() if entry.pending]

    def _owed(self, entry: _Entry) -> int:
        return max(math.ceil(self._steps_per_label * entry.labels - entry.made), 0)

    def _share(self, entry: _Entry) -> float:
        owed = self._steps_per_label * entry.labels
        return min(max((entry.made - entry.pending) / owed, 0.0), 1.0) if owed else 1.0
