"""SessionClient and GoalServer against servers in a thread of their own."""

import threading
from types import SimpleNamespace

import pytest
from drift_interfaces.action import Home
from drift_interfaces.msg import GateState
from drift_ros import qos
from drift_ros.errors import SessionError, error_name
from drift_ros.goal_server import GoalServer
from drift_ros.session import SessionClient
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from std_srvs.srv import Trigger


class FakeGate(Node):
    """Arms once; a home goal gives one feedback per 20 ms and ends after `ticks_to_home`."""

    def __init__(self):
        super().__init__("gate")
        self.allowed, self.ticks_to_home, self.cancelled, self._left = True, 5, False, 0
        self._state = self.create_publisher(GateState, "gate/state", qos.LATCHED)
        self._state.publish(GateState())
        self.create_service(Trigger, "gate/arm", self._on_arm)
        self.home = GoalServer(self, Home, "gate/home", self._on_goal, self._on_cancel)
        self.create_timer(0.02, self._on_tick)

    def _on_arm(self, request, response):
        response.success, response.message = self.allowed, "armed" if self.allowed else "no joint state yet"
        return response

    def _on_goal(self, goal):
        self._left = self.ticks_to_home

    def _on_cancel(self):
        self.cancelled = True

    def _on_tick(self):
        if not self.home.active:
            return
        self._left -= 1
        self.home.feedback(Home.Feedback(distance_rad=0.1 * self._left))
        if self.cancelled:
            self.home.finish(Home.Result(error_code=Home.Result.INTERRUPTED, error_msg="cancelled"))
        elif self._left <= 0:
            self.home.finish(Home.Result())


@pytest.fixture
def gate(ros):
    node, executor = FakeGate(), SingleThreadedExecutor()
    executor.add_node(node)
    thread = threading.Thread(target=executor.spin)
    thread.start()
    yield node
    executor.shutdown()
    thread.join(timeout=5.0)
    node.destroy_node()


@pytest.fixture
def session(gate):
    with SessionClient() as client:
        client.wait_for_servers("gate/arm", "gate/home", limit_s=10.0)
        yield client


def test_arming_returns_the_answer_or_raises_the_refusal(session, gate):
    assert session.arm() == "armed"
    gate.allowed = False
    with pytest.raises(SessionError, match="gate/arm refused: no joint state yet"):
        session.arm()


def test_homing_ends_and_can_be_repeated(session):
    session.home(limit_s=10.0)
    session.home(limit_s=10.0)


def test_a_callback_may_ask_for_more_but_not_wait(session, gate):
    seen, armed, waited = [], [], []

    def on_feedback(feedback):
        seen.append(round(feedback.distance_rad, 1))
        armed.append(session.stack.arm())
        try:
            session.arm()
        except RuntimeError as error:
            waited.append(str(error))

    session.home(10.0, on_feedback)
    assert seen == [0.4, 0.3, 0.2, 0.1, 0.0]
    assert waited == ["a callback must not wait: start it with session.stack"] * 5
    assert [session.wait(request) for request in armed] == ["armed"] * 5


def test_a_goal_that_takes_too_long_is_cancelled(session, gate):
    gate.ticks_to_home = 10_000
    with pytest.raises(SessionError, match="gate/home did not end within 0.3 s; cancelled"):
        session.home(limit_s=0.3)
    session.wait_until(lambda: gate.cancelled and not gate.home.active, 5.0, "the cancellation")


def test_a_second_goal_is_rejected_while_one_runs(session, gate):
    gate.ticks_to_home = 10_000
    feedback = []
    first = session.stack.home(on_feedback=feedback.append)
    session.wait_until(lambda: feedback, 5.0, "the first goal to run")
    with pytest.raises(SessionError, match="gate/home rejected the goal"):
        session.home()
    assert not first.done


def test_a_goal_is_active_only_when_its_owner_knows_of_it(ros):
    node, told = Node("owner"), []
    server = GoalServer(node, Home, "owner/home", told.append, lambda: None)
    handle = SimpleNamespace(request="goal", execute=lambda: None)  # would be started by the executor
    server._on_accepted(handle)
    server.finish(Home.Result())  # by a tick of the owner, which means no goal with it
    assert not server.active
    run = server._execute(handle)
    run.send(None)
    assert server.active and told == ["goal"]
    run.close()
    node.destroy_node()


def test_an_owner_that_throws_does_not_keep_its_server_busy(session, gate):
    work, gate.home._on_goal = gate.home._on_goal, lambda goal: 1 / 0
    with pytest.raises(SessionError, match="gate/home ended as ABORTED without a result"):
        session.home(limit_s=10.0)
    gate.home._on_goal = work
    session.home(limit_s=10.0)


def test_a_server_that_is_not_there_is_named(session):
    with pytest.raises(SessionError, match="no server for trainer/train after 0.2 s"):
        session.wait_for_servers("gate/arm", "trainer/train", limit_s=0.2)
    with pytest.raises(SessionError, match="server 'gate/fly' must be one of gate/arm, gate/stop"):
        session.wait_for_servers("gate/fly")


def test_an_error_code_has_the_name_of_its_constant():
    assert error_name(Home.Result(error_code=3)) == "TIMEOUT"
    assert error_name(Home.Result(error_code=77)) == "error 77"
