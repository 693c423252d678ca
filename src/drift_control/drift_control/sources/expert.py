"""The person: by rates, by a pose or by joint positions, as the device has it that drives."""

from drift_control.commanded import CommandedArm
from drift_control.gate.config import GateConfig
from drift_control.gate.state import GuardFlag
from drift_control.inputs import Now
from drift_control.robot.robot import Robot
from drift_control.sources.followers import JointFollower, OpeningFollower, PoseFollower, RateFollower
from drift_control.sources.tracker import Tracker
from drift_control.sources.wish import MotionRequest
from drift_control.teleop.command import Guiding, JointLead, Motion, TcpLead, TcpRate, TeleopCommand

Follower = RateFollower | PoseFollower | JointFollower


class ExpertSource:
    """What the device asks for is followed from where the arm is when it begins to drive."""

    def __init__(self, config: GateConfig, robot: Robot, tracker: Tracker) -> None:
        self._config, self._robot, self._tracker = config, robot, tracker
        self._follower: Follower | None = None  # from the first tick after the press on
        self._opening: OpeningFollower | None = None

    def start(self, arm: CommandedArm, now: Now) -> None:
        """Take over, also from another device: the clutch is taken anew."""
        self._follower = self._opening = None

    def wish(self, arm: CommandedArm, teleop: TeleopCommand | None, now: Now) -> MotionRequest | None:
        """Return what the person wants; None without a fresh command, and before she guides the arm."""
        if teleop is None or isinstance(teleop.motion, Guiding):
            return None
        motion = teleop.motion
        if self._follower is None:
            self._follower = self._begin(arm, motion)
        opening_m = self._opening_m(arm, teleop)
        follower = self._follower
        if isinstance(motion, TcpRate) and isinstance(follower, RateFollower):
            target, flags = follower.target(arm, motion)
            return self._tracker.to_pose(arm, target, opening_m, flags)
        if isinstance(motion, TcpLead) and isinstance(follower, PoseFollower):
            target, flags = follower.target(arm, motion)
            return self._tracker.to_pose(arm, target, opening_m, flags)
        if isinstance(motion, JointLead) and isinstance(follower, JointFollower):
            q, velocity = follower.target(arm, motion)
            return self._tracker.to_joints(arm, q, velocity, opening_m, GuardFlag.NONE)
        raise ValueError(f"start() must be called when another device drives, got {motion!r}")

    def _begin(self, arm: CommandedArm, motion: Motion) -> Follower:
        if isinstance(motion, TcpLead):
            return PoseFollower(self._config, self._robot, arm, motion)
        if isinstance(motion, JointLead):
            self._opening = OpeningFollower(self._robot.config.gripper.opening_max_m, arm)
            return JointFollower(self._config, self._robot, arm, motion)
        return RateFollower(self._config, self._robot, arm)

    def _opening_m(self, arm: CommandedArm, teleop: TeleopCommand) -> float:
        motion = teleop.motion
        if isinstance(motion, JointLead) and motion.opening is not None and self._opening is not None:
            return self._opening.opening_m(motion.opening)
        return arm.gripper_m + teleop.gripper_rate_m_s * self._config.dt_s
