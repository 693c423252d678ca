"""The policy: chunks of set-points in time."""

import numpy as np

from drift_control.chunks.clock import ChunkClock, SetPoint
from drift_control.chunks.join import ChunkJoin
from drift_control.chunks.queue import ChunkQueue
from drift_control.commanded import CommandedArm
from drift_control.gate.config import GateConfig
from drift_control.gate.state import GuardFlag
from drift_control.guard.target import PoseTarget
from drift_control.inputs import Now
from drift_control.robot.pose import Array, Pose, pose_to_action, slerp
from drift_control.sources.tracker import Tracker
from drift_control.sources.wish import MotionRequest
from drift_control.teleop.command import TeleopCommand


class PolicySource:
    """Execute one chunk after the other, each blended into the last; the first after a hold is ramped in."""

    def __init__(self, config: GateConfig, tracker: Tracker, queue: ChunkQueue) -> None:
        self._tracker = tracker
        self.queue = queue
        self._dt_s = config.dt_s
        self._blend_s = config.chunk_blend_s
        self._ramp_in_s = config.ramp_in_s
        self._ramp_s = 0.0  # time since the blend began
        self._join: ChunkJoin | None = None

    @property
    def clock(self) -> ChunkClock | None:
        """The chunk that is executed."""
        return None if self._join is None else self._join.clock

    def void(self) -> None:
        """Forget every chunk: the one that is executed and the one that waits."""
        self.queue.void()
        self.drop()

    def drop(self) -> None:
        """Nothing is left to execute."""
        self._join = None

    def proposed(self, arm: CommandedArm, ros_s: float) -> tuple[int, Array | None]:
        """Return what the policy wants at a time, whoever drives, as its action (A,), and the chunk's id.

        Neither ramp, blend nor guard has changed it. (0, None): it wants nothing.
        """
        if (clock := self.queue.wanted(ros_s)) is None:
            return 0, None
        point = clock.at(ros_s)
        if point.pose is not None:
            return clock.chunk.id, pose_to_action(point.pose, point.gripper_m)
        if point.joints is None:
            raise ValueError("a set-point must have a pose or joint positions")
        return clock.chunk.id, np.append(self._tracker.nearest_turn(arm, point.joints), point.gripper_m)

    def start(self, arm: CommandedArm, now: Now) -> None:
        """Begin the blend."""
        self._ramp_s = 0.0

    def wish(self, arm: CommandedArm, teleop: TeleopCommand | None, now: Now) -> MotionRequest:
        """Return what the chunk wants one tick from now."""
        if (clock := self.queue.pop()) is not None:
            clock = self._in_turn_of(arm, clock, now.ros_s + self._dt_s)
            self._join = ChunkJoin(clock, self._join, now.ros_s, self._blend_s)
        if self._join is None:
            raise ValueError("wish() must be called with a chunk to execute")
        point = self._join.at(now.ros_s + self._dt_s)
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

    def _in_turn_of(self, arm: CommandedArm, clock: ChunkClock, ros_s: float) -> ChunkClock:
        """Return a chunk, whole turns away where the arm is nearer to that: a policy sees no whole turns.

        All of it by the same turns, before it is blended into the chunk that runs.
        """
        joints = clock.at(ros_s).joints
        return clock if joints is None else clock.turned(self._tracker.nearest_turn(arm, joints) - joints)

    def _joint_wish(
        self, arm: CommandedArm, point: SetPoint, weight: float, flags: GuardFlag
    ) -> MotionRequest:
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
