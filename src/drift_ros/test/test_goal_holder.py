"""A goal that nobody holds any more is given up, so as not to block the next one; clients are killed."""

import subprocess
import sys
import time

import pytest
from drift_interfaces.action import Train
from drift_ros import goal_holder
from drift_ros.goal_server import GoalServer
from rclpy.action import ActionClient
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

CLIENT = """
import sys, time, rclpy
from rclpy.action import ActionClient
from drift_interfaces.action import Train
rclpy.init()
node = rclpy.create_node("asker")
client = ActionClient(node, Train, "trainer/train")
assert client.wait_for_server(20.0)
time.sleep(1.0)  # the server knows it
sent = client.send_goal_async(Train.Goal(kind="continuous"))
if sys.argv[1] == "holds":
    rclpy.spin_until_future_complete(node, sent)
    sent.result().get_result_async()
print("sent", flush=True)
time.sleep(60.0)
"""
SHORT_LEASE = """<dds xmlns="http://www.eprosima.com"><profiles>
<participant profile_name="short" is_default_profile="true"><rtps><builtin><discovery_config>
<leaseDuration><sec>2</sec></leaseDuration><leaseAnnouncement><sec>0</sec><nanosec>500000000</nanosec></leaseAnnouncement>
</discovery_config></builtin></rtps></participant></profiles></dds>"""


class Trainer(Node):
    """Trains until it is cancelled."""

    def __init__(self):
        super().__init__("trainer")
        self.kinds, self.given_up = [], 0
        begin = lambda goal: self.kinds.append(goal.kind)  # noqa: E731
        self.server = GoalServer(self, Train, "trainer/train", begin, self._on_cancel, held=True)

    def _on_cancel(self):
        self.given_up += 1
        self.server.finish(Train.Result(error_code=Train.Result.CANCELLED))


class Stage:
    def __init__(self, folder):
        self.executor, self.trainer, self.processes = SingleThreadedExecutor(), Trainer(), []
        self.executor.add_node(self.trainer)
        self.profile = folder / "short_lease.xml"
        self.profile.write_text(SHORT_LEASE)

    def client(self, environment, what):
        """Start a client that sends a goal; return its process once it has."""
        words = [sys.executable, "-c", CLIENT, what]
        self.processes.append(subprocess.Popen(words, stdout=subprocess.PIPE, env=environment))
        assert self.until(lambda: self.trainer.kinds, 30.0)
        assert self.processes[-1].stdout.readline() == b"sent\n"
        return self.processes[-1]

    def until(self, condition, limit_s):
        end_s = time.monotonic() + limit_s
        while not condition() and time.monotonic() < end_s:
            self.executor.spin_once(timeout_sec=0.05)
        return condition()

    def close(self):
        for process in self.processes:
            process.kill()
            process.wait()
            process.stdout.close()
        self.executor.shutdown()
        self.trainer.destroy_node()


@pytest.fixture
def stage(ros, tmp_path):
    stage = Stage(tmp_path)
    yield stage
    stage.close()


@pytest.fixture
def environment(stage):
    import os

    profile = str(stage.profile)
    return {
        **os.environ,
        "FASTRTPS_DEFAULT_PROFILES_FILE": profile,
        "FASTDDS_DEFAULT_PROFILES_FILE": profile,
    }


def test_a_goal_whose_client_was_killed_after_sending_it_makes_room_for_the_next(
    stage, environment, monkeypatch, capfd
):
    monkeypatch.setattr(goal_holder, "HOLD_S", 2.0)
    monkeypatch.setattr(goal_holder, "LISTEN_S", 1.0)
    asker = Node("console")  # listens to the feedback as well
    stage.executor.add_node(asker)
    client = ActionClient(asker, Train, "trainer/train")
    stage.client(environment, "sends").kill()
    assert not stage.trainer.given_up
    assert stage.until(lambda: stage.trainer.given_up, 6.0)
    assert "nobody has asked for its result within 2 s" in capfd.readouterr().err
    sent = client.send_goal_async(Train.Goal(kind="online"))
    assert stage.until(sent.done, 10.0) and sent.result().accepted
    asked = sent.result().get_result_async()
    assert not stage.until(lambda: stage.trainer.given_up > 1 or asked.done(), 3.0)
    client.destroy()
    asker.destroy_node()


def test_a_goal_that_is_held_goes_on_until_its_client_has_left_the_graph(
    stage, environment, monkeypatch, capfd
):
    monkeypatch.setattr(goal_holder, "HOLD_S", 2.0)
    monkeypatch.setattr(goal_holder, "LISTEN_S", 1.0)
    client = stage.client(environment, "holds")
    assert not stage.until(lambda: stage.trainer.given_up, 3.0)
    client.kill()
    assert stage.until(lambda: stage.trainer.given_up, 10.0)
    assert "a goal of trainer/train is given up: whoever sent it has gone" in capfd.readouterr().err
    assert not stage.trainer.server.active
