"""Joint states of arm and gripper, which may come in several messages, merged by joint name."""

import math
from dataclasses import dataclass

import numpy as np

from drift_control.freshness import ahead
from drift_control.inputs import JointMessage, JointReading
from drift_control.publishers import Publishers
from drift_control.robot.config import RobotConfig

OPENING_MARGIN_M = 0.005  # by which a measured opening may be outside [0, opening_max_m]
# Repeats for ever what it heard last with the time of now, and invents positions before it has heard any.
RESTAMPING_NODE = "joint_state_publisher"


@dataclass(frozen=True)
class _Heard:
    position: float
    stamp_s: float
    arrival_s: float


class JointStateMerger:
    """Collect positions by name until every joint of the robot is known; joints of others are ignored.

    How old the arm is, is decided by the arm's joints alone: a gripper may be slower, or without a stamp, and
    has a limit of its own (`state_timeout_s` of its file). A value that cannot be believed is not taken, so
    that its joint grows stale, and `trouble` names it with the reason.
    """

    def __init__(self, config: RobotConfig) -> None:
        self._arm, self._gripper = config.joint_names, config.gripper
        self._names = (*self._arm, *self._gripper.joints)
        self._heard: dict[str, _Heard] = {}
        self._refused: dict[str, str] = {}  # by joint: why its newest value was not taken
        self._publishers = Publishers()
        self._told_stamp_s = math.nan  # of the arm's oldest joint, once all are known

    @property
    def reading(self) -> JointReading | None:
        """The newest state of all joints; None until each has been heard of."""
        if len(self._heard) < len(self._names):
            return None
        arm = [self._heard[name] for name in self._arm]
        hand = [self._heard[name].arrival_s for name in self._gripper.joints]
        return JointReading(
            positions_rad=np.array([joint.position for joint in arm]),
            gripper_m=self._opening_m({}),
            stamp_s=min(joint.stamp_s for joint in arm),
            arrival_s=min(joint.arrival_s for joint in arm),
            gripper_arrival_s=min(hand) if hand else None,
        )

    def merge(self, message: JointMessage, ros_s: float) -> bool:
        """Take in one message at ROS time `ros_s`; return whether `reading` tells the arm anew.

        It does not as long as a joint has not been heard of, or the arm's oldest joint has no new stamp.
        """
        if whole := self._objection_to_all(message, ros_s):
            self._refused |= dict.fromkeys(filter(self._knows, message.names), whole)
            return False
        pairs = zip(message.names, message.positions, strict=True)
        values = {name: q for name, q in pairs if self._knows(name)}
        reasons = self._objections(values, message.stamp_s)
        self._refused |= reasons
        taken = [name for name in values if name not in reasons]
        for name in taken:
            self._heard[name] = _Heard(float(values[name]), message.stamp_s, message.arrival_s)
            self._refused.pop(name, None)
        if not taken:
            return False
        self._publishers.heard(message.publisher, taken, message.arrival_s)
        if len(self._heard) < len(self._names):
            return False
        before_s, self._told_stamp_s = (
            self._told_stamp_s,
            min(self._heard[name].stamp_s for name in self._arm),
        )
        return self._told_stamp_s != before_s

    def trouble(self, now_s: float, arm_timeout_s: float) -> str:
        """Name the joints that were never heard of, or not for too long, with the reason; empty if none."""
        said: dict[str, list[str]] = {}  # what is wrong -> joints
        for name in self._names:
            heard = self._heard.get(name)
            limit_s = self._gripper.state_timeout_s if name in self._gripper.joints else arm_timeout_s
            age_s = math.inf if heard is None else now_s - heard.arrival_s
            if age_s > limit_s:
                silence = "never received" if heard is None else f"nothing for {age_s:.1f} s"
                reason = self._refused.get(name)
                said.setdefault(f"{silence} ({reason})" if reason else silence, []).append(name)
        return "; ".join(f"{self._listed(names)}: {what}" for what, names in said.items())

    def conflict(self, now_s: float) -> str:
        """Return which joints come from two publishers at a time, and from which; empty if none."""
        return self._publishers.conflict(now_s)

    def _objection_to_all(self, message: JointMessage, ros_s: float) -> str:
        """Return why nothing of a message is taken; empty if something may be."""
        if len(message.names) != len(message.positions):
            return f"{len(message.names)} names with {len(message.positions)} positions"
        if message.publisher.identity and not message.publisher.name:
            return "it is not known yet which node sends them"  # it may be the one below
        if message.publisher.name.rpartition("/")[2].startswith(RESTAMPING_NODE):
            return (
                f"from {message.publisher}, which gives old positions a new stamp: "
                "joint_state_topics must name the topics of the drivers"
            )
        return ahead(message.stamp_s, ros_s)

    def _objections(self, values: dict[str, float], stamp_s: float) -> dict[str, str]:
        """Return why values are not taken, by joint."""
        reasons = {
            name: reason for name, q in values.items() if (reason := self._objection(name, q, stamp_s))
        }
        return reasons | self._out_of_range({name: q for name, q in values.items() if name not in reasons})

    def _objection(self, name: str, position: float, stamp_s: float) -> str:
        if not math.isfinite(position):
            return "not finite"
        if stamp_s == 0.0:
            return "" if name in self._gripper.joints else "without a stamp"
        heard = self._heard.get(name)
        return "its stamp stands still" if heard is not None and heard.stamp_s == stamp_s else ""

    def _out_of_range(self, values: dict[str, float]) -> dict[str, str]:
        """Return the fingers that do not give an opening which this gripper can have."""
        fingers = {name: q for name, q in values.items() if name in self._gripper.joints}
        openings_m = [self._gripper.joints[name].share_m(q) for name, q in fingers.items()]
        if fingers and all(name in fingers or name in self._heard for name in self._gripper.joints):
            openings_m.append(self._opening_m(fingers))
        most_m = self._gripper.opening_max_m
        if all(-OPENING_MARGIN_M <= opening_m <= most_m + OPENING_MARGIN_M for opening_m in openings_m):
            return {}
        return {
            name: f"at {q:.4g}, an opening of {openings_m[-1]:.4g} m, which must lie in [0, {most_m:.4g}]"
            for name, q in fingers.items()
        }

    def _opening_m(self, newest: dict[str, float]) -> float:
        heard = {name: self._heard[name].position for name in self._gripper.joints if name not in newest}
        return self._gripper.opening_m(heard | newest)

    def _listed(self, names: list[str]) -> str:
        return "all joints" if len(names) == len(self._names) else ", ".join(names)

    def _knows(self, name: str) -> bool:
        return name in self._names
