"""What each driver wants next: a joint velocity that leads the command where it should be one tick later."""

from dataclasses import dataclass

import numpy as np

from drift_control.chunks.clock import ChunkClock, SetPoint
from drift_control.chunks.join import ChunkJoin
from drift_control.gate.config import GateConfig
from drift_control.gate.state import GuardFlag
from drift_control.guard.guard import Guard
from drift_control.guard.target import PoseTarget
from drift_control.robot import ik
from drift_control.robot.motion import MotionState, approach_velocity
from drift_control.robot.pose import Array, Pose, rotation_from_vector, slerp
from drift_control.robot.robot import Robot
from drift_control.teleop.joystick import TeleopCommand

IK_POSITION_M = 0.01  # a set-point missed by more than this is out of reach
IK_ROTATION_RAD = 0.1


@dataclass(frozen=True)
class CommandedArm:
    """The commanded motion and what follows from it, computed once per tick."""

    motion: MotionState
    tcp: Pose
    jacobian: Array  # (6, J)


@dataclass(frozen=True)
class Wish:
    """What a driver wants of this tick."""

    velocity: Array  # (J,) [rad/s], not yet limited
    gripper_m: float
    flags: GuardFlag = GuardFlag.NONE
    problem: str = ""  # why the set-point cannot be reached
    reference: Array | None = None  # (J,) [rad] that is asked for, before any rule of the guard


class Tracker:
    """Turn set-points into joint velocities: feed-forward plus a pull toward the set-point."""

    def __init__(self, config: GateConfig, robot: Robot, guard: Guard) -> None:
        self._gain_1_s = config.tracking_gain_1_s
        self._robot = robot
        self._guard = guard

    def to_pose(self, arm: CommandedArm, target: PoseTarget, gripper_m: float, flags: GuardFlag) -> Wish:
        """Return the wish that leads the TCP to a pose, after the guard's clamps."""
        asked = target.pose
        for rule in self._guard.pose_targets:
            target, flag = rule.limit(target, arm.tcp)
            flags |= flag
        result = ik.solve(self._robot, target.pose, arm.motion.q)
        problem = ""
        if result.position_error_m > IK_POSITION_M or result.rotation_error_rad > IK_ROTATION_RAD:
            problem = (
                f"set-point {target.pose.position.round(3).tolist()} cannot be reached: "
                f"{result.position_error_m:.3f} m and {result.rotation_error_rad:.2f} rad are left"
            )
        feed_forward = ik.joint_velocity(self._robot, arm.jacobian, target.twist)
        velocity = self._toward(arm, result.q, feed_forward)
        unclamped = target.pose is asked
        reference = result.q if unclamped else ik.solve(self._robot, asked, arm.motion.q).q
        return Wish(velocity, gripper_m, flags, problem, reference)

    def to_joints(
        self, arm: CommandedArm, q: Array, velocity: Array, gripper_m: float, flags: GuardFlag
    ) -> Wish:
        """Return the wish that leads the joints to (J,) [rad], after the guard's clamps."""
        asked = q
        for rule in self._guard.joint_targets:
            q, flag = rule.limit(q)
            flags |= flag
        return Wish(self._toward(arm, q, velocity), gripper_m, flags, reference=asked)

    def straight(self, arm: CommandedArm, q: Array, speed_scale: float) -> Array:
        """Return velocities (J,) along a straight line in joint space, slowing down to stop at `q`."""
        error = q - arm.motion.q
        far = float(np.abs(error).max())
        if far < 1e-9:
            return np.zeros_like(error)
        approach = approach_velocity(np.array([far]), self._gain_1_s, self._robot.acceleration.min())[0]
        fastest = float((self._robot.velocity * speed_scale).min())
        return error * (min(approach, fastest) / far)

    def _toward(self, arm: CommandedArm, q: Array, feed_forward: Array) -> Array:
        error = q - arm.motion.q
        return feed_forward + approach_velocity(error, self._gain_1_s, self._robot.acceleration)


class PolicySource:
    """Execute one chunk after the other, each blended into the last; the first after a hold is ramped in."""

    def __init__(self, config: GateConfig, tracker: Tracker) -> None:
        self._tracker = tracker
        self._dt_s = config.dt_s
        self._blend_s = config.chunk_blend_s
        self._ramp_in_s = config.ramp_in_s
        self._ramp_s = 0.0  # time since the blend began
        self._join: ChunkJoin | None = None

    @property
    def clock(self) -> ChunkClock | None:
        """The chunk that is executed."""
        return None if self._join is None else self._join.clock

    def take(self, clock: ChunkClock, now_s: float) -> None:
        """Execute this chunk from ROS time `now_s` on."""
        self._join = ChunkJoin(clock, self._join, now_s, self._blend_s)

    def drop(self) -> None:
        """Nothing is left to execute."""
        self._join = None

    def start(self) -> None:
        """Begin the blend."""
        self._ramp_s = 0.0

    def wish(self, arm: CommandedArm, due_s: float) -> Wish:
        """Return what the chunk wants at ROS time `due_s`, one tick from now."""
        if self._join is None:
            raise ValueError("wish() must be called with a chunk taken")
        point = self._join.at(due_s)
        weight, flags = self._weight()
        self._ramp_s += self._dt_s
        if point.pose is None or point.twist is None:
            return self._joint_wish(arm, point, weight, flags)
        position = (1.0 - weight) * arm.tcp.position + weight * point.pose.position
        rotation = (
            point.pose.rotation if weight >= 1.0 else slerp(arm.tcp.rotation, point.pose.rotation, weight)
        )
        target = PoseTarget(Pose(position, rotation), weight * point.twist)
        return self._tracker.to_pose(arm, target, point.gripper_m, flags)

    def _joint_wish(self, arm: CommandedArm, point: SetPoint, weight: float, flags: GuardFlag) -> Wish:
        if point.joints is None or point.joint_velocity is None:
            raise ValueError("a set-point must have a pose or joint positions")
        q = (1.0 - weight) * arm.motion.q + weight * point.joints
        return self._tracker.to_joints(arm, q, weight * point.joint_velocity, point.gripper_m, flags)

    def _weight(self) -> tuple[float, GuardFlag]:
        """Return how much the chunk counts: from 0 to 1 along a smooth step."""
        if self._ramp_s >= self._ramp_in_s:
            return 1.0, GuardFlag.NONE
        u = (self._ramp_s + self._dt_s) / (self._ramp_in_s + self._dt_s)
        return u * u * (3.0 - 2.0 * u), GuardFlag.RAMP


class ExpertSource:
    """A rate device: its velocities move a reference pose that starts where the command is."""

    LEASH_M = 0.02  # the reference stays this close to the command, so that nothing winds up
    LEASH_RAD = 0.1

    def __init__(self, config: GateConfig, robot: Robot, tracker: Tracker, guard: Guard) -> None:
        self._tracker = tracker
        self._dt_s = config.dt_s
        self._linear_m_s2 = config.teleop_acceleration_m_s2
        self._angular_rad_s2 = config.teleop_angular_acceleration_rad_s2
        workspace = robot.config.workspace
        self._low = np.array(workspace.low_m)
        self._low[2] = max(self._low[2], workspace.floor_m)
        self._high = np.array(workspace.high_m)
        self._pose: Pose | None = None
        self._twist = np.zeros(6)

    def start(self, arm: CommandedArm) -> None:
        """Take over bumplessly: from the commanded pose, at the commanded velocity."""
        self._pose = arm.tcp
        self._twist = arm.jacobian @ arm.motion.v

    def wish(self, arm: CommandedArm, command: TeleopCommand, gripper_m: float) -> Wish:
        """Return what the person wants; `gripper_m` is the last commanded opening."""
        pose = self._leashed(arm)
        linear, angular = command.linear_m_s, command.angular_rad_s
        if command.frame == "tool":
            linear, angular = pose.rotation @ linear, pose.rotation @ angular
        linear = self._slowed_at_walls(pose.position, linear)
        self._twist = np.concatenate(
            (
                _approach(self._twist[:3], linear, self._linear_m_s2 * self._dt_s),
                _approach(self._twist[3:], angular, self._angular_rad_s2 * self._dt_s),
            )
        )
        position = pose.position + self._twist[:3] * self._dt_s
        low, high = np.minimum(self._low, pose.position), np.maximum(self._high, pose.position)
        inside = np.clip(position, low, high)
        flags = GuardFlag.WORKSPACE if (inside != position).any() else GuardFlag.NONE
        rotation = rotation_from_vector(self._twist[3:] * self._dt_s) @ pose.rotation
        self._pose = Pose(inside, rotation)
        target = PoseTarget(self._pose, self._twist.copy())
        opening_m = gripper_m + command.gripper_rate_m_s * self._dt_s
        return self._tracker.to_pose(arm, target, opening_m, flags)

    def _leashed(self, arm: CommandedArm) -> Pose:
        """Return the reference pose, pulled in where the command could not follow."""
        if self._pose is None:
            raise ValueError("start() must be called before wish()")
        away = self._pose.position - arm.tcp.position
        far = float(np.sqrt(away @ away)) / self.LEASH_M
        position = arm.tcp.position + away / far if far > 1.0 else self._pose.position
        turn = ik.rotation_vector(self._pose.rotation @ arm.tcp.rotation.T)
        far = float(np.sqrt(turn @ turn)) / self.LEASH_RAD
        rotation = rotation_from_vector(turn / far) @ arm.tcp.rotation if far > 1.0 else self._pose.rotation
        return Pose(position, rotation)

    def _slowed_at_walls(self, position: Array, linear: Array) -> Array:
        """Return the velocity (3,), each axis no faster than can be braked before the workspace ends."""
        below = np.maximum(position - self._low, 0.0)
        above = np.maximum(self._high - position, 0.0)
        brake = self._linear_m_s2 / 2.0
        return np.clip(linear, -np.sqrt(2.0 * brake * below), np.sqrt(2.0 * brake * above))


def _approach(value: Array, goal: Array, step: float) -> Array:
    """Return `value` moved toward `goal` by at most `step`."""
    gap = goal - value
    size = float(np.sqrt(gap @ gap))
    return goal if size <= step else value + gap * (step / size)
