"""All rules of the guard, and the step that they admit."""

import numpy as np

from drift_control.gate.config import GateConfig
from drift_control.gate.state import CommandSource, GuardFlag
from drift_control.guard.intake import intake_rules
from drift_control.guard.motion_rules import motion_rules, violated
from drift_control.guard.path import StepPath
from drift_control.guard.start import start_rules
from drift_control.guard.target import GripperLimit, JointClamp, Leash, SpeedScale, WorkspaceClamp
from drift_control.guard.verdict import GuardVerdict
from drift_control.guard.watch import ClampCount, HoldCount, Situation, watch_rules
from drift_control.inputs import Chunk, Now
from drift_control.robot.collision import CapsuleModel
from drift_control.robot.motion import Motion, MotionState
from drift_control.robot.pose import Array
from drift_control.robot.robot import Robot

ACCELERATION_NOTICED = 0.05  # [rad/s] by which the step falls short of the velocity asked for


class Guard:
    """The last thing before the arm. The lists are in order; a test takes out one rule at a time."""

    def __init__(self, config: GateConfig, robot: Robot) -> None:
        self._robot = robot
        self._dt_s = config.dt_s
        self.gripper_step_m = robot.config.gripper.speed_m_s * config.dt_s  # of the opening, per tick
        self._motion = Motion(robot, config.dt_s)
        self._capsules = CapsuleModel(robot)
        self.intake = intake_rules(config, robot)
        self.watch = watch_rules(config, robot)
        self.start = start_rules(config, robot)
        self.pose_targets: list[Leash | WorkspaceClamp] = [Leash(), WorkspaceClamp(robot)]
        self.joint_targets = [JointClamp(robot)]
        self.velocities = [SpeedScale(robot)]
        self.motion = motion_rules(robot)
        self.grippers = [GripperLimit(robot, config.dt_s)]

    def check_chunk(self, chunk: Chunk, now: Now) -> GuardVerdict | None:
        """Return the first objection to a chunk."""
        return next((v for rule in self.intake if (v := rule.check(chunk, now))), None)

    def check_situation(self, at: Situation) -> GuardVerdict | None:
        """Return the strongest objection to moving on; the earlier rule wins among equals."""
        verdicts = [v for rule in self.watch if (v := rule.check(at))]
        return max(verdicts, key=lambda verdict: verdict.reaction, default=None)

    def check_start(self, at: Situation) -> GuardVerdict | None:
        """Return the first objection to arming."""
        return next((v for rule in self.start if (v := rule.check(at))), None)

    def count(self, source: CommandSource, flags: GuardFlag) -> None:
        """Let the counting rules know what was executed."""
        for rule in self.watch:
            if isinstance(rule, ClampCount):
                rule.count(source, flags)

    def count_hold(self, now: Now) -> None:
        """Let the counting rules know that the driving policy was held."""
        for rule in self.watch:
            if isinstance(rule, HoldCount):
                rule.count(now)

    def brake(self, state: MotionState) -> MotionState:
        """Return the next step of a controlled stop."""
        return state if state.still else self._motion.brake(state)

    def step(
        self, state: MotionState, velocity: Array, jacobian: Array, speed_scale: float
    ) -> tuple[MotionState, GuardFlag, GuardVerdict | None]:
        """Return the state one tick later when `velocity` (J,) is wanted, and the objection that changed it.

        Tried in turn: the velocity asked for, half of it, braking.
        """
        flags = GuardFlag.NONE
        for rule in self.velocities:
            velocity, flag = rule.limit(velocity, jacobian, speed_scale)
            flags |= flag
        verdict = None
        for attempt in (velocity, 0.5 * velocity):
            after = self._motion.toward(state, attempt)
            verdict = self._objection(state, after, speed_scale)
            if verdict is None:
                if np.abs(after.v - attempt).max() > ACCELERATION_NOTICED:
                    flags |= GuardFlag.ACCELERATION
                return after, flags, None
            flags |= verdict.flag
        return self.brake(state), flags | GuardFlag.HOLD, verdict

    def step_gripper(self, asked_m: float, last_m: float) -> tuple[float, GuardFlag]:
        """Return the opening [m] one tick after `last_m` when `asked_m` is wanted."""
        flags = GuardFlag.NONE
        for rule in self.grippers:
            asked_m, flag = rule.limit(asked_m, last_m)
            flags |= flag
        return asked_m, flags

    def _objection(self, state: MotionState, after: MotionState, speed_scale: float) -> GuardVerdict | None:
        braking = self._motion.braking_path(after)
        path = StepPath(self._robot, self._capsules, state, braking, self._dt_s, speed_scale)
        return next((rule.verdict for rule in self.motion if violated(rule, path)), None)
