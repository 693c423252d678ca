"""Requests by hand: what ends them when, with futures and a clock in the test's hand."""

from types import SimpleNamespace

import pytest
from action_msgs.msg import GoalStatus
from action_msgs.srv import CancelGoal
from drift_interfaces.action import Home
from drift_ros.errors import SessionError
from drift_ros.request import ActionGoal, ServiceCall
from rclpy.task import Future
from std_srvs.srv import Trigger


class Goal:
    """An action's client and server in one: whatever is asked of it stays open until the test answers."""

    def __init__(self):
        self.ready, self.sent, self.cancelled = True, 0, 0
        self.acceptance, self.answer, self.cancellation = Future(), Future(), Future()
        self.accepted, self.goal_id = True, SimpleNamespace(uuid=[7] * 16)

    def send_goal_async(self, goal, on_feedback):
        self.sent += 1
        return self.acceptance

    def get_result_async(self):
        return self.answer

    def cancel_goal_async(self):
        self.cancelled += 1
        return self.cancellation

    def accept(self):
        self.acceptance.set_result(self)

    def end(self, status, result=None):
        self.answer.set_result(SimpleNamespace(status=status, result=result or Home.Result()))


@pytest.fixture
def server():
    return Goal()


@pytest.fixture
def goal(server):
    return ActionGoal(
        server,
        Home.Goal(),
        None,
        "gate/home",
        10.0,
        lambda result: result,
        lambda: server.ready,
        lambda: None,
    )


def accepted(goal, server):
    """Send at 100 s; accepted at once, and its server has said so."""
    goal.tick(100.0)
    server.accept()
    goal.tick(100.0)
    return goal


def error(request):
    with pytest.raises(SessionError) as raised:
        request.result()
    return str(raised.value)


def test_a_goal_is_sent_when_its_server_appears_and_its_result_is_taken(goal, server):
    server.ready = False
    goal.tick(99.0)
    assert server.sent == 0
    server.ready = True
    accepted(goal, server)
    assert (server.sent, goal.goal_id) == (1, bytes([7] * 16))
    assert error(goal) == "gate/home has not ended yet"
    told = []
    goal.add_done_callback(told.append)
    server.end(GoalStatus.STATUS_SUCCEEDED)
    goal.tick(101.0)
    goal.tick(102.0)
    assert (goal.done, goal.error, goal.result(), told) == (True, None, Home.Result(), [goal])
    goal.add_done_callback(told.append)
    assert told == [goal, goal]


def test_a_server_that_does_not_appear_is_named_after_five_seconds(goal, server):
    server.ready = False
    goal.tick(100.0)
    goal.tick(105.0)
    assert not goal.done
    goal.tick(105.1)
    assert error(goal) == "no server for gate/home after 5 s; is the stack up?"
    assert server.sent == 0


@pytest.mark.parametrize("status, name", [(6, "ABORTED"), (5, "CANCELED"), (0, "UNKNOWN")])
def test_an_empty_result_is_never_a_success(goal, server, status, name):
    accepted(goal, server)
    server.end(status)
    goal.tick(101.0)
    assert error(goal) == f"gate/home ended as {name} without a result; see the log of its server"


def test_a_result_that_says_what_went_wrong_is_handed_on(goal, server):
    accepted(goal, server)
    server.end(GoalStatus.STATUS_ABORTED, Home.Result(error_code=Home.Result.TIMEOUT))
    goal.tick(101.0)
    assert goal.result().error_code == Home.Result.TIMEOUT


def test_a_goal_of_which_its_server_says_nothing_for_four_seconds_is_lost(goal, server):
    accepted(goal, server)
    goal.hear(102.0)
    goal.tick(106.0)
    assert not goal.done
    goal.tick(106.1)
    assert error(goal).startswith("gate/home: its server has died or was restarted")
    assert server.cancelled == 1  # should it live beyond a cable that was pulled


def test_a_goal_whose_server_is_silent_while_another_speaks_is_lost_after_a_second_and_a_half(goal, server):
    accepted(goal, server)
    goal.replaced()  # two servers: one of another stack has come
    for tenths in range(1020, 1040, 5):
        goal.hear(tenths / 10)
        goal.tick(tenths / 10)
    goal.tick(105.0)
    assert not goal.done
    goal.tick(105.1)
    assert error(goal).endswith("nothing heard of the goal for 1.5 s")


def heard_until(goal, end_s):
    """One look at each half second."""
    now_s = 100.0
    while (now_s := now_s + 0.5) <= end_s:
        goal.hear(now_s)
        goal.tick(now_s)


def test_a_goal_over_its_limit_is_cancelled_and_ends_when_that_is_answered(goal, server):
    accepted(goal, server)
    heard_until(goal, 110.5)
    assert (server.cancelled, goal.done) == (1, False)
    server.cancellation.set_result(CancelGoal.Response())
    goal.tick(110.6)
    assert error(goal) == "gate/home did not end within 10 s; cancelled"


def test_a_cancellation_that_is_not_answered_does_not_replace_the_limit(goal, server):
    accepted(goal, server)
    heard_until(goal, 115.5)
    assert not goal.done
    heard_until(goal, 116.0)
    assert error(goal) == "gate/home did not end within 10 s; the cancellation was not answered within 5 s"


def test_a_server_that_dies_while_it_cancels_does_not_replace_the_limit_either(goal, server):
    accepted(goal, server)
    heard_until(goal, 110.5)
    goal.tick(114.6)
    assert error(goal) == "gate/home did not end within 10 s"


def test_a_cancelled_goal_ends_with_what_its_server_says(goal, server):
    accepted(goal, server)
    goal.cancel()
    goal.tick(101.0)
    assert server.cancelled == 1
    server.cancellation.set_result(CancelGoal.Response())
    goal.tick(101.1)
    assert not goal.done
    server.end(GoalStatus.STATUS_CANCELED, Home.Result(error_code=Home.Result.INTERRUPTED))
    goal.tick(101.2)
    assert goal.result().error_code == Home.Result.INTERRUPTED


def test_a_goal_that_goes_on_after_its_cancellation_ends_at_its_limit(goal, server):
    accepted(goal, server)
    goal.cancel()
    goal.tick(100.0)
    server.cancellation.set_result(CancelGoal.Response())
    heard_until(goal, 110.0)
    assert not goal.done
    heard_until(goal, 110.5)
    assert error(goal) == "gate/home did not end within 10 s; cancelled"
    assert server.cancelled == 1


def test_a_server_that_does_not_know_the_goal_was_restarted(goal, server):
    accepted(goal, server)
    goal.cancel()
    goal.tick(101.0)
    server.cancellation.set_result(CancelGoal.Response(return_code=CancelGoal.Response.ERROR_UNKNOWN_GOAL_ID))
    goal.tick(101.1)
    assert error(goal) == "gate/home: its server was restarted, it does not know the goal"


def test_a_goal_that_is_accepted_too_late_is_cancelled(goal, server):
    goal.tick(100.0)
    goal.tick(105.1)
    assert error(goal) == "waited 5 s for gate/home to accept the goal"
    server.accept()
    assert server.cancelled == 1


def test_what_was_cancelled_before_it_was_sent_is_not_sent(goal, server):
    goal.cancel()
    goal.tick(100.0)
    assert error(goal) == "gate/home was cancelled before it was sent"
    assert server.sent == 0


class Service:
    """A service's client: what it has been asked stays open."""

    def __init__(self):
        self.given_up, self.answer = [], Future()

    def call_async(self, request):
        return self.answer

    def remove_pending_request(self, answer):
        self.given_up.append(answer)


def service_call(client, heartbeat=""):
    args = ("policy/rollback", 30.0, lambda answer: answer, lambda: True, lambda: None)
    return ServiceCall(client, Trigger.Request(), heartbeat, *args)


def test_a_service_that_does_not_answer_in_time_is_given_up():
    client = Service()
    call = service_call(client)
    call.tick(100.0)
    call.tick(130.0)
    assert not call.done
    call.tick(130.1)
    assert error(call) == "waited 30 s for the answer of policy/rollback"
    assert client.given_up == [client.answer]


def test_a_service_whose_server_falls_silent_is_lost_after_four_seconds():
    client = Service()
    call = service_call(client, "policy/state")
    call.tick(100.0)
    call.hear(103.0)
    call.tick(107.0)
    assert not call.done
    call.tick(107.1)
    died = "policy/rollback: its server has died or was restarted"
    assert error(call) == f"{died}; no policy/state for 4 s"
    assert client.given_up == [client.answer]


def test_a_service_whose_server_is_replaced_is_lost_at_once_but_not_an_answer_that_has_come():
    lost, answered = (
        service_call(Service(), "policy/state"),
        service_call(client := Service(), "policy/state"),
    )
    for call in (lost, answered):
        call.tick(100.0)
    client.answer.set_result("swapped")
    for call in (lost, answered):
        call.restarted()
    assert error(lost) == "policy/rollback: its server has died or was restarted"
    answered.tick(100.1)
    assert answered.result() == "swapped"
