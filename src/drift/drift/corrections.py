"""When each correction of a session was trained on, and when it drove."""

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol


class Trained(Protocol):
    """What a version has of a correction, as in drift_core.training.budget, which needs torch."""

    @property
    def episode_id(self) -> str: ...

    @property
    def intervention_id(self) -> int: ...

    @property
    def labels(self) -> int: ...

    @property
    def ended_s(self) -> float: ...

    @property
    def share(self) -> float: ...

    @property
    def trained_on(self) -> bool: ...


@dataclass
class CorrectionRow:
    """One correction; times are ROS time [s], None: not yet."""

    episode_id: str
    intervention_id: int
    labels: int
    ended_s: float
    share: float  # of its steps, in the newest version
    version: int | None = None  # the first that holds at least half of its steps
    trained_s: float | None = None  # when that was announced
    drove_s: float | None = None  # when the policy first drove with that version or a later one

    def __str__(self) -> str:
        name = f"correction {self.intervention_id} of {self.episode_id}, {self.labels} labels"
        if self.trained_s is None:
            return f"{name}: not trained on yet ({self.share:.0%} of its steps)"
        trained = f"{name}: in version {self.version} after {self.trained_s - self.ended_s:.1f} s"
        if self.drove_s is None:
            return f"{trained}, has not driven yet"
        return f"{trained}, drove after {self.drove_s - self.ended_s:.1f} s"


class CorrectionLog:
    """The corrections that end after `begun_s`, and the versions that are announced from then on."""

    def __init__(self, begun_s: float) -> None:
        self._begun_s = begun_s
        self._rows: dict[tuple[str, int], CorrectionRow] = {}
        self._versions = 0
        self.loss_on: dict[str, float] = {}  # "new" and "old" data, of the newest version that tells

    @property
    def rows(self) -> list[CorrectionRow]:
        """All that a version has named, in the order of their end."""
        return sorted(self._rows.values(), key=lambda row: row.ended_s)

    def announce(
        self,
        version: int,
        now_s: float,
        corrections: Iterable[Trained],
        loss_on: Mapping[str, float] | None = None,
    ) -> None:
        """Take in what a new version has learned from, and its loss on new and old data."""
        self._versions += 1
        self.loss_on = dict(loss_on or self.loss_on)
        for found in corrections:
            if found.ended_s < self._begun_s:
                continue
            row = self._rows.setdefault(
                (found.episode_id, found.intervention_id),
                CorrectionRow(found.episode_id, found.intervention_id, 0, found.ended_s, 0.0),
            )
            row.labels, row.ended_s, row.share = found.labels, found.ended_s, found.share
            if row.trained_s is None and found.trained_on:
                row.version, row.trained_s = version, now_s

    def drive(self, version: int, now_s: float) -> list[CorrectionRow]:
        """The policy drives with `version`; return the corrections that do so for the first time."""
        first = [
            row
            for row in self.rows
            if row.drove_s is None and row.version is not None and row.version <= version
        ]
        for row in first:
            row.drove_s = now_s
        return first

    def age_s(self, now_s: float) -> float | None:
        """Return how long ago the newest correction ended that drives, None before the first."""
        ends = [row.ended_s for row in self._rows.values() if row.drove_s is not None]
        return now_s - max(ends) if ends else None

    def losses(self) -> str:
        """Return the loss on new and old data in words, empty where no version has told it."""
        return ", ".join(f"loss on {data} data {loss:.4f}" for data, loss in sorted(self.loss_on.items()))

    def in_short(self, now_s: float) -> str:
        """Return what the corrections have come to in one sentence, empty before the first."""
        if not self._rows:
            return ""
        drove_s = [row.drove_s - row.ended_s for row in self.rows if row.drove_s is not None]
        drove = f"{len(drove_s)} of {len(self._rows)} corrections drove"
        if drove_s:
            drove += f", after {statistics.median(drove_s):.0f} s in the middle, {max(drove_s):.0f} s at most"
        rate = f"{self.versions_per_minute(now_s):.1f} versions per minute"
        return "; ".join(filter(None, (drove, rate, self.losses())))

    def versions_per_minute(self, now_s: float) -> float:
        """Return how many versions a minute were announced since the beginning."""
        return 60.0 * self._versions / max(now_s - self._begun_s, 1.0)
