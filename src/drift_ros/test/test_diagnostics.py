"""What a node says about itself is heard where aggregators listen."""

import time

from diagnostic_msgs.msg import DiagnosticArray
from drift_ros import qos
from drift_ros.diagnostics import OK, Diagnostics, Report
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node


def test_a_node_in_a_namespace_reports_on_the_one_topic_of_all_under_its_full_name(ros: None) -> None:
    heard: list[DiagnosticArray] = []
    node, listener = Node("expert_gate", namespace="left"), Node("aggregator")
    listener.create_subscription(DiagnosticArray, "/diagnostics", heard.append, qos.DIAGNOSTICS)
    Diagnostics(node, lambda: Report(OK, "all is well"))
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    executor.add_node(listener)
    end_s = time.monotonic() + 15.0
    while not heard:
        assert time.monotonic() < end_s, "nothing on /diagnostics"
        executor.spin_once(timeout_sec=0.1)
    assert [status.name for status in heard[0].status] == ["left/expert_gate"]
    executor.shutdown()
    node.destroy_node()
    listener.destroy_node()
