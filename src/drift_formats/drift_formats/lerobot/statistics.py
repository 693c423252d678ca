"""Statistics of the columns as lerobot 0.6.1 computes them (`datasets/compute_stats.py`), be they inexact.

Mean and mean of squares are sums in the type of the column (float32 for pictures and flags), row after row;
the standard deviation is the root of their difference; quantiles are read off a histogram of 5000 bins.
Those of a set are joined from its episodes': mean and variance exactly, quantiles as means weighted by rows.
"""

from collections.abc import Iterable, Sequence

import numpy as np

Statistics = dict[str, np.ndarray]  # min, max, mean, std, count, q01, q10, q50, q90, q99

QUANTILES = {"q01": 0.01, "q10": 0.10, "q50": 0.50, "q90": 0.90, "q99": 0.99}
_BINS = 5000
_MARGIN = 1e-10  # of the histogram
_SAMPLES, _MOST_SAMPLES, _GROWTH = 100, 10_000, 0.75  # pictures of an episode that are looked at
_LARGE, _REDUCED = 300, 150  # pictures with a longer side are thinned out to about this many pixels


def column_statistics(values: np.ndarray) -> Statistics:
    """Return those of a column (N,) or (N, D); each (1,) or (D,)."""
    return _of_rows(values.reshape(len(values), -1), len(values))


def picture_statistics(pictures: Sequence[np.ndarray]) -> Statistics:
    """Return those of N pictures (H, W, 3) uint8 by colour in [0, 1]; each (3, 1, 1) but the count."""
    thinned = np.stack([_thinned(picture) for picture in pictures])
    found = _of_rows(thinned.reshape(-1, 3), len(pictures))
    return {
        name: value if name == "count" else (value / 255.0).reshape(3, 1, 1) for name, value in found.items()
    }


def looked_at(length: int) -> list[int]:
    """Return which of an episode's pictures count."""
    count = max(min(_SAMPLES, length), min(int(length**_GROWTH), _MOST_SAMPLES))
    return np.round(np.linspace(0, length - 1, count)).astype(int).tolist()


def joined(parts: Iterable[Statistics]) -> Statistics:
    """Return the statistics of all rows from those of the parts, one part after the other."""
    whole: Statistics | None = None
    for part in parts:
        whole = dict(part) if whole is None else _join(whole, part)
    if whole is None:
        raise ValueError("parts must not be empty")
    return whole


def _of_rows(rows: np.ndarray, count: int) -> Statistics:
    if len(rows) < 2:
        mean = rows.mean(axis=0)
        found = {"min": rows.min(axis=0), "max": rows.max(axis=0), "mean": mean, "std": rows.std(axis=0)}
        return found | {"count": np.array([count])} | {name: mean.copy() for name in QUANTILES}
    rows = rows.astype(np.result_type(rows.dtype, np.float32), copy=False)
    low, high, mean = rows.min(axis=0), rows.max(axis=0), rows.mean(axis=0)
    variance = (rows**2).mean(axis=0) - mean**2
    quantiles = np.array([_quantiles(column, *ends) for column, *ends in zip(rows.T, low, high, strict=True)])
    return {
        "min": low,
        "max": high,
        "mean": mean,
        "std": np.sqrt(np.maximum(0, variance)),
        "count": np.array([count]),
    } | dict(zip(QUANTILES, quantiles.T, strict=True))


def _quantiles(column: np.ndarray, low: np.floating, high: np.floating) -> list[float]:
    edges = np.linspace(low - _MARGIN, high + _MARGIN, _BINS + 1)
    counts, _ = np.histogram(column, bins=edges)
    below = np.concatenate([[0], np.cumsum(counts)]).astype(float)  # (bins + 1,) values left of each edge
    found = []
    for share in QUANTILES.values():
        target = share * len(column)
        at = int(np.searchsorted(below[1:], target))
        if at == 0:
            found.append(edges[0])
        elif at >= _BINS:
            found.append(edges[-1])
        else:
            within = (target - below[at]) / (below[at + 1] - below[at])
            found.append(edges[at] + within * (edges[at + 1] - edges[at]))
    return found


def _thinned(picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    if max(height, width) < _LARGE:
        return picture
    every = int((width if width > height else height) / _REDUCED)
    return picture[::every, ::every]


def _join(one: Statistics, other: Statistics) -> Statistics:
    count = one["count"] + other["count"]
    share, other_share = (
        part["count"].reshape((-1,) + (1,) * (part["mean"].ndim - 1)) for part in (one, other)
    )
    total = share + other_share
    mean = (one["mean"] * share + other["mean"] * other_share) / total
    spread = (one["std"] ** 2 + (one["mean"] - mean) ** 2) * share
    spread = spread + (other["std"] ** 2 + (other["mean"] - mean) ** 2) * other_share
    return {
        "min": np.minimum(one["min"], other["min"]),
        "max": np.maximum(one["max"], other["max"]),
        "mean": mean,
        "std": np.sqrt(spread / total),
        "count": count,
    } | {name: (one[name] * share + other[name] * other_share) / total for name in QUANTILES}
