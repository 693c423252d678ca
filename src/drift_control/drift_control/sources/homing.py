"""The way home or elsewhere: straight in joint space, or around what is in between as a planner says."""

from dataclasses import dataclass

import numpy as np

from drift_control.commanded import CommandedArm
from drift_control.gate.config import GateConfig
from drift_control.gate.gate import Event, Happening
from drift_control.gate.state import Reason
from drift_control.guard.guard import Guard
from drift_control.inputs import Now, PlanAnswer
from drift_control.planning.scene import Scene
from drift_control.planning.target import HOME, Joints, Target, TcpPose
from drift_control.planning.targets import joint_positions
from drift_control.robot.pose import Array, rotation_vector
from drift_control.robot.robot import Robot
from drift_control.sources.route import Route
from drift_control.sources.tracker import ARRIVED_RAD, Tracker
from drift_control.sources.wish import MotionRequest
from drift_control.teleop.command import TeleopCommand

OPEN_TOLERANCE_M = 1e-6
POSE_M, POSE_RAD = 0.001, 0.01  # a way to a pose ends this near to it
ANSWER_S = 1.0  # beyond its own limit, for a planner to answer


@dataclass(frozen=True)
class PlanQuestion:
    """A way that is asked for; whoever runs the control loop asks a planner, and hands in its answer."""

    id: int
    start: Array  # (J,) [rad] where the command rests
    target: Joints | TcpPose
    limit_s: float


class HomingSource:
    """Lead the arm to a target, for as long as that may take. A plan is awaited at rest.

    On the way home the hand opens; else it is kept. Only a planner knows joint positions for a TCP pose.
    """

    def __init__(self, config: GateConfig, robot: Robot, tracker: Tracker, guard: Guard) -> None:
        self._robot, self._tracker = robot, tracker
        self._scene = Scene(robot)
        self._gain_1_s, self._dt_s = config.tracking_gain_1_s, config.dt_s
        self._speed_scale = config.homing_speed_scale
        self._timeout_s = config.homing_timeout_s
        self._plan_limit_s = config.plan_limit_s
        self._gripper_step_m = guard.gripper_step_m
        self._dry_run = config.dry_run
        self._since_s = 0.0
        self.target: Target = HOME  # of the next start
        self._aim: Joints | TcpPose = Joints(robot.home)  # the same, at the turn where the arm is
        self._goal: Array | None = None  # (J,) [rad], from the start on; None: a planner says it
        self._opening_m: float | None = None  # to lead the hand to; None: as it is
        self._route: Route | None = None  # None: a plan is needed
        self._in_the_way = ""  # of the straight line
        self._questions = 0
        self._asked_s = 0.0
        self._no_plan = ""  # why there is none
        self.question: PlanQuestion | None = None  # not answered yet
        self.objection = ""  # of the guard to the last step

    @property
    def note(self) -> str:
        """What it waits for, in words."""
        if self._route is not None:
            return ""
        return f"a way around is planned: {self._in_the_way}" if self._in_the_way else "a way is planned"

    def start(self, arm: CommandedArm, now: Now) -> None:
        """Begin; the time runs."""
        self._since_s = now.steady_s
        self._route, self.question, self._no_plan = None, None, ""
        home = self.target == HOME
        self._opening_m = self._robot.config.gripper.opening_max_m if home else None
        if isinstance(self.target, TcpPose):
            self._aim, self._goal, self._in_the_way = self.target, None, ""
            return
        self._goal = self._tracker.nearest_turn(arm, joint_positions(self._robot, self.target))
        self._aim = Joints(self._goal)
        straight = np.array((arm.motion.q, self._goal))
        found = self._scene.way_objection(straight)
        self._in_the_way = "" if found is None else found.text
        if found is None:
            self._follow(straight)

    def take(self, answer: PlanAnswer | None) -> None:
        """Take a planner's answer, if it is one to the question that waits."""
        if answer is None or self.question is None or answer.id != self.question.id:
            return
        start, self.question = self.question.start, None
        points, n = answer.points, self._robot.n_joints
        if points is None:
            self._no_plan = answer.text
        elif points.ndim != 2 or points.shape[1] != n or not np.isfinite(points).all():
            self._no_plan = f"the planner's way must be (P, {n}) finite numbers"
        elif np.abs(points[0] - start).max() > ARRIVED_RAD or not self._leads_there(points[-1]):
            self._no_plan = f"the planner's way does not lead from the arm to {self.target}"
        else:
            self._goal = points[-1]
            self._follow(points)

    def wish(self, arm: CommandedArm, teleop: TeleopCommand | None, now: Now) -> MotionRequest | None:
        """Return what brings arm and hand nearer, None while a plan is awaited."""
        if self._route is None:
            if arm.motion.still and self.question is None and not self._no_plan:
                self._ask(arm, now)
            return None
        opening_m = arm.gripper_m + min(self._to_open_m(arm), self._gripper_step_m)
        return MotionRequest(self._route.velocity(arm), opening_m)

    def distance_rad(self, arm: CommandedArm) -> float:
        """Return the largest joint distance to the target [rad]; -1 where nobody knows (yet)."""
        return -1.0 if self._goal is None else float(np.abs(self._goal - arm.motion.q).max())

    def happenings(
        self, arm: CommandedArm, measured: Array | None, cancelled: bool, now: Now
    ) -> list[Happening]:
        """Return how it ended, if it did."""
        if cancelled:
            return [Happening(Event.HOME_ENDED, Reason.STOP_REQUESTED, "homing cancelled")]
        if self.question is not None and now.steady_s - self._asked_s > self._plan_limit_s + ANSWER_S:
            self._no_plan = f"no answer of planner/plan within {self._plan_limit_s + ANSWER_S:g} s"
        if self._no_plan:
            around = (self._in_the_way, self._no_plan, "drive around it by joystick")
            text = f"no way {self._toward}: {'; '.join(around) if self._in_the_way else self._no_plan}"
            return [Happening(Event.HOME_ENDED, Reason.NO_WAY, text)]
        if now.steady_s - self._since_s > self._timeout_s:
            text = f"not at {self.target} after {self._timeout_s} s"
            text += f": {self.objection}" if self.objection else ""
            return [Happening(Event.HOME_ENDED, Reason.NONE, text)]
        there = 0.0 <= self.distance_rad(arm) < ARRIVED_RAD and self._to_open_m(arm) < OPEN_TOLERANCE_M
        if there and (self._dry_run or self._has_come(measured)):
            return [Happening(Event.HOME_DONE, text=f"at {self.target}")]
        return []

    def _follow(self, points: Array) -> None:
        self._route = Route(self._robot, points, self._gain_1_s, self._speed_scale, self._dt_s)

    def _ask(self, arm: CommandedArm, now: Now) -> None:
        self._questions += 1
        self._asked_s = now.steady_s
        self.question = PlanQuestion(self._questions, arm.motion.q, self._aim, self._plan_limit_s)

    @property
    def _toward(self) -> str:
        return "home" if self.target == HOME else f"to {self.target}"

    def _leads_there(self, end: Array) -> bool:
        """Return whether a way that ends at (J,) ends at the target."""
        if self._goal is not None:
            return float(np.abs(end - self._goal).max()) <= ARRIVED_RAD
        if not isinstance(self.target, TcpPose):
            return False
        tcp, asked = self._robot.forward(end), self.target.pose
        turn = rotation_vector(tcp.rotation.T @ asked.rotation)
        away_m = float(np.linalg.norm(tcp.position - asked.position))
        return away_m <= POSE_M and float(np.linalg.norm(turn)) <= POSE_RAD

    def _has_come(self, measured: Array | None) -> bool:
        """An arm that does not come after is not there, and soon a fault."""
        if measured is None or self._goal is None:
            return False
        away_rad = np.abs(self._robot.nearest_turn(self._goal, measured) - measured)
        return float(away_rad.max()) <= self._robot.config.start_tolerance_rad

    def _to_open_m(self, arm: CommandedArm) -> float:
        """Return how far the hand still has to open [m]."""
        return 0.0 if self._opening_m is None else self._opening_m - arm.gripper_m
