"""Does the arm move where the expert would move it? The take-over rule of DRIFT-DAgger's simulations."""

from collections import deque

import numpy as np
from drift_control.teleop.cosine_gate import CosineGate

_WINDOW_S = 0.1  # over which the executed motion is measured: a policy step
_PERSIST_S = 0.5  # so long the directions differ before it counts: the arm sets out and turns gradually
_STILL_M_S = 0.01  # slower than this there is no direction: an arm sags a little where it stands


class Disagreement:
    """Compare the motion that was executed with the one that the expert wants, by the cosine between them."""

    def __init__(self, threshold: float) -> None:
        """`threshold`: below this cosine they disagree, -1..1."""
        self._gate = CosineGate(threshold)
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
        self._places: deque[tuple[float, np.ndarray]] = deque()
        self._since_s: float | None = None

    def update(self, tcp_m: np.ndarray, wish_m_s: np.ndarray, now_s: float) -> bool:
        """Return whether they have disagreed for half a second: TCP positions (3,), wanted velocity (3,)."""
        self._places.append((now_s, tcp_m.copy()))
        while len(self._places) > 2 and self._places[1][0] <= now_s - _WINDOW_S + 1e-9:
            self._places.popleft()
        then_s, before_m = self._places[0]
        if now_s - then_s < _WINDOW_S - 1e-9:
            return False
        wanted, executed = _directed(wish_m_s), _directed((tcp_m - before_m) / (now_s - then_s))
        if not wanted.any() or not self._gate.expert_acts(wanted, executed):
            self._since_s = None
            return False
        self._since_s = now_s if self._since_s is None else self._since_s
        return now_s - self._since_s >= _PERSIST_S - 1e-9


def _directed(velocity_m_s: np.ndarray) -> np.ndarray:
    return velocity_m_s if float(np.linalg.norm(velocity_m_s)) >= _STILL_M_S else np.zeros(3)
