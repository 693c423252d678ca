"""From what the sources want to what the arm is told, once per control tick. No clock, no topics."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from drift_control.chunks.queue import ChunkQueue
from drift_control.freshness import ClockWatch, Freshness
from drift_control.gate.config import GateConfig
from drift_control.gate.gate import Event, GateStatus, Happening, step
from drift_control.gate.in_charge import InCharge
from drift_control.gate.state import GuardFlag, Reason, Source, State
from drift_control.guard.guard import Guard
from drift_control.guard.verdict import Reaction, Verdict
from drift_control.guard.watch import Situation
from drift_control.inputs import ArmState, Chunk, Inputs, JointReading, Now
from drift_control.robot.motion import MotionState
from drift_control.robot.pose import Array, Pose, pose_to_action
from drift_control.robot.robot import Robot
from drift_control.sources import CommandedArm, ExpertSource, PolicySource, Tracker, Wish
from drift_control.teleop.joystick import Joystick, TeleopCommand
from drift_control.teleop.operator import Person
from drift_control.tick import Tick

__all__ = ["ControlLoop", "GateConfig", "Tick"]

HOME_TOLERANCE_RAD = 0.002
OPEN_TOLERANCE_M = 1e-6
NO_JOINTS = "no state of all joints has arrived yet"
STALL_S = 0.2  # after a pause of the gate this long the arm has stopped at the last command by itself
SOURCES = {State.POLICY: Source.POLICY, State.EXPERT: Source.EXPERT, State.HOMING: Source.HOMING}
EVENTS = {Reaction.HOLD: Event.GUARD_HOLD, Reaction.HELP: Event.GUARD_HELP, Reaction.FAULT: Event.FAULT}
# What held the arm, and is over as soon as it is no longer reported.
PASSING = (Reason.JOINTS_STALE,)


class ControlLoop:
    """Gate, guard and motion of one arm; `tick` is to be called at `config.rate_hz`."""

    def __init__(self, config: GateConfig, robot: Robot, joystick: Joystick) -> None:
        self._config = config
        self._robot = robot
        self.guard = Guard(config, robot)
        tracker = Tracker(config, robot, self.guard)
        self._tracker = tracker
        self._policy = PolicySource(config, tracker)
        self._expert = ExpertSource(config, robot, tracker, self.guard)
        self._status = GateStatus()
        self._clock = ClockWatch(config.clock_jump_s)
        self._joints_fresh = Freshness(config.joint_state_timeout_s)
        self._person = Person(config, joystick)
        self._last_steady_s: float | None = None
        self._seq = 0
        self._in_charge = InCharge()
        self._motion: MotionState | None = None
        self._gripper_m = 0.0
        self._measured: JointReading | None = None
        self._arm: CommandedArm | None = None
        self._ease_to: Array | None = None  # (J,) measured pose that the held command moves to before arming
        self._queue = ChunkQueue(config, self.guard)
        self._homing_since_s = 0.0
        self._objection = ""  # of the guard to the last step
        self._reference: Array | None = None  # (J,) what this tick's source asked for

    def tick(self, inputs: Inputs, now: Now) -> Tick:
        """Return what to tell the arm now."""
        self._seq += 1
        self._rest_after_stall(now)
        jump_s = self._clock.check(now)
        if jump_s is not None:
            self._after_jump()
        self._take_joints(inputs.joints)
        self._follow_idle_arm(now)
        self._person.take(inputs.joy)
        teleop = self._person.command(now)
        situation = self._situation(inputs, now)
        stopped = inputs.arm_state is not None and inputs.arm_state.protective_stop
        if stopped and not self._status.armed:
            self._ease_to_stopped_arm()
        if situation.joints_age_s > self._config.joint_state_timeout_s:
            self._ease_to = None  # nobody knows where the arm is now
        if self._motion is not None:
            for happening in self._happenings(inputs, now, situation, jump_s):
                self._apply(happening, now)
        flags, verdict = self._move(teleop, now, _speed_scale(inputs.arm_state))
        source = SOURCES.get(self._status.state, Source.HOLD)
        self.guard.count(source, flags)
        self._in_charge.update(self._busy, now)
        tick = self._report(teleop, now, source, flags)
        if verdict is not None and verdict.reaction > Reaction.CLAMP and source is not Source.EXPERT:
            self._apply(Happening(EVENTS[verdict.reaction], verdict.reason, verdict.text), now)
        return tick

    # --- inputs

    def _rest_after_stall(self, now: Now) -> None:
        last, self._last_steady_s = self._last_steady_s, now.steady_s
        if last is not None and now.steady_s - last > STALL_S and self._motion is not None:
            self._motion = MotionState.standstill(self._motion.q)
            self._arm = None

    def _after_jump(self) -> None:
        self._joints_fresh.forget_stamp()
        self._person.forget_stamp()
        self._queue.clear()
        self._policy.drop()

    def _ease_to_stopped_arm(self) -> None:
        """An arm that has stopped by itself must not be pulled on to its old command when it is released.

        The command stands first, like after any other fault.
        """
        if self._motion is None or self._measured is None or not self._motion.still:
            return
        measured = np.asarray(self._measured.positions_rad, dtype=float)
        if float(np.abs(measured - self._motion.q).max()) > HOME_TOLERANCE_RAD:
            self._ease_to = measured

    def _take_joints(self, joints: JointReading | None) -> None:
        if joints is None:
            return
        positions = np.asarray(joints.positions_rad, dtype=float)
        sound = positions.shape == (self._robot.n_joints,) and np.isfinite(positions).all()
        if not sound or not np.isfinite(joints.gripper_m):
            return  # and so it grows stale
        if not self._joints_fresh.update(joints.stamp_s, joints.arrival_s):
            return
        self._measured = joints
        if self._motion is None:
            self._start_from(joints)

    def _start_from(self, joints: JointReading) -> None:
        """Command what is measured."""
        self._motion, self._arm = MotionState.standstill(np.asarray(joints.positions_rad, dtype=float)), None
        self._gripper_m = float(np.clip(joints.gripper_m, 0.0, self._robot.config.gripper.opening_max_m))

    def _follow_idle_arm(self, now: Now) -> None:
        """While nothing is sent, the command is where the arm is: it may be moved by others meanwhile.

        Small differences stay once something has been commanded, else an arm that sags would creep.
        """
        joints, motion = self._measured, self._motion
        fresh = self._joints_fresh.age_s(now) <= self._config.joint_state_timeout_s
        if joints is None or motion is None or self._in_charge.now or not fresh:
            return
        tolerance_rad = self._robot.config.start_tolerance_rad if self._in_charge.ever else 0.0
        if float(np.abs(joints.positions_rad - motion.q).max()) > tolerance_rad:
            self._start_from(joints)

    @property
    def _busy(self) -> bool:
        """Whether the arm has to be told something."""
        if self._motion is None:
            return False
        status, easing = self._status, self._ease_to is not None
        return status.armed or status.state is State.HOMING or easing or not self._motion.still

    def _situation(self, inputs: Inputs, now: Now) -> Situation:
        measured = None if self._measured is None else np.asarray(self._measured.positions_rad, dtype=float)
        status = self._status
        return Situation(
            now=now,
            moving=status.armed or status.state is State.HOMING,
            homing=status.state is State.HOMING,
            joints_age_s=self._joints_fresh.age_s(now),
            measured=measured,
            measured_tcp=None if measured is None else self._robot.forward(measured).position,
            commanded=None if self._motion is None else self._motion.q,
            arm_state=inputs.arm_state,
        )

    # --- events

    def _happenings(
        self,
        inputs: Inputs,
        now: Now,
        situation: Situation,
        jump_s: float | None,
    ) -> Iterator[Happening]:
        """Yield what happened since the last tick, in order of precedence.

        The caller applies each before it asks for the next: later ones see the state that earlier ones left.
        """
        requests, stop = inputs.requests, inputs.requests.stop
        verdict = self.guard.check_situation(situation)
        if verdict is not None and verdict.reaction is Reaction.FAULT:
            yield Happening(Event.FAULT, verdict.reason, verdict.text)
        if requests.shutdown:
            yield Happening(Event.SHUTDOWN, text="the gate is being stopped")
        if stop:
            yield Happening(Event.STOP, text="stop requested")
        if jump_s is not None:
            yield Happening(Event.CLOCK_JUMP, text=f"ROS time jumped by {jump_s:+.3f} s")
        if verdict is not None and verdict.reaction in (Reaction.HOLD, Reaction.HELP):
            # Held for the same reason already: nothing new.
            if not (self._status.state is State.HOLD and self._status.reason is verdict.reason):
                yield Happening(EVENTS[verdict.reaction], verdict.reason, verdict.text)
        held_back = stop or requests.shutdown or verdict is not None or jump_s is not None
        if self._person.frozen(now):
            self._status = replace(self._status, release_required=True)
        elif not self._person.may_hold_enable():
            self._status = replace(self._status, release_required=False)
        yield from self._person.happenings(now, self._status, held_back)
        if not held_back:
            yield from self._asked(inputs, now, situation)
        yield from self._chunks(inputs.chunk, now, held_back)
        if not held_back and self._status.reason in PASSING:
            yield Happening(Event.READY_AGAIN, text="waiting for a chunk")

    def _asked(self, inputs: Inputs, now: Now, situation: Situation) -> Iterator[Happening]:
        requests, status = inputs.requests, self._status
        if requests.arm and status.state in (State.HOLD, State.FAULT):
            refusal = self.guard.check_start(situation) if not status.armed else None
            if refusal is not None:
                yield Happening(Event.ARM_REFUSED, refusal.reason, refusal.text)
                if refusal.reason is Reason.START_MISMATCH and situation.measured is not None:
                    self._ease_to = situation.measured
            elif self._motion is not None and (status.armed or self._motion.still):
                held = not status.armed and self._person.may_hold_enable()
                what = "release enable first" if held else "waiting for a chunk"
                yield Happening(Event.ARM, text=f"armed; {what}")
                self._status = replace(self._status, release_required=held)
        if requests.home:
            refusal = self._home_refusal(situation)
            if refusal is None:
                yield Happening(Event.HOME, text="homing")
            else:
                yield Happening(Event.ARM_REFUSED, refusal.reason, refusal.text)
        if status.state is State.HOMING:
            if requests.release_home:
                yield Happening(Event.HOME_ENDED, Reason.STOP_REQUESTED, "homing cancelled")
            elif now.steady_s - self._homing_since_s > self._config.homing_timeout_s:
                text = f"not at home after {self._config.homing_timeout_s} s"
                text += f": {self._objection}" if self._objection else ""
                yield Happening(Event.HOME_ENDED, Reason.NONE, text)
            elif self._home_distance_rad() < HOME_TOLERANCE_RAD and self._open_m() < OPEN_TOLERANCE_M:
                yield Happening(Event.HOME_DONE, text="at home")

    def _home_refusal(self, situation: Situation) -> Verdict | None:
        """Homing is allowed from outside the workspace, but not on an arm that is elsewhere or silent."""
        if self._status.armed:
            return None  # the watching rules already look after it
        refusal = self.guard.check_start(situation)
        return None if refusal is None or refusal.reason is Reason.OUT_OF_WORKSPACE else refusal

    def _chunks(self, chunk: Chunk | None, now: Now, held_back: bool) -> Iterator[Happening]:
        queue = self._queue
        if chunk is not None and not held_back:
            verdict = queue.take(chunk, self._status.epoch, self._policy.clock, now)
            if verdict is not None:
                yield Happening(Event.BAD_CHUNK, verdict.reason, verdict.text)
        if queue.next is not None and queue.over(queue.next, now):
            queue.clear()  # it waited for the person for too long
        running = self._policy.clock
        if running is not None and queue.next is None and queue.over(running, now):
            limit_s = self._config.chunk_timeout_s
            yield Happening(Event.CHUNK_OVER, text=f"chunk {running.chunk.id} ran out or is {limit_s} s old")
        blocked = self._status.help_wanted or self._status.release_required
        if queue.next is not None and not blocked:
            yield Happening(Event.CHUNK_READY, text=f"policy drives from chunk {queue.next.chunk.id}")

    def _apply(self, happening: Happening, now: Now) -> None:
        """Let one event act on the state machine, and start what the new state needs."""
        before = self._status
        self._status = step(before, happening)
        after = self._status
        if before.state is State.POLICY and happening.event in (Event.GUARD_HOLD, Event.BAD_CHUNK):
            self.guard.count_hold(now)
        if after.epoch != before.epoch:
            self._queue.clear()
            self._policy.drop()
        if after.state is State.EXPERT and before.state is not State.EXPERT and self._motion is not None:
            self._expert.start(self._commanded())
        if after.state is State.HOMING and before.state is not State.HOMING:
            self._homing_since_s = now.steady_s
        if after.state is State.POLICY and before.state is not State.POLICY:
            self._policy.start()
        if after.state is not State.POLICY:
            self._policy.drop()
        if happening.event in (Event.ARM, Event.HOME, Event.STOP, Event.SHUTDOWN):
            self._ease_to = None

    # --- motion

    def _move(
        self, teleop: TeleopCommand | None, now: Now, speed_scale: float
    ) -> tuple[GuardFlag, Verdict | None]:
        """Advance the commanded motion by one tick; return what the guard did."""
        self._reference = None
        if self._motion is None:
            return GuardFlag.HOLD, None
        arm, state = self._commanded(), self._status.state
        wish: Wish | None = None
        if state is State.POLICY:
            if (clock := self._queue.pop()) is not None:
                self._policy.take(clock, now.ros_s)
            wish = self._policy.wish(arm, now.ros_s + self._config.dt_s)
        elif state is State.EXPERT and teleop is not None:
            wish = self._expert.wish(arm, teleop, self._gripper_m)
        elif state is State.HOMING:
            scale = self._config.homing_speed_scale
            opening_m = self._gripper_m + min(self._open_m(), self.guard.gripper_step_m)
            wish = Wish(self._tracker.straight(arm, self._robot.home, scale), opening_m)
        elif self._ease_to is not None:
            scale = self._config.homing_speed_scale
            wish = Wish(self._tracker.straight(arm, self._ease_to, scale), self._gripper_m, GuardFlag.HOLD)
            if float(np.abs(self._ease_to - self._motion.q).max()) < HOME_TOLERANCE_RAD:
                self._ease_to = None
        if wish is None:
            self._advance(self.guard.brake(self._motion))
            return GuardFlag.HOLD, None
        self._reference = wish.reference
        if wish.problem and state is State.POLICY:
            self._advance(self.guard.brake(self._motion))
            return wish.flags | GuardFlag.HOLD, Verdict(Reaction.HOLD, Reason.IK_FAILED, wish.problem)
        motion, flags, verdict = self.guard.step(self._motion, wish.velocity, arm.jacobian, speed_scale)
        self._objection = verdict.text if verdict is not None else ""
        self._advance(motion)
        if verdict is not None and motion.still:
            self._ease_to = None  # it gets no nearer; silence and a fresh start are left
        gripper_m = wish.gripper_m
        for rule in self.guard.grippers:
            gripper_m, flag = rule.limit(gripper_m, self._gripper_m)
            flags |= flag
        self._gripper_m = gripper_m
        return flags | wish.flags, verdict

    def _advance(self, motion: MotionState) -> None:
        if motion is not self._motion:
            self._motion, self._arm = motion, None

    def _commanded(self) -> CommandedArm:
        """Return the commanded motion with its kinematics, computed once per change."""
        if self._motion is None:
            raise ValueError("there must be a joint state before anything is commanded")
        if self._arm is None:
            tcp, jacobian = self._robot.tcp_and_jacobian(self._motion.q)
            self._arm = CommandedArm(self._motion, Pose(tcp[:3, 3], tcp[:3, :3]), jacobian)
        return self._arm

    def _home_distance_rad(self) -> float:
        if self._motion is None:
            return -1.0
        return float(np.abs(self._robot.home - self._motion.q).max())

    def _open_m(self) -> float:
        """Return how far the hand still has to open [m]."""
        return self._robot.config.gripper.opening_max_m - self._gripper_m

    # --- report

    def _report(self, teleop: TeleopCommand | None, now: Now, source: Source, flags: GuardFlag) -> Tick:
        status, measured = self._status, self._measured
        chunk = self._policy.clock.chunk if source is Source.POLICY and self._policy.clock else None
        moving = self._motion is not None
        return Tick(
            seq=self._seq,
            state=status.state,
            reason=status.reason,
            text=status.text if moving else NO_JOINTS,
            armed=status.armed,
            epoch=status.epoch,
            intervention_id=status.intervention_id,
            source=source,
            chunk_id=chunk.id if chunk else 0,
            policy_version=chunk.policy_version if chunk else 0,
            chunk_age_s=now.ros_s - chunk.stamp_s if chunk else -1.0,
            command=self._motion.q.copy() if self._motion is not None else None,
            gripper_m=self._gripper_m if moving else None,
            reference=self._reference,
            measured=None if measured is None else np.append(measured.positions_rad, measured.gripper_m),
            action=pose_to_action(self._commanded().tcp, self._gripper_m) if moving else None,
            guard_flags=flags,
            sent=self._in_charge.now,
            marks=teleop.marks if teleop is not None else frozenset(),
            due_s=now.ros_s + self._config.dt_s,
            home_distance_rad=self._home_distance_rad(),
            chunks_refused=self._queue.refused,
        )


def _speed_scale(arm_state: ArmState | None) -> float:
    """Return the arm's speed slider, 0..1; what is not a number stops."""
    if arm_state is None:
        return 1.0
    scale = arm_state.speed_scale
    return min(max(scale, 0.0), 1.0) if np.isfinite(scale) else 0.0
