"""The node `sim` beside another simulator: resets and judges the task's cell as the MuJoCo node does."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
from drift_control.robot.joint_states import JointStateMerger
from drift_control.robot.pose import Pose
from drift_control.robot.robot import load_robot
from drift_core.task import TaskConfig, load_task
from drift_interfaces.msg import ArmState
from drift_interfaces.srv import ResetTask
from drift_ros import qos
from drift_ros.clock import ros_s, steady_clock, steady_s
from drift_ros.diagnostics import OK, WARN, Diagnostics, Report
from drift_ros.joint_state_topics import JointStateTopics
from drift_ros.parameters import load_parameters
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node
from rclpy.task import Future

from drift_sim.external.mirror import Mirror
from drift_sim.node_config import SimNodeConfig
from drift_sim.ros.judgement import Judgement
from drift_sim.ros.things import OnPose, Things

_RESET_LIMIT_S = 2.0  # until every thing is seen where it shall be
_PLACED_M = 0.01  # a thing nearer than this is there
_ALIVE_PERIOD_S = 0.1
_SILENT_S = 1.0  # without a pose for longer, something is missing

MakeThings = Callable[[Node, TaskConfig, Iterable[str], OnPose], Things]


@dataclass
class _Reset:
    """Things on their way; done with an empty string, or with why they did not arrive."""

    wanted: dict[str, Pose]
    until_s: float
    done: Future = field(default_factory=Future)

    def end(self, trouble: str) -> None:
        if not self.done.done():
            self.done.set_result(trouble)


class MirrorNode(Node):
    """Show the mirror what simulator and joint states say; publish truth and outcome; reset the things."""

    def __init__(self, make_things: MakeThings, **kwargs) -> None:
        super().__init__("sim", **kwargs)
        config = load_parameters(self, SimNodeConfig)
        robot, task = load_robot(config.robot_file), load_task(config.task_file)
        self._mirror = Mirror(robot, task)
        self._mirror.reset_objects(config.seed)
        names = list(self._mirror.things())
        self._seed = config.seed
        self._seen_s = dict.fromkeys(names, -np.inf)  # steady time of each thing's last pose
        self._time_s = 0.0  # simulated, of the newest pose
        self._reset: _Reset | None = None
        self._merger = JointStateMerger(robot.config)
        self._joint_topics = JointStateTopics(self, robot.config.joint_state_topics)
        self._fingers = len(robot.config.gripper.joints)
        self._judgement = Judgement(self, robot.config.base_frame)
        self._things = make_things(self, task, names, self._on_pose)
        # in a group of its own: while it waits, poses must still come
        self.create_service(ResetTask, "sim/reset", self._on_reset, callback_group=ReentrantCallbackGroup())
        # clients ask a server only once they have heard its process (drift_ros/server_signs.py), here on this
        self._alive = self.create_publisher(ArmState, "arm_state", qos.LATCHED)
        self.create_timer(_ALIVE_PERIOD_S, self._say_ready, clock=steady_clock())
        self._diagnostics = Diagnostics(self, self._report)
        self.create_timer(1.0 / config.ground_truth_rate_hz, self._on_timer, clock=steady_clock())

    def _on_pose(self, name: str, pose: Pose, time_s: float) -> None:
        self._seen_s[name], self._time_s = steady_s(), max(time_s, self._time_s)
        if self._reset is not None and name in self._reset.wanted:
            if np.linalg.norm(pose.position - self._reset.wanted[name].position) > _PLACED_M:
                return  # still where it was before
            del self._reset.wanted[name]
        self._mirror.show_thing(name, pose, time_s)

    def _on_timer(self) -> None:
        now_s = steady_s()
        for message in self._joint_topics.take():
            self._merger.merge(message, ros_s(self.get_clock()))
        self._end_reset(now_s)
        joints = self._merger.reading
        if joints is None or self._missing(now_s) or self._reset is not None:
            return
        fingers = np.full(self._fingers, joints.gripper_m / max(self._fingers, 1))
        self._mirror.show_joints(joints.positions_rad, fingers)
        stamp = self.get_clock().now().to_msg()
        self._mirror.judge(self._time_s)
        self._judgement.publish_truth(self._mirror.truth(), stamp)
        self._judgement.publish_change(self._mirror, self._seed, stamp)

    def _end_reset(self, now_s: float) -> None:
        reset = self._reset
        if reset is None:
            return
        if reset.done.done():
            self._reset = None
        elif not reset.wanted:
            self._reset = None
            self._judgement.publish_reset(self._mirror, self._seed, self.get_clock().now().to_msg())
            reset.end("")
        elif now_s > reset.until_s:
            self._reset = None
            reset.end(f"not seen where it shall be within {_RESET_LIMIT_S:g} s: {', '.join(reset.wanted)}")

    async def _on_reset(self, request: ResetTask.Request, response: ResetTask.Response) -> ResetTask.Response:
        trouble = self._things.objection()
        if not trouble and not self._mirror.reset_objects(request.seed):
            response.error_code = ResetTask.Response.ARM_IN_THE_WAY
            response.error_msg = "the hand touches where the objects shall be: home the arm first"
            return response
        if not trouble:
            if self._reset is not None:
                self._reset.end("another reset came")
            self._seed = request.seed
            reset = self._reset = _Reset(self._mirror.things(), steady_s() + _RESET_LIMIT_S)
            self._things.put(dict(reset.wanted), reset.end)
            trouble = await reset.done
        if trouble:
            response.error_code, response.error_msg = ResetTask.Response.NOT_MOVED, trouble
        return response

    def _say_ready(self) -> None:
        message = ArmState(ready=True, protective_stop=False, speed_scale=1.0)
        message.header.stamp = self.get_clock().now().to_msg()
        self._alive.publish(message)

    def _missing(self, now_s: float) -> list[str]:
        return [name for name, seen_s in self._seen_s.items() if now_s - seen_s > _SILENT_S]

    def _report(self) -> Report:
        values = {"simulated_s": self._time_s, "seed": self._seed}
        if missing := self._missing(steady_s()):
            return Report(WARN, f"no pose of {', '.join(missing)}: do simulator and bridge run?", values)
        if self._merger.reading is None:
            return Report(WARN, "no joint states: is joint_state_broadcaster active?", values)
        return Report(OK, "judging", values)
