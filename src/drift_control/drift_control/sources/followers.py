"""How the arm follows each kind of what a person asks for, from the press of enable until it is let go.

All of them begin at the command, at its velocity, and come to rest from there as if a stick was let go. What
leads by its position is followed by rates, so that a press, a jump or a wall never asks for a step.
"""

import math

import numpy as np

from drift_control.commanded import CommandedArm
from drift_control.gate.config import GateConfig
from drift_control.gate.state import GuardFlag
from drift_control.guard.target import PoseTarget
from drift_control.robot.pose import Array, Pose, rotation_from_vector, rotation_vector
from drift_control.robot.robot import TURN_RAD, Robot
from drift_control.sources.tcp_reference import TcpReference, approach
from drift_control.teleop.clutch import JointClutch, PoseClutch
from drift_control.teleop.command import JointLead, TcpLead, TcpRate

# a reference follows what leads with a lag of 1 / GAIN_1_S, and of what its acceleration needs
GAIN_1_S = 12.0
LEAD_M = 0.1  # what leads by more is let slip: a hand that comes back from beyond a wall is followed at once
LEAD_RAD = 0.5
LEASH_RAD = 0.1  # a reference of joints stays this close to the command, so that nothing winds up


class RateFollower:
    """The rates of a stick."""

    def __init__(self, config: GateConfig, robot: Robot, arm: CommandedArm) -> None:
        self._reference = TcpReference(config, robot, arm)

    def target(self, arm: CommandedArm, rate: TcpRate) -> tuple[PoseTarget, GuardFlag]:
        """Return where the TCP is asked to be one tick on."""
        self._reference.pull_in(arm)
        linear, angular = rate.linear_m_s, rate.angular_rad_s
        if rate.frame == "tool":
            rotation = self._reference.pose.rotation
            linear, angular = rotation @ linear, rotation @ angular
        return self._reference.move(linear, angular)


class PoseFollower:
    """A thing in a person's hand, by a clutch."""

    def __init__(self, config: GateConfig, robot: Robot, arm: CommandedArm, lead: TcpLead) -> None:
        self._dt_s = config.dt_s
        self._reference = TcpReference(config, robot, arm)
        self._carry = self._reference.twist.copy()  # (6,) with which the arm came, until it has come to rest
        self._clutch = PoseClutch(arm.tcp, lead)

    def target(self, arm: CommandedArm, lead: TcpLead) -> tuple[PoseTarget, GuardFlag]:
        """Return where the TCP is asked to be one tick on."""
        reference, dt_s = self._reference, self._dt_s
        reference.pull_in(arm)
        goal = self._within_reach(lead)
        linear = _toward(
            goal.position - reference.pose.position, lead.linear_speed_m_s, reference.linear_m_s2
        )
        turn = rotation_vector(goal.rotation @ reference.pose.rotation.T)
        angular = _toward(turn, lead.angular_speed_rad_s, reference.angular_rad_s2)
        self._carry = np.concatenate(
            (
                approach(self._carry[:3], np.zeros(3), reference.linear_m_s2 * dt_s),
                approach(self._carry[3:], np.zeros(3), reference.angular_rad_s2 * dt_s),
            )
        )
        self._clutch.coast(self._carry[:3] * dt_s, self._carry[3:] * dt_s)
        return reference.move(linear + self._carry[:3], angular + self._carry[3:])

    def _within_reach(self, lead: TcpLead) -> Pose:
        """Return where the TCP belongs; what leads by too much has slipped."""
        here, goal = self._reference.pose, self._clutch.goal(lead)
        away, turn = goal.position - here.position, rotation_vector(goal.rotation @ here.rotation.T)
        far, wide = math.sqrt(away @ away) / LEAD_M, math.sqrt(turn @ turn) / LEAD_RAD
        if max(far, wide) <= 1.0:
            return goal
        position = here.position + away / max(far, 1.0)
        goal = Pose(position, rotation_from_vector(turn / max(wide, 1.0)) @ here.rotation)
        self._clutch.take(goal, lead)
        return goal


class JointFollower:
    """A leader arm, by a clutch, or by going where it is."""

    def __init__(self, config: GateConfig, robot: Robot, arm: CommandedArm, lead: JointLead) -> None:
        self._dt_s = config.dt_s
        self._speed_rad_s, self._acceleration = robot.velocity * lead.speed_scale, robot.acceleration / 2.0
        self._q, self._v = arm.motion.q.copy(), arm.motion.v.copy()
        self._carry = arm.motion.v.copy()  # (J,) with which the arm came, until it has come to rest
        self._clutch = JointClutch(arm.motion.q, lead)
        self._turns_rad = np.where(lead.led, _turns_rad(robot, lead.positions_rad, arm.motion.q), 0.0)
        self._matched = lead.start == "clutch"

    def target(self, arm: CommandedArm, lead: JointLead) -> tuple[Array, Array]:
        """Return where the joints (J,) [rad] are asked to be one tick on, and how fast (J,) [rad/s]."""
        self._q = arm.motion.q + np.clip(self._q - arm.motion.q, -LEASH_RAD, LEASH_RAD)
        away = self._goal(lead) - self._q
        limit_rad_s = self._speed_rad_s
        if not self._matched:
            self._matched = float(np.abs(away[lead.led]).max()) <= lead.match_rad
            limit_rad_s = np.minimum(limit_rad_s, lead.match_speed_rad_s)
        size = np.abs(away)
        wanted = np.sign(away) * np.minimum(
            np.minimum(GAIN_1_S * size, np.sqrt(self._acceleration * size)), limit_rad_s
        )
        step = self._acceleration * self._dt_s
        self._carry -= np.clip(self._carry, -step, step)
        self._clutch.coast(self._carry * self._dt_s)
        self._v = self._v + np.clip(wanted + self._carry - self._v, -step, step)
        self._q = self._q + self._v * self._dt_s
        return self._q, self._v

    def _goal(self, lead: JointLead) -> Array:
        goal = self._clutch.goal(lead)
        if lead.start == "match":
            return np.where(lead.led, lead.positions_rad + self._turns_rad, goal)
        within = self._q + np.clip(goal - self._q, -LEAD_RAD, LEAD_RAD)
        if (within != goal).any():
            self._clutch.take(within, lead)
        return within


class OpeningFollower:
    """A leader's hand: what it opens and closes by, between the ends of the arm's own.

    At the ends it slips, so that both are alike once the leader's was at both of its ends. Nothing is dropped
    because somebody presses enable with an open hand.
    """

    def __init__(self, opening_max_m: float, arm: CommandedArm) -> None:
        self._max_m, self._opening_m = opening_max_m, arm.gripper_m
        self._last: float | None = None

    def opening_m(self, opening: float) -> float:
        """Return the opening to ask for [m]; `opening`: of the leader's hand, 0 to 1."""
        last, self._last = opening if self._last is None else self._last, opening
        self._opening_m = min(max(self._opening_m + (opening - last) * self._max_m, 0.0), self._max_m)
        return self._opening_m


def _turns_rad(robot: Robot, leader: Array, q: Array) -> Array:
    """Return whole turns (J,) [rad], from a leader's positions into the limits and near to `q`."""
    over, under = np.maximum(leader - robot.high, 0.0), np.maximum(robot.low - leader, 0.0)
    turned = leader + TURN_RAD * (np.ceil(under / TURN_RAD) - np.ceil(over / TURN_RAD))
    inside = (turned >= robot.low) & (turned <= robot.high)
    return robot.nearest_turn(np.where(inside, turned, leader), q) - leader


def _toward(away: Array, speed: float, acceleration: float) -> Array:
    """Return the velocity (3,) along `away` (3,) from which the reference can still brake at its end."""
    size = math.sqrt(away @ away)
    if size < 1e-12:
        return np.zeros(3)
    return away * (min(GAIN_1_S * size, math.sqrt(acceleration * size), speed) / size)
