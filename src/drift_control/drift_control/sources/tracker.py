"""From set-points to joint velocities that lead the command there, shared by all sources."""

import numpy as np

from drift_control.commanded import CommandedArm
from drift_control.gate.config import GateConfig
from drift_control.gate.state import GuardFlag
from drift_control.guard.guard import Guard
from drift_control.guard.target import PoseTarget
from drift_control.robot import ik
from drift_control.robot.motion import approach_velocity
from drift_control.robot.pose import Array
from drift_control.robot.robot import Robot
from drift_control.sources.wish import MotionRequest

IK_POSITION_M = 0.01  # a set-point missed by more than this is out of reach
IK_ROTATION_RAD = 0.1
ARRIVED_RAD = 0.002  # a joint this near to the end of a straight way is there


class Tracker:
    """Turn set-points into joint velocities: feed-forward plus a pull toward the set-point."""

    def __init__(self, config: GateConfig, robot: Robot, guard: Guard) -> None:
        self._gain_1_s = config.tracking_gain_1_s
        self._robot = robot
        self._guard = guard

    def to_pose(
        self, arm: CommandedArm, target: PoseTarget, gripper_m: float, flags: GuardFlag
    ) -> MotionRequest:
        """Return the wish that leads the TCP to a pose, after the guard's clamps."""
        asked = target.pose
        for rule in self._guard.pose_targets:
            target, flag = rule.limit(target, arm.tcp)
            flags |= flag
        start = arm.motion.q, ik.ITERATIONS, (arm.tcp, arm.jacobian)
        result = ik.solve(self._robot, target.pose, *start)
        problem = ""
        if result.position_error_m > IK_POSITION_M or result.rotation_error_rad > IK_ROTATION_RAD:
            problem = (
                f"set-point {target.pose.position.round(3).tolist()} cannot be reached: "
                f"{result.position_error_m:.3f} m and {result.rotation_error_rad:.2f} rad are left"
            )
        feed_forward = ik.joint_velocity(arm.jacobian, target.twist)
        velocity = self._toward(arm, result.q, feed_forward)
        unclamped = target.pose is asked
        reference = result.q if unclamped else ik.solve(self._robot, asked, *start).q
        return MotionRequest(velocity, gripper_m, flags, problem, reference)

    def to_joints(
        self, arm: CommandedArm, q: Array, velocity: Array, gripper_m: float, flags: GuardFlag
    ) -> MotionRequest:
        """Return the wish that leads the joints to (J,) [rad], after the guard's clamps."""
        asked = q
        for rule in self._guard.joint_targets:
            q, flag = rule.limit(q)
            flags |= flag
        return MotionRequest(self._toward(arm, q, velocity), gripper_m, flags, reference=asked)

    def nearest_turn(self, arm: CommandedArm, q: Array) -> Array:
        """Return joint positions (J,), whole turns away where the arm is nearer to that."""
        return self._robot.nearest_turn(q, arm.motion.q)

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
