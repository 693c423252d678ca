"""How many gradient steps each correction is owed, and how much of them the averaged weights contain.

A correction of n labels has a budget of b = k n steps. Steps are made only while some are owed, so that a
robot that stands still does not overfit: first to the corrections that came while the stream ran, in their
order, then to what was there before. Whatever is drawn into their batches, a step belongs to the first
correction that is owed one. Where more steps are owed to the new ones than can be made in time, what is left
of their budgets falls, in proportion, so that nobody waits long. The steps that are taken from them come
later, when no new correction waits, if need be in the next stream: each version says what it has of them all.

The averaged weights after step t are E_t = d_t E_(t-1) + (1 - d_t) W_t. What step j did is in every W_i from
i = j on, so the share of it in E_t is 1 - d_j d_(j+1) ... d_t. Summed over the steps of a correction,

    share = (made - pending) / b,   pending <- d_t (pending + 1 if step t is its own, else 0)

It counts as trained on from a share of 1/2 on. The memory 1 / (1 - d) is a part s of the steps that were owed
when the newest labels came, and falls with what is still owed, down to s of the budget of the correction
whose step it is. As pending <= 1 / (1 - d), the share of a correction is at least 1 - s when its steps are
made, also of a short one that came last; of a single one it is 1 - s (1 - e^(-1/s)), .75 for s = 1/4.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # it loads torch, and who only reads what a version holds needs none
    from drift_core.data.training_data import Correction

TRAINED_ON = 0.5  # share from which a correction counts as trained on
_NOTHING = 1e-6  # of a step
_SLACK = 1.5

Key = tuple[str, int]  # episode and take-over
Labels = Mapping[Key, float]  # how many of each correction


@dataclass(eq=False)
class _Entry:
    """One correction."""

    labels: int
    ended_s: float
    live: bool  # came while the stream ran
    fresh: bool  # goes first: live, and not yet trained on as far as its budget goes
    budget: float = 0.0  # of steps, of which the share is taken
    later: float = 0.0  # steps beyond, once it is no longer fresh
    made: float = 0.0  # of them
    pending: float = 0.0  # of them, those that are not in the averaged weights yet


@dataclass(frozen=True)
class TrainedCorrection:
    """What a set of weights has of a correction."""

    episode_id: str
    intervention_id: int
    labels: int
    ended_s: float  # stamp of its last control step, ROS time
    share: float  # of the steps that it is owed, in these weights
    done: float | None = None  # ... of all its steps, also of those that were put off; None: none were

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
        self._memory = 1.0  # of the averages, at most [steps]

    @property
    def owed(self) -> int:
        """Steps that may be made."""
        return sum(_owed(entry) for entry in self._queue)

    @property
    def owed_to_next(self) -> int:
        """Of these, steps of the correction to which the next one belongs."""
        return next((_owed(entry) for entry in self._queue if _owed(entry)), 0)

    @property
    def decay(self) -> float:
        """Of the averages, for the next `owed_to_next` steps."""
        owner = next((entry for entry in self._queue if _owed(entry)), None)
        if owner is None:
            return _decay(self._memory)
        own = owner.budget + (0.0 if owner.fresh else owner.later)
        return _decay(min(self._memory, self._ema_share * max(self.owed_to_new or self.owed, own)))

    @property
    def came(self) -> set[Key]:
        """The corrections that came while the stream ran."""
        return {key for key, entry in self._entries.items() if entry.live}

    @property
    def owed_to_new(self) -> int:
        """Of these, steps that go first: for what came while the stream ran."""
        return sum(_owed(entry) for entry in self._queue if entry.fresh)

    @property
    def waiting(self) -> set[Key]:
        """The corrections that are owed steps: the new ones, or, without any, the others."""
        owed = {key: entry.fresh for key, entry in self._entries.items() if _owed(entry)}
        return {key for key, fresh in owed.items() if fresh} or set(owed)

    @property
    def waiting_labels(self) -> int:
        """Labels that have not had their share."""
        waiting = (entry for entry in self._queue if _owed(entry))
        return math.ceil(
            sum(min(entry.labels * _owed(entry) / entry.budget, entry.labels) for entry in waiting)
        )

    @property
    def steps_per_label(self) -> float:
        """What a new label that waits gets in time; what it should get where none waits."""
        waiting = [entry for entry in self._queue if entry.fresh and _owed(entry)]
        if not waiting:
            return self._steps_per_label
        return sum(entry.budget for entry in waiting) / sum(entry.labels for entry in waiting)

    def begin(self, corrections: Iterable["Correction"], had: Labels, began_s: float = math.inf) -> None:
        """Take the corrections that the stream finds; `had`: labels of them that have had their steps.

        Those that ended after `began_s` (ROS time) came while the stream ran: it takes seconds to start.
        """
        if self._take(corrections, had, began_s):
            self._remember_all()

    def update(self, corrections: Iterable["Correction"], most: float = math.inf) -> int:
        """Take the corrections that there are now; return how many labels are new.

        Steps that were made stay made: only labels beyond those known are owed more. One that is not there
        any more is owed nothing. `most`: steps that may be owed to what came while the stream ran; without
        new labels a little more, as `most` is no exact number.
        """
        new = self._take(corrections, {}, -math.inf)
        fresh, owed = [entry for entry in self._queue if entry.fresh], self.owed_to_new
        if owed > (most if new else _SLACK * most):
            for entry in fresh:
                late = (entry.budget - entry.made) * (1.0 - most / owed)
                entry.budget, entry.later = entry.budget - late, entry.later + late
        if new:
            self._remember_all()
        elif not owed:
            self._take_up_later()
        return new

    def step(self, decay: float) -> None:
        """Count a step after which the averages were taken with `decay`."""
        while self._queue and not _owed(self._queue[0]):
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
            TrainedCorrection(*key, entry.labels, entry.ended_s, _share(entry), _done(entry))
            for key, entry in self._entries.items()
        ]

    def state(self) -> dict[str, Any]:
        """Return plain data from which `load_state` goes on."""
        entries = [[*key, asdict(entry)] for key, entry in self._entries.items()]
        return {"memory": self._memory, "entries": entries}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state`."""
        self._memory = state["memory"]
        self._entries = {(episode, number): _Entry(**entry) for episode, number, entry in state["entries"]}
        self._sort()

    def _take(self, corrections: Iterable["Correction"], had: Labels, began_s: float) -> int:
        known, new = self._entries, 0
        self._entries = {}
        there = {(found.episode_id, found.intervention_id): found for found in corrections}
        for key in [*(key for key in known if key in there), *(key for key in there if key not in known)]:
            found, each = there[key], self._steps_per_label
            live, made = found.ended_s > began_s, each * had.get(key, 0.0)
            entry = known.get(key) or _Entry(0, found.ended_s, live, live, made=made)
            added = found.labels - entry.labels
            new += max(added, 0)
            entry.budget = min(entry.budget + each * max(added, 0), each * found.labels)
            entry.later = min(entry.later, each * found.labels - entry.budget)
            entry.labels, entry.ended_s = found.labels, found.ended_s
            self._entries[key] = entry
        self._sort()
        return new

    def _remember_all(self) -> None:
        """Let the averages reach back over a part of what is owed now to new corrections, if anything is."""
        self._memory = self._ema_share * (self.owed_to_new or self.owed)

    def _take_up_later(self) -> None:
        """Owe the steps that were put off, to what is no longer new."""
        late = [entry for entry in self._entries.values() if entry.fresh and entry.later]
        for entry in late:
            entry.fresh = False
        if late:
            self._sort()
            self._remember_all()

    def _sort(self) -> None:
        waiting = [entry for entry in self._entries.values() if _owed(entry)]
        self._queue = sorted(waiting, key=lambda entry: not entry.fresh)
        self._averaging = [entry for entry in self._entries.values() if entry.pending]


def _owed(entry: _Entry) -> int:
    return max(math.ceil(entry.budget + (0.0 if entry.fresh else entry.later) - entry.made), 0)


def _decay(memory: float) -> float:
    return 1.0 - 1.0 / max(memory, 1.0)


def _share(entry: _Entry) -> float:
    return min(max((entry.made - entry.pending) / entry.budget, 0.0), 1.0) if entry.budget else 1.0


def _done(entry: _Entry) -> float | None:
    if not entry.later:
        return None
    return min(max((entry.made - entry.pending) / (entry.budget + entry.later), 0.0), 1.0)
