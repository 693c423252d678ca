"""Who drove an episode when."""

from dataclasses import dataclass

import numpy as np

from drift_core.episodes.record import Steps, StepSource


@dataclass(frozen=True)
class Drive:
    """A stretch that one driver drove without a break; times since the first control step [s]."""

    driver: str  # hold, policy, expert or homing
    begin_s: float
    end_s: float
    steps: int
    intervention_id: int | None  # of the expert's take-over
    policy_version: int | None  # of the policy


def drives(steps: Steps) -> list[Drive]:
    """Return who drove when, in order; a take-over, or another policy version, begins anew."""
    if not len(steps):
        return []
    expert, policy = steps.source == StepSource.EXPERT, steps.source == StepSource.POLICY
    which = np.where(expert, steps.intervention_id, np.where(policy, steps.policy_version, 0))
    changes = np.flatnonzero((np.diff(steps.source) != 0) | (np.diff(which) != 0)) + 1
    begins, ends = [0, *changes.tolist()], [*changes.tolist(), len(steps)]
    time_s = steps.stamp_s - steps.stamp_s[0]
    found = []
    for begin, end in zip(begins, ends, strict=True):
        source = StepSource(int(steps.source[begin]))
        found.append(
            Drive(
                driver=source.name.lower(),
                begin_s=float(time_s[begin]),
                end_s=float(time_s[min(end, len(steps) - 1)]),
                steps=end - begin,
                intervention_id=int(which[begin]) if expert[begin] else None,
                policy_version=int(which[begin]) if policy[begin] else None,
            )
        )
    return found
