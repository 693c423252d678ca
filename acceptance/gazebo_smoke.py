"""Gazebo, for real: starts the whole stack in it, headless, and says what works.

One line for each thing; exit code 0 where all of it passes, 1 where something fails, 2 where something is not
installed. A picture of each camera is left in the run, to be looked at.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib import import_module
from typing import Any

import cv2
import numpy as np
from drift.configuration import config_file
from drift.errors import StackError, UserError
from drift.processes.supervisor import ProcessSupervisor
from drift.ros_command import processes
from drift.stack import StackSpec, stack
from drift.stack_arguments import StackArguments
from drift_config.errors import DriftError
from drift_control.robot.robot import RobotConfig
from drift_core.task import TaskConfig, load_task
from drift_interfaces.msg import Outcome
from drift_ros import qos
from drift_ros.clock import steady_s, to_seconds
from drift_ros.errors import SessionError
from drift_ros.images import to_rgb
from drift_ros.session import SessionClient
from drift_sim.gazebo.bridge import set_pose_service
from geometry_msgs.msg import PoseArray
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image, JointState

START_LIMIT_S = 120.0  # Gazebo loads, its controllers are activated
STEP_LIMIT_S = 20.0
SIMULATED_S = 2.0  # of the clock are watched
CONTRAST_MIN = 2.0  # grey levels, standard deviation: less is a black picture
NEAR_M = 0.01
_SEED = 11


class Smoke:
    """One look at a running stack; each step is a check with a name that returns what was seen."""

    def __init__(
        self, plan: StackSpec, task: TaskConfig, supervisor: ProcessSupervisor, client: SessionClient
    ) -> None:
        self._plan, self._task, self._supervisor, self._client = plan, task, supervisor, client
        self._newest: dict[str, Any] = {}
        node = client.node
        self._listen(Clock, "/clock", 10)
        self._listen(JointState, "joint_states", qos.SENSOR)
        self._listen(PoseArray, "sim/ground_truth", qos.GROUND_TRUTH)
        self._listen(Outcome, "task/outcome", qos.LATCHED)
        for camera in task.cameras:
            self._listen(Image, camera.topic, qos.SENSOR)
        self._srv = import_module("ros_gz_interfaces.srv")
        self._msg = import_module("ros_gz_interfaces.msg")
        self._set_pose = node.create_client(self._srv.SetEntityPose, set_pose_service(task))

    def steps(self) -> Iterator[tuple[str, Callable[[], str]]]:
        """Return the checks in their order."""
        yield "clock", self.clock
        yield "joint states", self.joint_states
        for camera in self._task.cameras:
            yield f"camera {camera.name}", lambda camera=camera: self.picture(camera)  # type: ignore[misc]
        yield "arming", self.arming
        yield "homing", self.homing
        yield "reset", self.reset
        yield "moving the object", self.moving
        yield "judging", self.judging

    def clock(self) -> str:
        """It comes, and goes on."""
        first = self._wait("/clock", lambda msg: True, START_LIMIT_S)
        begin_s, begin_simulated_s = steady_s(), to_seconds(first.clock)
        last = self._wait("/clock", lambda msg: to_seconds(msg.clock) - begin_simulated_s > SIMULATED_S)
        factor = (to_seconds(last.clock) - begin_simulated_s) / (steady_s() - begin_s)
        return f"{factor:.2f} of real time" + ("" if factor > 0.95 else "; the stack warns below 0.95")

    def joint_states(self) -> str:
        """All joints of arm and hand are in them."""
        robot = self._robot
        names = {*robot.joint_names, *robot.gripper.joints}
        msg = self._wait("joint_states", lambda msg: names <= set(msg.name), START_LIMIT_S)
        at = dict(zip(msg.name, msg.position, strict=True))
        away = max(abs(at[name] - home) for name, home in zip(robot.joint_names, robot.home_rad, strict=True))
        return f"{len(names)} joints, {away:.3f} rad from home"

    def picture(self, camera: Any) -> str:
        """A picture of the right size that is not black; it is kept."""
        msg = self._wait(camera.topic, lambda msg: (msg.height, msg.width) == (camera.height, camera.width))
        rgb = to_rgb(msg)
        path = self._plan.run.path / "gazebo" / f"{camera.name}.png"
        cv2.imwrite(str(path), rgb[..., ::-1])
        contrast = float(rgb.astype(float).mean(axis=2).std())
        if contrast < CONTRAST_MIN:
            raise StackError(f"contrast {contrast:.1f} must be at least {CONTRAST_MIN}: see {path}")
        return f"{msg.width}x{msg.height} {msg.encoding}, contrast {contrast:.0f}, {path}"

    def arming(self) -> str:
        """The gate arms: the controller takes its commands."""
        self._client.wait_for_servers("gate/arm", "gate/home", "sim/reset", limit_s=START_LIMIT_S)
        self._until(
            lambda: self._client.gate_state is not None and self._client.gate_state.text == "not armed",
            START_LIMIT_S,
            "the gate to have joint states",
        )
        self._client.arm()
        return self._robot.controller or self._plan.controller

    def homing(self) -> str:
        """The arm obeys."""
        self._client.home()
        return "at home"

    def reset(self) -> str:
        """The things are where the seed wants them."""
        self._client.reset_task(_SEED)
        outcome = self._wait("task/outcome", lambda msg: msg.seed == _SEED)
        if outcome.result != Outcome.RUNNING:
            raise StackError(f"task/outcome must be running after a reset, got {outcome.text!r}")
        return f"seed {_SEED}"

    def moving(self) -> str:
        """The object is put above its goal, and seen to rest there."""
        self._newest.pop("sim/ground_truth", None)
        goal = self._wait("sim/ground_truth", lambda msg: len(msg.poses) == 2).poses[1].position
        entity = self._msg.Entity(name="object", type=self._msg.Entity.MODEL)
        request = self._srv.SetEntityPose.Request(entity=entity)
        request.pose.orientation.w = 1.0
        request.pose.position.x, request.pose.position.y, request.pose.position.z = goal.x, goal.y, 0.05
        future = self._set_pose.call_async(request)
        self._until(future.done, STEP_LIMIT_S, f"{self._set_pose.srv_name} to answer")
        if not future.result().success:
            raise StackError(f"{self._set_pose.srv_name} refused")

        def rests(msg: PoseArray) -> bool:
            at = msg.poses[0].position
            return float(np.hypot(at.x - goal.x, at.y - goal.y)) < NEAR_M and at.z < 0.05 - NEAR_M

        at = self._wait("sim/ground_truth", rests).poses[0].position
        return f"({at.x:.3f}, {at.y:.3f}, {at.z:.3f}) m"

    def judging(self) -> str:
        """The same rule as in MuJoCo says that the task is done."""
        return str(self._wait("task/outcome", lambda msg: msg.result == Outcome.SUCCESS).text)

    @property
    def _robot(self) -> RobotConfig:
        return self._plan.robot

    def _listen(self, kind: Any, topic: str, profile: Any) -> None:
        def on_message(msg: Any) -> None:
            self._newest[topic] = msg

        self._client.node.create_subscription(kind, topic, on_message, profile)

    def _wait(self, topic: str, good: Callable[[Any], bool], limit_s: float = STEP_LIMIT_S) -> Any:
        """Return the newest message once it is good."""
        self._until(lambda: topic in self._newest and good(self._newest[topic]), limit_s, f"a good {topic}")
        return self._newest[topic]

    def _until(self, condition: Callable[[], bool], limit_s: float, what: str) -> None:
        """Receive until `condition()`; StackError at once where a process has ended that must run."""

        def looked() -> bool:
            if ending := self._supervisor.wait(0.0):
                raise StackError(ending.text)
            return condition()

        self._client.wait_until(looked, limit_s, what)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--robot", default="ur5e")
    parser.add_argument("--task", default="place")
    parser.add_argument("--run", default="", help="folder of files and logs; empty: a new one in runs/")
    options = parser.parse_args()
    said = StackArguments(
        robot=options.robot, task=options.task, run=options.run, sim="gazebo", parts="robot", expert="none",
        planner="none",
    )  # fmt: skip
    try:
        plan = stack(said).create()
    except (DriftError, UserError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return look(plan, load_task(config_file("task", options.task)))


def look(plan: StackSpec, task: TaskConfig) -> int:
    """Run the stack until all has been looked at."""
    with ExitStack() as cleanup:
        supervisor = cleanup.enter_context(ProcessSupervisor(processes(plan), plan.run.logs))
        client = cleanup.enter_context(SessionClient())
        for name, check in Smoke(plan, task, supervisor, client).steps():
            try:
                print(f"pass {name}: {check()}", flush=True)
            except (StackError, SessionError) as error:
                print(f"FAIL {name}: {error}", flush=True)
                print(f"logs: {plan.run.logs}", flush=True)
                return 1
    print(f"Gazebo runs the task {task.name} with the arm {plan.robot.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
