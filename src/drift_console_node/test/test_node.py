"""A page drives a real gate through the console, and every way to lose the person ends in a hold."""

import time

import pytest
from drift_console_node.testing.protocol_page import REST
from drift_control.gate.state import Reason, State
from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import Image

from .node_stage import AHEAD, Stage, make_console


@pytest.fixture
def stage(ros, tmp_path):
    stage = Stage(tmp_path)
    yield stage
    stage.close()


def blur(stage):
    stage.page.say(type="lose", why="blur")


def silence(stage):
    stage.page.speaks = False


def another_pad(stage):
    stage.page.say(type="lose", why="gamepadconnected")


def no_lease(stage):
    stage.page.say(type="lease", do="leave")


def no_beats(node, fail):
    node._context_of_pages.driving.beat = fail


def no_pictures(node, fail):
    node._eyes._encode = fail
    node._eyes._on_image("front", Image())


@pytest.mark.parametrize("broken", [no_beats, no_pictures])
def test_a_thread_that_fails_ends_the_node_with_its_reason(ros, tmp_path, broken):
    def fail(*given):
        raise ArithmeticError("a fault of ours")

    executor, node = SingleThreadedExecutor(), make_console(tmp_path)
    executor.add_node(node)
    broken(node, fail)
    end_s = time.monotonic() + 10.0
    with pytest.raises(ArithmeticError, match="a fault of ours"):
        while time.monotonic() < end_s:
            executor.spin_once(timeout_sec=0.1)
    node.destroy_node()
    executor.shutdown()


def drive(stage):
    """Press enable anew, and push ahead until the arm moves; again, should a busy machine have ended it."""
    began = stage.cell.q.copy()
    for _ in range(5):
        stage.page.axes, stage.page.deadman = REST, False
        stage.spin(lambda: stage.page.ready, "page that may drive")
        stage.page.deadman = True
        stage.spin_until(lambda: stage.state is State.EXPERT, 3.0)
        stage.page.axes = AHEAD
        stage.spin_until(lambda: abs(stage.cell.q - began).max() > 0.002, 3.0)
        if stage.state is State.EXPERT and abs(stage.cell.q - began).max() > 0.002:
            return
    raise AssertionError(f"the arm does not move: {stage.story()}")


def test_a_page_drives_lets_go_and_is_lost_in_every_way_without_a_hand_back(stage):
    stage.armed()
    drive(stage)
    assert stage.cell.joys[-1][2][0] == 1  # enable of the keyboard's file
    assert stage.page.state["lease"]["driving"]

    stage.page.deadman = False  # on a sound link: hands back
    stage.until(State.POLICY)
    assert stage.cell.joys[-1][2][0] == 0

    for lose in (blur, silence, another_pad, no_lease):
        stage.spin(lambda: stage.page.ready, f"page that may drive, before {lose.__name__}")
        drive(stage)
        lost = len(stage.cell.states)
        lose(stage)
        stage.until(State.HOLD)
        assert stage.reason is Reason.JOY_LOST, lose.__name__
        stage.page.deadman, stage.page.axes = False, REST  # let go, too late: no hand-back
        stage.spin_for(0.3)
        stage.page.speaks = True
        if lose in (silence, no_lease):  # a second of silence ends the lease, too
            stage.page.say(type="lease", do="ask", name="Ann")
        stage.spin(lambda: stage.page.ready, "page that may drive")
        stage.spin_for(0.3)
        assert {state for _, state, _, _ in stage.cell.states[lost:]} <= {State.EXPERT, State.HOLD}, (
            lose.__name__
        )
        stage.page.deadman = True  # a fresh press and its release end it
        stage.until(State.EXPERT)
        stage.page.deadman = False
        stage.until(State.POLICY)

    pressed_s = time.monotonic()
    stage.page.say(type="stop", id="now")
    stage.spin(lambda: stage.page.state["stop"].get("now") is not None, "confirmed stop")
    stage.until(State.HOLD)
    assert stage.reason is Reason.STOP_REQUESTED
    assert stage.page.state["stop"]["now"] <= time.monotonic() - pressed_s


def test_a_console_that_is_killed_while_a_person_drives_leaves_an_arm_that_holds(ros, tmp_path):
    stage = Stage(tmp_path, alone=True)
    try:
        stage.armed()
        drive(stage)
        killed = len(stage.cell.states)
        stage.process.kill()
        stage.until(State.HOLD)
        assert stage.reason is Reason.JOY_LOST
        stage.spin_for(1.0)
        assert {state for _, state, _, _ in stage.cell.states[killed:]} <= {State.EXPERT, State.HOLD}
    finally:
        stage.close()
