"""Seconds of float64 and whole nanoseconds."""

import numpy as np

_NS = 1_000_000_000


def to_ns(stamp_s: np.ndarray) -> np.ndarray:
    """Return stamps [s] as whole nanoseconds, int64; the error is at most half a nanosecond."""
    whole = np.floor(stamp_s)
    return whole.astype(np.int64) * _NS + np.round((stamp_s - whole) * _NS).astype(np.int64)


def to_s(stamp_ns: np.ndarray) -> np.ndarray:
    """Return whole nanoseconds as seconds.

    A stamp that `to_ns` has rounded comes back as it was where float64 resolves less than a nanosecond there,
    from 2**23 s (97 days) on; before it, to half a nanosecond.
    """
    stamp_ns = np.asarray(stamp_ns, dtype=np.int64)
    return (stamp_ns // _NS).astype(np.float64) + (stamp_ns % _NS) / _NS
