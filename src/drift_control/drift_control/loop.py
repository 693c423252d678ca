"""From what the sources want to what the arm is told, once per control tick. No clock, no topics."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from drift_control.chunks.queue import ChunkQueue
from drift_control.commanded import Commanded
from drift_control.controller_switch import NOTES, ControllerSwitch, Phase
from drift_control.freshness import ClockWatch
from drift_control.gate.config import GateConfig
from drift_control.gate.gate import Event, GateStatus, Happening, step
from drift_control.gate.in_charge import InCharge
from drift_control.gate.state import CommandSource, GuardFlag, Reason, State
from drift_control.guard.guard import Guard
from drift_control.guard.verdict import GuardVerdict, Reaction
from drift_control.guard.watch import Situation
from drift_control.happenings import Facts, Happenings, objection
from drift_control.inputs import ArmState, Inputs, Now
from drift_control.planning.target import HOME
from drift_control.robot.pose import Array, pose_to_action
from drift_control.robot.robot import Robot
from drift_control.sources.easing import EasingSource
from drift_control.sources.expert import ExpertSource
from drift_control.sources.homing import HomingSource
from drift_control.sources.policy import PolicySource
from drift_control.sources.tracker import Tracker
from drift_control.sources.wish import MotionSource
from drift_control.teleop.command import TeleopCommand
from drift_control.teleop.devices import Device, check_fits
from drift_control.teleop.hands import Hands
from drift_control.tick import Tick

__all__ = ["ControlLoop", "GateConfig", "Tick"]

NO_JOINTS = "no state of all joints has arrived yet"
PAUSED = "the gate itself has paused"
SOURCES = {
    State.POLICY: CommandSource.POLICY,
    State.EXPERT: CommandSource.EXPERT,
    State.HOMING: CommandSource.HOMING,
}


@dataclass(frozen=True)
class Moved:
    """What became of the wish of this tick's source."""

    flags: GuardFlag  # what the guard changed
    verdict: GuardVerdict | None = None  # its objection
    reference: Array | None = None  # (J,) what the source asked for


class ControlLoop:
    """Gate, guard and motion of one arm; `tick` is to be called at `config.rate_hz`."""

    def __init__(self, config: GateConfig, robot: Robot, joysticks: Mapping[str, Device]) -> None:
        """`joysticks`: by topic of their buttons, in order of precedence. ConfigError: one does not fit."""
        for device in joysticks.values():
            check_fits(device, robot.config)
        self._config = config
        self._robot = robot
        self.guard = Guard(config, robot)
        self._clock = ClockWatch(config.clock_jump_s)
        self._hands = Hands(joysticks)
        self._commanded = Commanded(robot, config.joint_state_timeout_s)
        tracker = Tracker(config, robot, self.guard)
        self._policy = PolicySource(config, tracker, ChunkQueue(config, self.guard))
        self._homing = HomingSource(config, robot, tracker, self.guard)
        self._easing = EasingSource(config, tracker)  # in every state without a source of its own
        self._sources: dict[State, MotionSource] = {
            State.POLICY: self._policy,
            State.EXPERT: ExpertSource(config, robot, tracker),
            State.HOMING: self._homing,
        }
        self._switch = ControllerSwitch()
        self._happenings = Happenings(
            config, self.guard, self._hands, self._policy, self._homing, self._switch
        )
        self._status = GateStatus()
        self._in_charge = InCharge()
        self._seq = 0

    def tick(self, inputs: Inputs, now: Now) -> Tick:
        """Return what to tell the arm now."""
        self._seq += 1
        self._commanded.look_after_pause(now)
        jump_s = self._clock.check(now)
        if jump_s is not None:
            self._forget_stamps()
        self._sense(inputs, now)
        if self._commanded.stale(now):
            self._easing.stop()  # nobody knows where the arm is now
        self._homing.take(inputs.plan)
        self._let_happen(inputs, now, jump_s)
        teleop = self._hands.command(now)
        moved = self._move(teleop, now, _speed_scale(inputs.arm_state))
        source = self._source
        self.guard.count(source, moved.flags)
        self._in_charge.update(self._busy, self._commanded.listening, now)
        tick = self._report(inputs, now, source, moved)
        verdict = moved.verdict
        if verdict is not None and verdict.reaction > Reaction.CLAMP and source is not CommandSource.EXPERT:
            self._apply(objection(verdict), now)
        return tick

    # --- inputs

    def _forget_stamps(self) -> None:
        """After a jump of the ROS clock older stamps and due times mean nothing."""
        self._commanded.forget_stamp()
        self._hands.forget_stamp()
        self._policy.void()

    def _sense(self, inputs: Inputs, now: Now) -> None:
        self._commanded.measure(inputs.joints)
        if self._in_charge.now and not self._commanded.listening:
            self._commanded.keep()
        else:
            self._commanded.follow(now)
        self._hands.take(inputs.joys, inputs.leads, now)

    # --- events

    def _let_happen(self, inputs: Inputs, now: Now, jump_s: float | None) -> None:
        """Let the gate act on what happened since the last tick; before the first joint state on nothing."""
        arm = self._commanded.arm
        if arm is None:
            return
        measured = None if self._commanded.stale(now) else self._commanded.measured_rad
        homing, ours = self._status.state is State.HOMING, not self._switch.under_way
        self._switch.take(inputs.guide, inputs.switch_answer, measured, now)
        if inputs.requests.home and not homing:
            self._homing.target = inputs.requests.target or HOME
        situation = Situation(
            now=now,
            moving=self._status.armed or homing,
            homing=homing,
            joints_age_s=self._commanded.age_s(now),
            joints_stamp_s=self._commanded.stamp_s,
            gripper_age_s=self._commanded.gripper_age_s(now),
            joints_trouble=inputs.joints_trouble or (PAUSED if self._commanded.listening else ""),
            conflict=inputs.conflict,
            measured=measured,
            measured_tcp=None if measured is None else self._robot.tcp_position(measured),
            commanded=arm.motion.q if ours else None,
            arm_state=inputs.arm_state,
            controller_trouble=inputs.controller_trouble if ours else "",
            guided=self._status.state is State.GUIDED,
        )
        verdict = self.guard.check_situation(situation)
        facts = Facts(
            now, inputs.requests, inputs.chunk, situation, arm, verdict, jump_s, inputs.chunk_verdict
        )
        for look in self._happenings.in_order:
            for happening in look(facts, self._status):
                self._apply(happening, now)
        self._switch.follow(self._status.state, now)
        if self._switch.under_way:
            self._in_charge.let_go()
            self._commanded.free_arm()

    def _apply(self, happening: Happening, now: Now) -> None:
        """Let one event act on the state machine, and start what the new state needs."""
        before, after = self._status, step(self._status, happening)
        self._status = after
        if before.state is State.POLICY and happening.event in (Event.GUARD_HOLD, Event.BAD_CHUNK):
            self.guard.count_hold(now)
        if after.epoch != before.epoch:
            self._policy.void()
        if after.state is not State.POLICY:
            self._policy.drop()
        arm = self._commanded.arm
        begins = after.state is not before.state or happening.event is Event.ENABLE
        if begins and after.state in self._sources and arm is not None:
            self._sources[after.state].start(arm, now)
        if happening.event in (Event.ARM, Event.HOME, Event.STOP, Event.SHUTDOWN):
            self._easing.stop()
        elif self._does_not_execute(happening, now):
            self._commanded.let_go(now)
            self._in_charge.let_go()
            self._easing.stop()
        elif happening.event is Event.ARM_REFUSED and happening.reason is Reason.START_MISMATCH:
            self._easing.ease_to(self._commanded.measured_rad)

    def _does_not_execute(self, happening: Happening, now: Now) -> bool:
        """Return whether a fault, or a refusal to arm, says that the arm does not do what it is told.

        What went on being sent would then be one leap as soon as it does, or go on moving the wrong joints.
        """
        if happening.event not in (Event.FAULT, Event.ARM_REFUSED) or self._config.dry_run:
            return False
        if happening.event is Event.FAULT and happening.reason in (
            Reason.TRACKING_ERROR,
            Reason.PROTECTIVE_STOP,
            Reason.SWITCH_FAILED,
        ):
            return True
        measured, arm = self._commanded.measured_rad, self._commanded.arm
        unknown = self._commanded.stale(now) or happening.reason is Reason.JOINTS_STALE
        if measured is None or arm is None or unknown:
            return False  # nobody knows
        return float(np.abs(measured - arm.motion.q).max()) > self._robot.config.tracking_error_max_rad

    @property
    def _busy(self) -> bool:
        """Whether the arm has to be told something."""
        arm, status = self._commanded.arm, self._status
        if arm is None or self._switch.under_way:
            return False
        return status.armed or status.state is State.HOMING or self._easing.active or not arm.motion.still

    @property
    def _guided(self) -> bool:
        """Whether a person leads the arm by hand: from when it was let go of until it is asked back."""
        return self._status.state is State.GUIDED and self._switch.phase is Phase.GUIDED

    @property
    def _source(self) -> CommandSource:
        """Whose command, or by hand whose motion, this step is."""
        return CommandSource.EXPERT if self._guided else SOURCES.get(self._status.state, CommandSource.HOLD)

    # --- motion

    def _move(self, teleop: TeleopCommand | None, now: Now, speed_scale: float) -> Moved:
        """Advance the command by one tick."""
        arm, state = self._commanded.arm, self._status.state
        if arm is None or self._commanded.listening:
            return Moved(GuardFlag.HOLD)
        if self._switch.under_way:
            return Moved(GuardFlag.NONE if self._guided else GuardFlag.HOLD)
        wish = self._sources.get(state, self._easing).wish(arm, teleop, now)
        if wish is None:
            self._commanded.advance(self.guard.brake(arm.motion), arm.gripper_m)
            return Moved(GuardFlag.HOLD)
        if wish.problem and state is State.POLICY:
            self._commanded.advance(self.guard.brake(arm.motion), arm.gripper_m)
            unreached = GuardVerdict(Reaction.HOLD, Reason.IK_FAILED, wish.problem)
            return Moved(wish.flags | GuardFlag.HOLD, unreached, wish.reference)
        motion, flags, verdict = self.guard.step(arm.motion, wish.velocity, arm.jacobian, speed_scale)
        gripper_m, gripper_flags = self.guard.step_gripper(wish.gripper_m, arm.gripper_m)
        self._commanded.advance(motion, gripper_m)
        self._homing.objection = verdict.text if verdict is not None else ""
        if verdict is not None and motion.still:
            self._easing.stop()  # it gets no nearer; silence and a fresh start are left
        return Moved(flags | gripper_flags | wish.flags, verdict, wish.reference)

    # --- report

    def _report(self, inputs: Inputs, now: Now, source: CommandSource, moved: Moved) -> Tick:
        status, arm = self._status, self._commanded.arm
        chunk = self._policy.clock.chunk if source is CommandSource.POLICY and self._policy.clock else None
        due_s = now.ros_s + self._config.dt_s
        proposed_chunk_id, proposed = (0, None) if arm is None else self._policy.proposed(arm, due_s)
        return Tick(
            seq=self._seq,
            state=status.state,
            reason=status.reason,
            text=self._text(inputs),
            armed=status.armed,
            epoch=status.epoch,
            intervention_id=status.intervention_id,
            source=source,
            chunk_id=chunk.id if chunk else 0,
            policy_version=chunk.policy_version if chunk else 0,
            chunk_age_s=now.ros_s - chunk.stamp_s if chunk else -1.0,
            command=None if arm is None else arm.motion.q.copy(),
            velocity=None if arm is None else arm.motion.v.copy(),
            gripper_m=None if arm is None else arm.gripper_m,
            reference=moved.reference,
            measured=self._commanded.measured,
            action=None if arm is None else pose_to_action(arm.tcp, arm.gripper_m),
            guard_flags=moved.flags,
            sent=self._in_charge.now,
            marks=self._hands.marks(now),
            stamp_s=due_s,
            target_distance_rad=-1.0 if arm is None else self._homing.distance_rad(arm),
            chunks_refused=self._policy.queue.refused,
            question=self._homing.question if status.state is State.HOMING else None,
            switch=self._switch.question,
            guided=self._guided,
            refused=self._hands.refused(now, status),
            proposed_chunk_id=proposed_chunk_id,
            proposed=proposed,
        )

    def _text(self, inputs: Inputs) -> str:
        """Return the reason of the state in words; while nothing may move, also what stands in the way."""
        if self._commanded.arm is None:
            text = NO_JOINTS
        elif self._status.state is State.HOMING:
            return "; ".join(filter(None, (self._status.text, self._homing.note)))
        elif self._status.armed:
            return "; ".join(filter(None, (self._status.text, NOTES.get(self._switch.phase, ""))))
        else:
            text = self._status.text
        arm = inputs.arm_state.trouble if inputs.arm_state is not None else ""  # its own word for the cause
        hurdles = (arm, inputs.conflict, inputs.joints_trouble)
        return "; ".join([text, *(hurdle for hurdle in hurdles if hurdle and hurdle not in text)])


def _speed_scale(arm_state: ArmState | None) -> float:
    """Return the arm's speed slider, 0..1; what is not a number stops."""
    if arm_state is None:
        return 1.0
    scale = arm_state.speed_scale
    return min(max(scale, 0.0), 1.0) if np.isfinite(scale) else 0.0
