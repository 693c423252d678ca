"""The way home, the hand opening: straight in joint space, or around what is in between as a planner says."""

from dataclasses import dataclass

import numpy as np

from drift_control.commanded import CommandedArm
from drift_control.gate.config import GateConfig
from drift_control.gate.gate import Event, Happening
from drift_control.gate.state import Reason
from drift_control.guard.guard import Guard
from drift_control.inputs import Now, PlanAnswer
from drift_control.planning.scene import Scene
from drift_control.robot.pose import Array
from drift_control.robot.robot import Robot
from drift_control.sources.route import Route
from drift_control.sources.tracker import ARRIVED_RAD, Tracker
from drift_control.sources.wish import MotionRequest
from drift_control.teleop.joystick import TeleopCommand

OPEN_TOLERANCE_M = 1e-6
ANSWER_S = 1.0  # beyond its own limit, for a planner to answer


@dataclass(frozen=True)
class PlanQuestion:
    """A way that is asked for; whoever runs the control loop asks a planner, and hands in its answer."""

    id: int
    start: Array  # (J,) [rad] where the command rests
    goal: Array  # (J,) [rad]
    limit_s: float


class HomingSource:
    """Lead arm and hand home, for as long as that may take. A plan is awaited at rest."""

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
        return "" if self._route is not None else f"a way around is planned: {self._in_the_way}"

    def start(self, arm: CommandedArm, now: Now) -> None:
        """Begin; the time runs."""
        self._since_s = now.steady_s
        self._route, self.question, self._no_plan = None, None, ""
        straight = np.array((arm.motion.q, self._home(arm)))
        found = self._scene.way_objection(straight)
        self._in_the_way = "" if found is None else found.text
        if found is None:
            self._follow(straight)

    def take(self, answer: PlanAnswer | None) -> None:
        """Take a planner's answer, if it is one to the question that waits."""
        if answer is None or self.question is None or answer.id != self.question.id:
            return
        start, goal, self.question = self.question.start, self.question.goal, None
        points = answer.points
        if points is None:
            self._no_plan = answer.text
        elif points.ndim != 2 or points.shape[1] != len(goal) or not np.isfinite(points).all():
            self._no_plan = f"the planner's way must be (P, {len(goal)}) finite numbers"
        elif max(np.abs(points[0] - start).max(), np.abs(points[-1] - goal).max()) > ARRIVED_RAD:
            self._no_plan = "the planner's way does not lead from the arm to home"
        else:
            self._follow(points)

    def wish(self, arm: CommandedArm, teleop: TeleopCommand | None, now: Now) -> MotionRequest | None:
        """Return what brings arm and hand nearer, None while a plan is awaited."""
        if self._route is None:
            if arm.motion.still and self.question is None and not self._no_plan:
                self._ask(arm, now)
            return None
        opening_m = arm.gripper_m + min(self._open_m(arm), self._gripper_step_m)
        return MotionRequest(self._route.velocity(arm), opening_m)

    def distance_rad(self, arm: CommandedArm) -> float:
        """Return the largest joint distance to home [rad]."""
        return float(np.abs(self._home(arm) - arm.motion.q).max())

    def happenings(
        self, arm: CommandedArm, measured: Array | None, cancelled: bool, now: Now
    ) -> list[Happening]:
        """Return how it ended, if it did."""
        if cancelled:
            return [Happening(Event.HOME_ENDED, Reason.STOP_REQUESTED, "homing cancelled")]
        if self.question is not None and now.steady_s - self._asked_s > self._plan_limit_s + ANSWER_S:
            self._no_plan = f"no answer of planner/plan within {self._plan_limit_s + ANSWER_S:g} s"
        if self._no_plan:
            text = f"no way home: {self._in_the_way}; {self._no_plan}; drive around it by joystick"
            return [Happening(Event.HOME_ENDED, Reason.COLLISION, text)]
        if now.steady_s - self._since_s > self._timeout_s:
            text = f"not at home after {self._timeout_s} s"
            text += f": {self.objection}" if self.objection else ""
            return [Happening(Event.HOME_ENDED, Reason.NONE, text)]
        told = self.distance_rad(arm) < ARRIVED_RAD and self._open_m(arm) < OPEN_TOLERANCE_M
        if told and (self._dry_run or self._is_home(measured)):
            return [Happening(Event.HOME_DONE, text="at home")]
        return []

    def _follow(self, points: Array) -> None:
        self._route = Route(self._robot, points, self._gain_1_s, self._speed_scale, self._dt_s)

    def _ask(self, arm: CommandedArm, now: Now) -> None:
        self._questions += 1
        self._asked_s = now.steady_s
        self.question = PlanQuestion(self._questions, arm.motion.q, self._home(arm), self._plan_limit_s)

    def _is_home(self, measured: Array | None) -> bool:
        """An arm that does not come after is not at home, and soon a fault."""
        if measured is None:
            return False
        away_rad = np.abs(self._robot.nearest_turn(self._robot.home, measured) - measured)
        return float(away_rad.max()) <= self._robot.config.start_tolerance_rad

    def _home(self, arm: CommandedArm) -> Array:
        """Return home (J,) [rad], or the same pose some turns away if the arm is nearer to that."""
        return self._tracker.nearest_turn(arm, self._robot.home)

    def _open_m(self, arm: CommandedArm) -> float:
        """Return how far the hand still has to open [m]."""
        return self._robot.config.gripper.opening_max_m - arm.gripper_m
