"""From one chunk to the next without a jump: a blend over the time that both of them cover."""

from drift_control.chunks.clock import ChunkClock, SetPoint
from drift_control.robot.pose import Array, Pose, rotation_vector, slerp


class ChunkJoin:
    """A chunk that fades in over what ran before; without a predecessor, the chunk itself.

    Until the first due time of the new chunk, which knows nothing of the way there, the old one runs alone.
    """

    def __init__(self, clock: ChunkClock, before: "ChunkJoin | None", now_s: float, blend_s: float) -> None:
        """`now_s`: ROS time of the last tick that `before` decided; `blend_s` 0: a jump."""
        self.clock = clock
        self._before = before if blend_s > 0.0 else None
        self._begin_s = max(now_s, clock.chunk.stamp_s + clock.chunk.dt_s)
        self._blend_s = blend_s

    def at(self, ros_s: float) -> SetPoint:
        """Return the set-point of ROS time `ros_s`; times must not decrease from call to call."""
        if self._before is None:
            return self.clock.at(ros_s)
        u = max((ros_s - self._begin_s) / self._blend_s, 0.0)
        if u >= 1.0:
            self._before = None  # and so no chain of old chunks is kept
            return self.clock.at(ros_s)
        weight, rate_1_s = u * u * (3.0 - 2.0 * u), 6.0 * u * (1.0 - u) / self._blend_s
        return _blend(self._before.at(ros_s), self.clock.at(ros_s), weight, rate_1_s)


def _blend(old: SetPoint, new: SetPoint, weight: float, rate_1_s: float) -> SetPoint:
    """Return (1 - weight) `old` + weight `new`, moving as that does while the weight grows by `rate_1_s`."""

    def mix(a: Array, b: Array) -> Array:
        return (1.0 - weight) * a + weight * b

    gripper_m = (1.0 - weight) * old.gripper_m + weight * new.gripper_m
    if old.pose is not None and old.twist is not None and new.pose is not None and new.twist is not None:
        twist = mix(old.twist, new.twist)
        twist[:3] += rate_1_s * (new.pose.position - old.pose.position)
        twist[3:] += rate_1_s * rotation_vector(new.pose.rotation @ old.pose.rotation.T)
        rotation = slerp(old.pose.rotation, new.pose.rotation, weight)
        return SetPoint(
            Pose(mix(old.pose.position, new.pose.position), rotation), twist, None, None, gripper_m
        )
    if old.joints is None or old.joint_velocity is None or new.joints is None or new.joint_velocity is None:
        return new  # chunks of different action spaces have nothing in common
    velocity = mix(old.joint_velocity, new.joint_velocity) + rate_1_s * (new.joints - old.joints)
    return SetPoint(None, None, mix(old.joints, new.joints), velocity, gripper_m)
