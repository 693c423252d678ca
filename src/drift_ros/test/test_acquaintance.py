"""Servers of which nothing is heard: asked only when their node has answered a client that was made later."""

import time

import pytest
from drift_ros import acquaintance
from drift_ros.acquaintance import Acquaintance
from rcl_interfaces.srv import GetParameters
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from std_srvs.srv import Trigger


class Server(Node):
    """Serves `grasp`; it answers about its parameters when it is told to."""

    def __init__(self, name="server"):
        super().__init__(name, start_parameter_services=False)
        self.create_service(Trigger, "grasp", lambda request, response: response)
        self.asked = []

    def answer_questions(self):
        def answer(request, response):
            self.asked.append(request)
            return response

        self.create_service(GetParameters, f"{self.get_name()}/get_parameters", answer)


class Stage:
    def __init__(self):
        self.executor, self.nodes = SingleThreadedExecutor(), []
        self.asker = self.add(Node("asker"))
        client = self.asker.create_client(Trigger, "grasp")
        self.ready = client.service_is_ready
        self.server = Acquaintance(self.asker, "grasp", self.ready)

    def add(self, node):
        self.nodes.append(node)
        self.executor.add_node(node)
        return node

    def end(self, node):
        self.nodes.remove(node)
        self.executor.remove_node(node)
        node.destroy_node()

    def until(self, condition, limit_s=10.0):
        end_s = time.monotonic() + limit_s
        while not condition() and time.monotonic() < end_s:
            self.executor.spin_once(timeout_sec=0.02)
        return condition()


@pytest.fixture
def stage(ros):
    stage = Stage()
    yield stage
    stage.executor.shutdown()
    for node in stage.nodes:
        node.destroy_node()


def test_a_server_is_known_once_its_node_has_answered_and_is_asked_nothing_more(stage):
    server = stage.add(Server())
    assert stage.until(stage.ready)
    assert not stage.until(lambda: stage.server.made, 1.0)
    server.answer_questions()
    assert stage.until(lambda: stage.server.made, acquaintance.PATIENCE_S - 1.5)
    asked = len(server.asked)
    assert asked >= 1 and list(server.asked[0].names) == []  # it tells nothing of itself
    assert not stage.until(lambda: len(server.asked) > asked, 1.0)


def test_a_question_that_is_not_answered_is_asked_again(stage, monkeypatch):
    server = stage.add(Server())
    lost = []
    server.create_service(
        GetParameters, "server/get_parameters", lambda request, response: lost.append(request) or response
    )
    hold = stage.asker.create_client  # whose first answer never comes

    def create_client(*args, **kwargs):
        client = hold(*args, **kwargs)
        call = client.call_async

        def call_async(request):
            future = call(request)
            if not lost:
                client.remove_pending_request(future)
            return future

        client.call_async = call_async
        return client

    monkeypatch.setattr(stage.asker, "create_client", create_client)
    assert stage.until(lambda: stage.server.made, 4.0) and len(lost) >= 2


def test_a_server_without_parameter_services_is_asked_after_a_while(stage, monkeypatch):
    monkeypatch.setattr(acquaintance, "PATIENCE_S", 0.5)
    stage.add(Server())
    assert stage.until(stage.ready)
    began_s = time.monotonic()
    assert not stage.server.made
    assert stage.until(lambda: stage.server.made, 5.0) and time.monotonic() - began_s > 0.3


def test_a_server_that_comes_after_another_is_a_stranger_again(stage):
    first = stage.add(Server())
    first.answer_questions()
    assert stage.until(lambda: stage.server.made)
    stage.end(first)
    assert stage.until(lambda: not stage.ready())
    stage.until(lambda: False, 0.3)  # looked at meanwhile
    second = stage.add(Server("another"))
    assert stage.until(stage.ready) and not stage.until(lambda: stage.server.made, 0.5)
    second.answer_questions()
    assert stage.until(lambda: stage.server.made, acquaintance.PATIENCE_S - 1.5)
