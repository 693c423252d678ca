"""What one control tick decided, with its provenance."""

from dataclasses import dataclass

import numpy as np

from drift_control.controller_switch import SwitchQuestion
from drift_control.gate.state import CommandSource, GuardFlag, Reason, State
from drift_control.robot.pose import Array
from drift_control.sources.homing import PlanQuestion


@dataclass(frozen=True)
class Tick:
    """One control step; the command is to be reached at ROS time `stamp_s`."""

    seq: int  # counts up by one
    state: State
    reason: Reason
    text: str  # the reason in words
    armed: bool
    epoch: int
    intervention_id: int  # 0 before the first take-over
    source: CommandSource  # whose command this step executes
    chunk_id: int  # 0 if none
    policy_version: int  # 0 if none
    chunk_age_s: float  # since the chunk's t_ref, -1 if none
    command: Array | None  # (J,) [rad]; None before the first joint state
    velocity: Array | None  # (J,) [rad/s] of the command at that time
    gripper_m: float | None  # opening [m]
    reference: Array | None  # (J,) [rad] that the source asks for, before the guard; None: nothing
    measured: Array | None  # (J + 1,) joints [rad], gripper opening [m]
    action: Array | None  # (10,) the command as an action
    guard_flags: GuardFlag
    sent: bool  # the arm is to be told; before arming or homing, and long after, it is not
    marks: frozenset[str]  # buttons held this tick: "success", "failure", "start", "end"
    stamp_s: float
    target_distance_rad: float  # largest joint distance to where homing leads or led last; -1 if unknown
    chunks_refused: int = 0  # of the present epoch at their arrival, since the start
    question: PlanQuestion | None = None  # to a planner, until it is answered or void
    switch: SwitchQuestion | None = None  # to the controller manager, likewise
    guided: bool = False  # a person leads the arm by hand: the measured pose is the action, nothing is sent
    refused: str = ""  # what the joysticks ask for and do not get, and why
    proposed_chunk_id: int = 0  # of the chunk that `proposed` is from, whether it is executed or not; 0: none
    proposed: Array | None = None  # (A,) what the policy wants at `stamp_s`, whoever drives, before the guard

    @property
    def commanded(self) -> Array | None:
        """The command as it is measured and recorded (J + 1,): joints [rad], gripper opening [m]."""
        if self.command is None or self.gripper_m is None:
            return None
        return np.append(self.command, self.gripper_m)
