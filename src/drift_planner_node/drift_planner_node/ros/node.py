"""The planner node: ways for the arm, and whether poses touch something. It commands nothing."""

import os
import sys
import time
import traceback
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from drift_config.errors import DriftError
from drift_control.chunks.clock import STEPS_MAX
from drift_control.planning.chunk import chunk_joints
from drift_control.planning.plan import Plan, make_plan
from drift_control.planning.planner import NoWay
from drift_control.planning.scene import Objection, Scene
from drift_control.robot.robot import load_robot
from drift_interfaces.srv import Check
from drift_interfaces.srv import Plan as PlanService
from drift_ros.chunk_message import to_chunk
from drift_ros.clock import steady_s
from drift_ros.diagnostics import OK, WARN, Diagnostics, Report
from drift_ros.parameters import load_parameters
from drift_ros.run import run_node
from drift_ros.target_message import to_target
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node
from rclpy.task import Future

from drift_planner_node.config import PlannerConfig
from drift_planner_node.ros.messages import to_trajectory
from drift_planner_node.ros.planners import make_planner
from drift_planner_node.worker import Worker

_LONGEST_S = 60.0  # of any limit


class PlannerNode(Node):
    """Serve `planner/plan` and `planner/check`; one thread plans, and the node answers when it is done."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("planner", **kwargs)
        config = self._config = load_parameters(self, PlannerConfig)
        self._scene = Scene(load_robot(config.robot_file))
        self._planner = make_planner(self, config, self._scene)
        self._rng = np.random.default_rng(config.seed)
        self._wake = self.create_guard_condition(self._collect)
        self._worker = Worker(self._wake.trigger)
        self._counts = {"plans": 0, "without_a_way": 0, "checks": 0, "unknown": 0}
        self._slowest_s, self._said = 0.0, ""
        # of their own: while an answer is awaited, the default group would let nothing else run
        group = ReentrantCallbackGroup()
        self.create_service(PlanService, "planner/plan", self._on_plan, callback_group=group)
        self.create_service(Check, "planner/check", self._on_check, callback_group=group)
        self._diagnostics = Diagnostics(self, self._report)

    def destroy_node(self) -> None:
        """End the thread first."""
        self._worker.close()
        self._planner.close()
        super().destroy_node()

    async def _on_plan(
        self, request: PlanService.Request, response: PlanService.Response
    ) -> PlanService.Response:
        began_s = steady_s()
        outcome = await self._asked(partial(self._plan, request, self._limit_s(request.limit_s)))
        self._counts["plans"] += 1
        self._slowest_s = max(self._slowest_s, steady_s() - began_s)
        if outcome.error is None:
            response.trajectory = to_trajectory(self._scene.robot.config.joint_names, outcome.result)
            self._said = ""
            return response
        self._counts["without_a_way"] += 1
        expected = isinstance(outcome.error, DriftError)
        response.error_code = PlanService.Response.NO_WAY if expected else PlanService.Response.FAILED
        response.error_msg = self._said = self._in_words(outcome.error)
        return response

    async def _on_check(self, request: Check.Request, response: Check.Response) -> Check.Response:
        outcome = await self._asked(partial(self._check, request, self._limit_s(request.limit_s)))
        self._counts["checks"] += 1
        if outcome.error is not None:
            self._counts["unknown"] += 1
            response.error_code, response.index = Check.Response.UNKNOWN, -1
            response.error_msg = self._in_words(outcome.error)
            return response
        found: Objection | None = outcome.result
        response.free, response.index = found is None, -1 if found is None else found.index
        response.text = "" if found is None else found.text
        return response

    def _plan(self, request: PlanService.Request, until_s: float) -> Plan:
        start = np.array(request.start_rad, dtype=float)
        return make_plan(
            self._planner, self._scene, start, to_target(request), until_s - time.monotonic(), self._rng
        )

    def _check(self, request: Check.Request, until_s: float) -> Objection | None:
        robot = self._scene.robot
        if request.chunk:
            chunk, start = to_chunk(request.chunk[0], 0.0), np.array(request.start_rad, dtype=float)
            if start.shape != (robot.n_joints,):
                raise NoWay(f"start_rad must be {robot.n_joints} numbers, got {len(start)}")
            if len(chunk.data) > STEPS_MAX:
                raise NoWay(f"a chunk must have at most {STEPS_MAX} steps, got {len(chunk.data)}")
            q = chunk_joints(robot, chunk, start)
        else:
            numbers = np.array(request.positions_rad, dtype=float)
            if len(numbers) == 0 or len(numbers) % robot.n_joints:
                raise NoWay(f"positions_rad must be N x {robot.n_joints} numbers, got {len(numbers)}")
            q = numbers.reshape(-1, robot.n_joints)
        if not np.isfinite(q).all():
            raise NoWay("positions must be finite")
        left_s = until_s - time.monotonic()
        if left_s <= 0.0:
            raise NoWay("no time is left")
        return self._scene.objection(q) or self._planner.objection(q, left_s)

    def _asked(self, job: Callable[[], Any]) -> Future:
        answered = Future()
        self._worker.run(job, answered.set_result)
        return answered

    def _collect(self) -> None:
        self._worker.collect()

    @staticmethod
    def _limit_s(asked_s: float) -> float:
        """Return until when (steady) an answer is of use to who asks."""
        limit_s = asked_s if 0.0 < asked_s < _LONGEST_S else _LONGEST_S
        return time.monotonic() + limit_s

    def _in_words(self, error: Exception) -> str:
        if isinstance(error, DriftError):
            return str(error)
        self.get_logger().error("".join(traceback.format_exception(error)))
        return f"planner {self._config.planner} failed: {error!r}"

    def _report(self) -> Report:
        values = {**self._counts, "planner": self._config.planner, "slowest_plan_s": self._slowest_s}
        return Report(WARN if self._said else OK, self._said or "plans when asked", values)


def main() -> int:
    """Run the node; see `run_node` for exit codes."""
    code = run_node(PlannerNode)
    if "moveit.planning" in sys.modules:  # its destructors may crash: github.com/moveit/moveit2/issues/3721
        sys.stdout.flush()
        os._exit(code)
    return code


if __name__ == "__main__":
    sys.exit(main())
