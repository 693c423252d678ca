"""Who has sent a message: a publisher stays who it is while its name is learned."""

from types import SimpleNamespace

import pytest
from drift_ros import publisher_names
from drift_ros.publisher_names import PublisherNames


class Graph:
    """A node that knows of two publishers of joy: the first by name only when the test says so."""

    def __init__(self):
        self.first, self.asked = "_NODE_NAME_UNKNOWN_", 0

    def get_publishers_info_by_topic(self, topic):
        assert topic == "joy"
        self.asked += 1
        return [
            SimpleNamespace(endpoint_gid=[1] * 16, node_namespace="/", node_name=self.first),
            SimpleNamespace(endpoint_gid=[2] * 16, node_namespace="/left/", node_name="joy_node"),
        ]


@pytest.fixture
def clock(monkeypatch):
    clock = SimpleNamespace(now_s=100.0)
    monkeypatch.setattr(publisher_names, "steady_s", lambda: clock.now_s)
    return clock


def message(number):
    return {"publisher_gid": {"data": bytes([number] * 16)}}


def test_a_publisher_is_the_same_before_and_after_its_node_is_discovered(clock):
    graph = Graph()
    names = PublisherNames(graph)
    unknown, other = names.of("joy", message(1)), names.of("joy", message(2))
    assert (unknown.name, other.name, str(unknown)) == ("", "/left/joy_node", f"publisher {'01' * 16}")
    graph.first = "person"
    assert names.of("joy", message(1)).name == "" and graph.asked == 1  # not for every message
    clock.now_s += 0.11
    known = names.of("joy", message(1))
    assert (known.name, known == unknown, known == other) == ("/person", True, False)


def test_a_publisher_without_a_node_is_called_by_its_identity_after_two_seconds(clock):
    names = PublisherNames(Graph())
    assert names.of("joy", message(1)).name == ""
    clock.now_s += 2.01
    assert names.of("joy", message(1)).name == f"publisher {'01' * 16}"


def test_a_node_that_is_discovered_late_gets_its_name_all_the_same(clock):
    graph = Graph()
    names = PublisherNames(graph)
    names.of("joy", message(1))
    clock.now_s += 5.0
    assert names.of("joy", message(1)).name.startswith("publisher ")
    graph.first, graph.asked = "joint_state_publisher", 0
    clock.now_s += 0.5
    assert names.of("joy", message(1)).name.startswith("publisher ") and graph.asked == 0  # once a second
    clock.now_s += 0.51
    assert names.of("joy", message(1)).name == "/joint_state_publisher"


def test_messages_that_do_not_say_who_sent_them_are_from_one_publisher_without_a_name(clock):
    names = PublisherNames(Graph())
    unsigned = names.of("joy", {})
    assert (unsigned.identity, unsigned.name) == (b"", "") and unsigned == names.of("joy", {})
