"""The node `sim` beside a stand-in for another simulator, and a probe that asks for resets."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from drift_control.robot.pose import Pose
from drift_control.robot.robot import Robot
from drift_interfaces.msg import Outcome
from drift_interfaces.srv import ResetTask
from drift_ros import qos
from drift_ros.testing.real_arms import message_packages
from drift_sim.ros.mirror import MirrorNode
from geometry_msgs.msg import PoseArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from sensor_msgs.msg import JointState


class StandIn(Node):
    """A simulator whose clock runs in real time and whose things fly to where they are put."""

    def __init__(self, name: str, things: dict[str, Pose], robot: Robot) -> None:
        super().__init__(name)
        self.things, self._robot = things, robot
        self.asked: list[Any] = []
        self.answer, self.obeys, self.publishing = True, True, True
        self._joints = self.create_publisher(JointState, "joint_states", qos.JOINT_STATES)
        self.create_timer(0.02, self._publish)

    def move(self, name: str, position: Any) -> None:
        """Put a thing there, if it obeys; it is not turned."""
        if self.answer and self.obeys:
            self.things[name] = Pose(np.array([position.x, position.y, position.z]), np.eye(3))

    def show(self, stamp: Any) -> None:
        """Publish where the things are."""
        raise NotImplementedError

    def _publish(self) -> None:
        if not self.publishing:
            return
        stamp = self.get_clock().now().to_msg()
        self.show(stamp)
        names = [*self._robot.config.joint_names, "finger_joint1", "finger_joint2"]
        joints = JointState(name=names, position=[*self._robot.config.home_rad, 0.04, 0.04])
        joints.header.stamp = stamp
        self._joints.publish(joints)


@contextmanager
def mirror_bench(
    robot: Robot,
    config_folder: Path,
    make_things: Any,
    make_stand_in: Callable[[dict[str, Pose], Robot], StandIn],
) -> Iterator[SimpleNamespace]:
    """Run `sim` for the UR5e at `place`, seed 3, within the block."""
    parameters = {
        "robot_file": str(config_folder / "robots/ur5e.yaml"),
        "task_file": str(config_folder / "tasks/place.yaml"),
        "joint_state_rate_hz": 100.0,
        "camera_rate_hz": 10.0,
        "ground_truth_rate_hz": 50.0,
        "seed": 3,
    }
    with message_packages():
        overrides = [Parameter(name, value=value) for name, value in parameters.items()]
        sim = MirrorNode(make_things, parameter_overrides=overrides)
        stand_in = make_stand_in(dict(sim._mirror.things()), robot)
        probe = Node("probe")
        heard = SimpleNamespace(outcome=None, truth=None)
        probe.create_subscription(
            Outcome, "task/outcome", lambda msg: setattr(heard, "outcome", msg), qos.LATCHED
        )
        probe.create_subscription(
            PoseArray, "sim/ground_truth", lambda msg: setattr(heard, "truth", msg), qos.GROUND_TRUTH
        )
        client = probe.create_client(ResetTask, "sim/reset")
        executor = SingleThreadedExecutor()
        nodes = (sim, stand_in, probe)
        for node in nodes:
            executor.add_node(node)

        def until(condition: Callable[[], bool], limit_s: float = 10.0) -> None:
            end_s = time.monotonic() + limit_s
            while not condition():
                assert time.monotonic() < end_s, "nothing came of it"
                executor.spin_once(timeout_sec=0.05)

        def reset(seed: int) -> Any:
            until(client.service_is_ready)
            until(lambda: not sim._things.objection())
            future = client.call_async(ResetTask.Request(seed=seed))
            until(future.done)
            return future.result()

        yield SimpleNamespace(sim=sim, stand_in=stand_in, heard=heard, until=until, reset=reset)
        for node in nodes:
            executor.remove_node(node)
            node.destroy_node()
        executor.shutdown()
