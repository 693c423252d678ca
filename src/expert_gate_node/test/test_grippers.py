"""What the drivers of grippers send, and when; message packages that are not installed are stood in for."""

import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import get_args, get_type_hints

import pytest
import rclpy
from drift_config.errors import ConfigError
from drift_control.gripper.config import Gripper
from drift_control.gripper.goals import GoalPolicy, GripperGoal
from drift_control.robot.robot import load_gripper
from drift_interfaces.action import Home
from expert_gate_node.ros.grippers import DRIVERS, goals, make_driver
from rclpy.action import ActionServer, GoalResponse
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

CONFIG = Path(__file__).resolve().parents[3] / "config"


@pytest.fixture
def hand():
    return lambda name: load_gripper(CONFIG / "grippers", name)


def goal_type(**parts):
    """Return a stand-in for an action whose goals have these parts, empty messages."""
    return SimpleNamespace(Goal=lambda: SimpleNamespace(**{name: SimpleNamespace() for name in parts}))


@pytest.fixture
def sent(monkeypatch):
    """Goals that were sent, with the action's name; stands in for the packages and for the network."""
    kept = []

    class Sender:
        def __init__(self, node, policy, action, name, say):
            self._name = name

        def send(self, message, goal):
            kept.append((self._name, message))

    command = goal_type(command=None)
    control = SimpleNamespace(GripperCommand=command, ParallelGripperCommand=command)
    franka = SimpleNamespace(Grasp=goal_type(epsilon=None), Move=goal_type())
    for name, module in (("control_msgs", control), ("franka_msgs", franka)):
        monkeypatch.setitem(sys.modules, name, SimpleNamespace(action=module))
        monkeypatch.setitem(sys.modules, f"{name}.action", module)
    for name in ("franka", "gripper_command", "parallel_gripper_command"):
        monkeypatch.setattr(f"expert_gate_node.ros.grippers.{name}.GoalSender", Sender)
    return kept


def drive(driver, *openings_m):
    for i, opening_m in enumerate(openings_m):
        driver.command(opening_m, 0.25 * i)


def test_a_robotiq_gets_one_position_of_its_knuckle_and_the_force(hand, sent):
    drive(make_driver(None, hand("robotiq_2f85"), False, print), 0.085, 0.085, 0.0)
    ((name, message),) = sent
    assert name == "robotiq_gripper_controller/gripper_cmd"
    assert message.command.name == ["robotiq_85_left_knuckle_joint"]
    assert message.command.position == pytest.approx([0.7929], abs=2e-4)  # closed
    assert message.command.effort == [40.0]


def test_a_gripper_action_controller_gets_the_position_of_one_joint_and_the_largest_effort(hand, sent):
    older = replace(hand("robotiq_2f85"), interface="gripper_command", topic="gripper_controller/gripper_cmd")
    drive(make_driver(None, older, False, print), 0.085, 0.085, 0.0, 0.0425)
    (name, closed), (_, half) = sent
    assert name == "gripper_controller/gripper_cmd"
    assert closed.command.position == pytest.approx(0.7929, abs=2e-4)  # rad, closed
    assert half.command.position == pytest.approx(0.39645, abs=2e-4)
    assert closed.command.max_effort == half.command.max_effort == 40.0  # N


def test_frankas_hand_grasps_while_closing_and_moves_while_opening(hand, sent):
    drive(make_driver(None, hand("franka_hand"), False, print), 0.08, 0.03, 0.06)
    (grasp_name, grasp), (move_name, move) = sent
    assert (grasp_name, move_name) == ("franka_gripper/grasp", "franka_gripper/move")
    assert (grasp.width, grasp.speed, grasp.force) == (0.03, 0.1, 20.0)
    assert grasp.epsilon.inner == grasp.epsilon.outer == 0.08  # a thing of any width is a grasp
    assert (move.width, move.speed) == (0.06, 0.1)


def test_after_forgetting_what_is_held_stays_held(hand, sent):
    driver = make_driver(None, hand("franka_hand"), False, print)
    drive(driver, 0.08, 0.0)
    driver.forget()
    drive(driver, 0.04, 0.04, 0.04)  # as measured around a thing
    assert len(sent) == 1


@pytest.mark.parametrize(
    ("name", "package"), [("robotiq_2f85", "control_msgs"), ("franka_hand", "franka_msgs")]
)
def test_a_missing_package_is_named_in_one_line(hand, name, package, monkeypatch):
    monkeypatch.setitem(sys.modules, f"{package}.action", None)  # as if not installed
    with pytest.raises(ConfigError, match=rf"gripper={name}: .* needs the ROS package {package}") as refused:
        make_driver(None, hand(name), False, print)
    assert "\n" not in str(refused.value)


def test_every_interface_has_a_driver(hand):
    assert set(DRIVERS) == set(get_args(get_type_hints(Gripper)["interface"]))
    drive(make_driver(None, hand("none"), False, print), 0.0, 0.0)


class Hand(Node):
    """Offers an action that ends when it is told to, or refuses the goal."""

    def __init__(self, context):
        super().__init__("hand", context=context)
        self.willing, self.able, self.taken = True, True, 0
        callbacks = {"goal_callback": self._on_goal, "execute_callback": self._execute}
        self.server = ActionServer(self, Home, "grip", **callbacks)

    def _on_goal(self, _):
        return GoalResponse.ACCEPT if self.willing else GoalResponse.REJECT

    def _execute(self, handle):
        self.taken += 1
        handle.succeed() if self.able else handle.abort()
        return Home.Result()


@pytest.fixture
def wire():
    """A sender with its policy, a hand over DDS, and a function that spins until something holds."""
    context = rclpy.Context()
    rclpy.init(context=context)
    executor = SingleThreadedExecutor(context=context)
    gate = rclpy.create_node("gate", context=context)
    policy = GoalPolicy(load_gripper(CONFIG / "grippers", "franka_hand"))
    said = []
    sender = goals.GoalSender(gate, policy, Home, "grip", said.append)
    executor.add_node(gate)
    hands = []

    def add_hand():
        hands.append(Hand(context))
        executor.add_node(hands[0])
        return hands[0]

    def until(holds):
        for _ in range(1000):
            if holds():
                return
            executor.spin_once(timeout_sec=0.01)
        raise AssertionError("not within 10 s")

    yield SimpleNamespace(policy=policy, sender=sender, said=said, add_hand=add_hand, until=until)
    executor.shutdown()
    for node in (gate, *hands):
        node.destroy_node()
    rclpy.shutdown(context=context)


def test_a_goal_that_has_ended_makes_room_at_once(wire):
    hand = wire.add_hand()
    wire.until(wire.sender.ready)
    wire.policy.next(0.08, 0.0)
    wire.sender.send(Home.Goal(), wire.policy.next(0.04, 0.02))
    assert wire.policy.next(0.02, 0.04) is None
    wire.until(lambda: wire.policy.next(0.02, 0.04))
    assert hand.taken == 1 and wire.said == []


def test_a_goal_that_nobody_takes_or_that_is_refused_is_sent_again(wire):
    wire.policy.next(0.08, 0.0)
    wire.sender.send(Home.Goal(), wire.policy.next(0.04, 0.02))  # nobody is there
    goal = wire.policy.next(0.04, 0.3)
    assert goal == GripperGoal(0.04, closing=True)
    hand = wire.add_hand()
    hand.willing = False
    wire.until(wire.sender.ready)
    wire.sender.send(Home.Goal(), goal)
    wire.until(lambda: wire.policy.next(0.04, 0.6) == goal)
    assert hand.taken == 0
    assert wire.said == ["gripper: nobody offers the action grip", "gripper: grip refused the goal"]


def test_a_goal_that_the_hand_aborts_is_said_unless_another_has_replaced_it(wire):
    hand = wire.add_hand()
    hand.able = False
    wire.until(wire.sender.ready)
    wire.policy.next(0.08, 0.0)
    wire.sender.send(Home.Goal(), wire.policy.next(0.04, 0.02))
    wire.until(lambda: wire.said)
    assert wire.said == ["gripper: grip aborted the goal"]
    old = wire.policy.next(0.03, 0.3)
    new = wire.policy.next(0.02, 0.6)
    wire.sender.send(Home.Goal(), old)
    wire.until(lambda: hand.taken == 2)
    wire.sender.send(Home.Goal(), new)
    wire.until(lambda: len(wire.said) == 2)
    assert hand.taken == 3


def test_a_hand_that_does_not_know_the_gate_yet_is_sent_the_goal_when_it_does_and_nobody_complains(wire):
    hand = wire.add_hand()
    wire.until(wire.sender._client.server_is_ready)
    wire.policy.next(0.08, 0.0)
    goal = wire.policy.next(0.04, 0.02)
    wire.sender.send(Home.Goal(), goal)  # it would close, and its answer would be lost
    assert wire.policy.next(0.04, 0.1) is None
    assert wire.policy.next(0.04, 0.3) == goal
    wire.until(wire.sender.ready)
    assert hand.taken == 0
    wire.sender.send(Home.Goal(), goal)
    wire.until(lambda: hand.taken == 1)
    assert wire.said == []


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (SimpleNamespace(stalled=True), " (stalled)"),
        (SimpleNamespace(error="no homing"), " (no homing)"),
        (SimpleNamespace(), ""),
    ],
)
def test_the_reason_of_an_aborted_goal_is_said_where_the_action_has_one(result, reason):
    assert goals._reason(result) == reason
