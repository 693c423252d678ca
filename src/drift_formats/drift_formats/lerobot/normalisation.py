"""Columns that a policy of LeRobot would see wrongly scaled, by the statistics that it computes."""

from collections.abc import Sequence

import numpy as np

from drift_formats.lerobot.statistics import Statistics

_OFF = 0.1  # share by which a standard deviation may be off without a word


class ExactSpread:
    """Standard deviation of a column without the rounding of float32, over all episodes."""

    def __init__(self) -> None:
        self._count = 0
        self._mean = np.zeros(1)
        self._squares = np.zeros(1)  # sum of squared distances from the mean

    def add(self, values: np.ndarray) -> None:
        """Take the rows (N, D) of an episode."""
        rows = values.reshape(len(values), -1).astype(np.float64)
        count, mean = self._count + len(rows), rows.mean(axis=0)
        apart = mean - self._mean
        self._squares = (
            self._squares + ((rows - mean) ** 2).sum(axis=0) + apart**2 * self._count * len(rows) / count
        )
        self._mean = self._mean + apart * len(rows) / count
        self._count = count

    @property
    def std(self) -> np.ndarray:
        """The standard deviation (D,)."""
        return np.sqrt(self._squares / max(self._count, 1))


def scaling_remarks(
    name: str, entries: Sequence[str], statistics: Statistics, exact: ExactSpread
) -> list[str]:
    """Say which entries of a column LeRobot's normalisation would blow up or shrink."""
    remarks = []
    still = statistics["min"] == statistics["max"]
    if still.any():
        listed = ", ".join(entry for entry, never in zip(entries, still, strict=True) if never)
        remarks.append(
            f"{name}: {listed} never changed: a policy of LeRobot divides by what it varies (as good as "
            "nothing), so any other value later becomes a huge input"
        )
    off = ~still & (np.abs(statistics["std"] - exact.std) > _OFF * exact.std)
    remarks += [
        f"{name}: {entry} varies by {true:.3g}, but LeRobot's float32 makes it {found:.3g} (mean {mean:.3g})"
        for entry, true, found, mean, wrong in zip(
            entries, exact.std, statistics["std"], statistics["mean"], off, strict=True
        )
        if wrong
    ]
    return remarks
