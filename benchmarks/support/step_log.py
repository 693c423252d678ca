"""The control steps of a running stack, with their periods."""

from dataclasses import dataclass

import numpy as np
from benchmarks.support.running_stack import RunningStack
from drift_interfaces.msg import Step
from drift_ros import qos
from drift_ros.clock import to_seconds


@dataclass(frozen=True, eq=False)
class Steps:
    """Consecutive control steps; row i of everything but `stamp_s[0]` ends a period."""

    stamp_s: np.ndarray  # (N,)
    seq: np.ndarray  # (N,)
    source: np.ndarray  # (N,)
    chunk_id: np.ndarray  # (N,)
    policy_version: np.ndarray  # (N,), of that chunk
    tcp_m: np.ndarray  # (N, 3)

    @property
    def period_s(self) -> np.ndarray:
        """Return the time since the step before, (N - 1,); not a number across a gap in the numbers."""
        return np.where(np.diff(self.seq) == 1, np.diff(self.stamp_s), np.nan)


class StepLog:
    """Every control step that is published."""

    def __init__(self, stack: RunningStack) -> None:
        self._steps: list[Step] = []
        self._stack = stack
        stack.client.node.create_subscription(Step, "gate/step", self._steps.append, qos.PROVENANCE)

    def clear(self) -> None:
        """Forget the steps so far; those on their way belong to the time before."""
        self._stack.client.spin(0.5)
        self._steps.clear()

    def steps(self) -> Steps:
        """Return the steps since `clear`."""
        log = self._steps
        return Steps(
            np.array([to_seconds(step.header.stamp) for step in log]),
            np.array([step.seq for step in log]),
            np.array([step.source for step in log]),
            np.array([step.chunk_id for step in log]),
            np.array([step.policy_version for step in log]),
            np.array([step.action[:3] for step in log]).reshape(-1, 3),
        )


def late(period_s: np.ndarray, rate_hz: float) -> np.ndarray:
    """Return which ticks started more than one period after they were due, as the gate counts them."""
    return period_s > 2.0 / rate_hz
