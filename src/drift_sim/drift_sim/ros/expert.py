"""The scripted expert as a process: looks at the true state and moves the joystick."""

import sys

from builtin_interfaces.msg import Time
from drift_control.gate.state import State
from drift_control.robot.joint_states import JointStateMerger
from drift_control.robot.robot import load_robot
from drift_control.teleop.joystick import load_joystick
from drift_core.task import load_task
from drift_interfaces.msg import GateState, Outcome
from drift_ros import qos
from drift_ros.clock import ros_s, steady_clock, steady_s
from drift_ros.diagnostics import OK, WARN, Diagnostics, Report
from drift_ros.errors import NumberError
from drift_ros.gate_messages import to_joy_message
from drift_ros.joint_state_topics import JointStateTopics
from drift_ros.numbers import member
from drift_ros.parameters import load_parameters
from drift_ros.run import run_node
from geometry_msgs.msg import PoseArray
from rclpy.node import Node
from sensor_msgs.msg import Joy

from drift_sim.expert.scripted import ScriptedExpert
from drift_sim.expert.stick import GateView
from drift_sim.node_config import ExpertNodeConfig
from drift_sim.ros.things import from_pose_message
from drift_sim.scenes.scene import Truth

_STALE_S = 0.5  # inputs older than this: hands off the stick


class ExpertNode(Node):
    """Publish `expert/joy` at a fixed rate from the newest true state, joint state and gate state."""

    def __init__(self, **kwargs) -> None:
        super().__init__("expert", **kwargs)
        config = load_parameters(self, ExpertNodeConfig, settable=("takeovers",))
        robot, joystick = load_robot(config.robot_file), load_joystick(config.joystick_file)
        self._seed = config.seed
        self._expert = ScriptedExpert(load_task(config.task_file), robot, joystick, config.mode, config.seed)
        self._merger = JointStateMerger(robot.config)
        self._joints = None
        self._truth: tuple[Truth, float] | None = None
        self._gate = GateView(State.HOLD, False, 0)
        self._reset: tuple[int, Time] | None = None  # seed and time of the attempt that is watched
        self._takeovers = 0
        self._joy = self.create_publisher(Joy, "expert/joy", qos.JOY)
        self.create_subscription(PoseArray, "sim/ground_truth", self._on_truth, qos.GROUND_TRUTH)
        self._joint_topics = JointStateTopics(self, robot.config.joint_state_topics)
        self.create_subscription(GateState, "gate/state", self._on_gate, qos.LATCHED)
        self.create_subscription(Outcome, "task/outcome", self._on_outcome, qos.LATCHED)
        self._diagnostics = Diagnostics(self, self._report)
        self.create_timer(1.0 / config.rate_hz, self._on_timer, clock=steady_clock())

    def _on_truth(self, msg: PoseArray) -> None:
        poses = [pose for pose in map(from_pose_message, msg.poses) if pose is not None]
        if len(poses) == 2:
            self._truth = Truth(*poses), steady_s()

    def _on_gate(self, msg: GateState) -> None:
        try:
            self._gate = GateView(member(State, "state", msg.state), msg.armed, msg.epoch)
        except NumberError as error:
            self.get_logger().warning(f"gate/state refused: {error}", throttle_duration_sec=1.0)

    def _on_outcome(self, msg: Outcome) -> None:
        """After another reset than the last one: a new episode."""
        if msg.result == Outcome.RUNNING and self._reset != (reset := (msg.seed, msg.reset_at)):
            self._reset = reset
            self._expert.reset(self._seed + msg.seed)

    def _on_timer(self) -> None:
        now_s = steady_s()
        for message in self._joint_topics.take():
            if self._merger.merge(message, ros_s(self.get_clock())):
                self._joints = self._merger.reading
        if not self._may_take_over:
            self._expert.rest()
            stick = self._expert.hands_off()
        elif self._stale(now_s):
            stick = self._expert.hands_off()
        else:
            was_driving = self._expert.driving
            truth, joints = self._truth[0], self._joints
            stick = self._expert.act(truth, joints.positions_rad, joints.gripper_m, self._gate, now_s)
            if self._expert.driving and not was_driving:
                self._takeovers += 1
                self.get_logger().info(f"taking over: {self._expert.reason}")
        self._joy.publish(to_joy_message(stick.axes, stick.buttons, self.get_clock().now().to_msg()))

    @property
    def _may_take_over(self) -> bool:
        return bool(self.get_parameter("takeovers").value)

    def _stale(self, now_s: float) -> bool:
        if self._truth is None or self._joints is None:
            return True
        return now_s - min(self._truth[1], self._joints.arrival_s) > _STALE_S

    def _report(self) -> Report:
        values = {
            "takeovers": self._takeovers,
            "driving": self._expert.driving,
            "phase": self._expert.phase.value,
        }
        values["cost_to_go"] = self._expert.cost_to_go
        if self._stale(steady_s()):
            return Report(WARN, "no fresh sim/ground_truth or joint_states", values)
        if not self._may_take_over:
            return Report(OK, "passive: takeovers is false", values)
        return Report(OK, "watching" if not self._expert.driving else "driving", values)


def main() -> int:
    """Run the node; see `run_node` for exit codes."""
    return run_node(ExpertNode)


if __name__ == "__main__":
    sys.exit(main())
