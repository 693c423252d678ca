"""What a client of trainer/train, and the log, are told of a training that cannot keep up."""

from types import SimpleNamespace

import pytest
from drift_interfaces.action import Train
from rclpy.node import Node
from trainer_node.ros.train import TrainServer
from trainer_node.worker_messages import Failed, Failure, ProgressMessage, Waiting

AT = ProgressMessage("r1", 40, 60, loss=0.5, rank=0.25, effective_rank=0.3, steps_per_s=10.0, eta_s=2.0)


@pytest.fixture
def trained(ros):
    """What the worker says, one event a tick: `trained(event)` returns the newest feedback."""
    node, said, told = Node("trainer"), [], []
    worker = SimpleNamespace(poll=lambda: [said.pop()], cancel=lambda: None, busy=False)
    server = TrainServer(node, worker)
    server._server = SimpleNamespace(feedback=told.append, finish=told.append)

    def say(event):
        said.append(event)
        server.tick()
        return told[-1] if told else None

    yield say
    node.destroy_node()


def test_the_feedback_says_how_many_labels_wait_and_how_far_it_is_behind_until_none_wait(trained):
    assert trained(Waiting("r1", 12, 48, 4.5)) is None, "no step has been made"
    assert (trained(AT).step, trained(AT).waiting_labels, trained(AT).behind_s) == (40, 12, 4.5)
    assert trained(Waiting("r1", 3, 12, 1.5)).waiting_labels == 3
    told = trained(Waiting("r1"))
    assert (told.step, told.waiting_labels, told.behind_s) == (40, 0, 0.0)


def test_a_training_that_is_too_slow_says_so_once_until_it_has_caught_up(trained, capfd):
    for behind_s in (59.0, 61.0, 80.0, 50.0, 62.0):
        trained(Waiting("r1", 200, 900, behind_s))
    trained(Waiting("r1"))
    trained(Waiting("r1", 210, 910, 70.0))
    trained(Failed("r1", Failure.CANCELLED, "cancelled"))
    trained(Waiting("r2", 5, 20, 1.0))
    lines = [line.partition("]: ")[2] for line in capfd.readouterr().err.splitlines()]
    assert [line for line in lines if "without a checkpoint" not in line] == [
        "training is too slow: 61 s behind, 200 labels wait, none is dropped",
        "training has caught up",
        "training is too slow: 70 s behind, 210 labels wait, none is dropped",
    ]


def test_a_goal_waits_until_what_the_recorder_wrote_is_here_and_may_be_cancelled_meanwhile(ros):
    node, ended, asked, here = Node("trainer"), [], [], set()
    worker = SimpleNamespace(
        poll=lambda: [], cancel=lambda: asked.append("cancel"), busy=False, ready=True, train=asked.append
    )
    server = TrainServer(node, worker, lambda since_s: "all" in here)
    server._server = SimpleNamespace(finish=ended.append)
    server._on_goal(Train.Goal(kind="online"))
    server.tick()
    assert asked == [] and server.status == "waiting for what the recorder has just written"
    server._on_goal(Train.Goal(kind="online"))
    assert ended.pop().error_code == Train.Result.BUSY
    server._on_cancel()
    assert ended.pop().error_code == Train.Result.CANCELLED
    server._on_goal(Train.Goal(kind="offline", steps=7))
    here.add("all")
    server.tick()
    (request,) = asked
    assert (request.kind, request.steps, server.status, ended) == ("offline", 7, "", [])
    server._on_cancel()
    assert asked == [request, "cancel"]
    node.destroy_node()
