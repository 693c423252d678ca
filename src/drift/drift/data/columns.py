"""Statistics of each column of an array, as one reads them before training."""

from dataclasses import dataclass

import numpy as np

QUANTILES = (0.01, 0.5, 0.99)


@dataclass(frozen=True)
class ColumnStatistics:
    """One dimension of actions or states, over all rows that are known."""

    name: str  # with its unit
    rows: int
    minimum: float
    q01: float
    median: float
    q99: float
    maximum: float
    mean: float
    std: float


def column_statistics(values: np.ndarray, names: list[str]) -> list[ColumnStatistics]:
    """Return the statistics of the columns of `values` (N, D); rows that hold a NaN are left out."""
    known = values[np.isfinite(values).all(axis=1)].astype(float)
    if not len(known):
        return []
    low, middle, high = np.quantile(known, QUANTILES, axis=0)
    return [
        ColumnStatistics(
            name=name,
            rows=len(known),
            minimum=float(column.min()),
            q01=float(low[n]),
            median=float(middle[n]),
            q99=float(high[n]),
            maximum=float(column.max()),
            mean=float(column.mean()),
            std=float(column.std()),
        )
        for n, (name, column) in enumerate(zip(names, known.T, strict=True))
    ]
