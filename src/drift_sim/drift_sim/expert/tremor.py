"""The unsteadiness of a hand: smooth seeded noise on the stick, so that demonstrations visit more states."""

import math

import numpy as np


class Tremor:
    """Ornstein-Uhlenbeck noise per axis: correlated in time, zero on average."""

    def __init__(self, std: float, time_s: float, rng: np.random.Generator, n_axes: int = 3) -> None:
        self._std = std
        self._time_s = time_s
        self._rng = rng
        self._value = np.zeros(n_axes)
        self._last_s: float | None = None

    def __call__(self, now_s: float) -> np.ndarray:
        """Return the noise (n_axes,) at `now_s`, which must not fall."""
        if self._last_s is not None:
            keep = math.exp(-max(0.0, now_s - self._last_s) / self._time_s)
            fresh = self._rng.standard_normal(len(self._value)) * self._std
            self._value = keep * self._value + math.sqrt(1.0 - keep * keep) * fresh
        self._last_s = now_s
        return self._value
