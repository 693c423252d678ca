"""A recorded episode in place of the control loop: the arm is told again what it was told then."""

import numpy as np
from drift_control.gate.state import CommandSource, GuardFlag, Reason, State
from drift_control.inputs import Inputs, Now
from drift_control.tick import Tick
from drift_core.episodes import Steps
from drift_core.errors import DataError

_SAME_S = 1e-6
_STATES = {
    CommandSource.HOLD: State.HOLD,
    CommandSource.POLICY: State.POLICY,
    CommandSource.EXPERT: State.EXPERT,
    CommandSource.HOMING: State.HOMING,
}


class RecordedLoop:
    """Tell the arm the recorded commands, each as long after `begin_s` as it was due after the first one.

    Between two of them, in a record of fewer steps than the loop makes, it is told what lies between.
    Nothing is judged or smoothed: gate and guard did that when it was recorded. Set-points that go through
    them once more come out later and rounder, by some hundredths of a radian.
    """

    def __init__(self, steps: Steps, begin_s: float, period_s: float) -> None:
        """`begin_s`: when the first command is due; `period_s`: between two ticks.

        DataError for an episode without a command, or with a clock that was set back.
        """
        known = np.isfinite(steps.commanded).all(axis=1) & (steps.commanded.shape[1] > 0)
        if not known.any():
            raise DataError("an episode without a command cannot be driven again")
        if (np.diff(steps.stamp_s) <= 0).any():
            raise DataError("an episode whose stamps do not grow cannot be driven again")
        self._rows = np.flatnonzero(known)
        self._due_s = begin_s + steps.stamp_s[known] - steps.stamp_s[0]
        self._commands = steps.commanded[known]  # (N, J + 1)
        self._velocities = np.diff(self._commands[:, :-1], axis=0, prepend=self._commands[:1, :-1])
        self._velocities /= np.diff(self._due_s, prepend=self._due_s[0] - period_s)[:, None]  # (N, J)
        self._steps, self._period_s = steps, period_s

    def tick(self, inputs: Inputs, now: Now) -> Tick:
        """Return what the arm was told at this time of the record; before the first command, that."""
        due_s = now.ros_s + self._period_s
        at = max(int(np.searchsorted(self._due_s, due_s + _SAME_S)) - 1, 0)
        command, velocity = self._commands[at], self._velocities[at]
        since_s, after = due_s - self._due_s[at], min(at + 1, len(self._due_s) - 1)
        if since_s > 2 * _SAME_S and after > at:
            share = since_s / (self._due_s[after] - self._due_s[at])
            command = (1.0 - share) * command + share * self._commands[after]
            velocity = self._velocities[after]
        row, steps, joints = int(self._rows[at]), self._steps, inputs.joints
        source = CommandSource(int(steps.source[row]))
        return Tick(
            seq=int(steps.seq[row]),
            state=_STATES[source],
            reason=Reason.NONE,
            text="as recorded",
            armed=True,
            epoch=int(steps.epoch[row]),
            intervention_id=int(steps.intervention_id[row]),
            source=source,
            chunk_id=int(steps.chunk_id[row]),
            policy_version=int(steps.policy_version[row]),
            chunk_age_s=float(steps.chunk_age_s[row]),
            command=command[:-1],
            velocity=velocity,
            gripper_m=float(command[-1]),
            reference=None,
            measured=None if joints is None else np.append(joints.positions_rad, joints.gripper_m),
            action=steps.action[row],
            guard_flags=GuardFlag(int(steps.guard_flags[row])),
            sent=True,
            marks=frozenset(),
            stamp_s=due_s,
            target_distance_rad=-1.0,
        )
