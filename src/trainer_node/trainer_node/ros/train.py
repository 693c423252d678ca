"""The action trainer/train and the topic trainer/checkpoint, in front of the training worker."""

import uuid
from collections.abc import Callable

from drift_interfaces.action import Train
from drift_interfaces.msg import Checkpoint
from drift_ros import qos
from drift_ros.clock import steady_s, to_stamp
from drift_ros.goal_server import GoalServer
from rclpy.node import Node

from trainer_node.worker_messages import (
    Announced,
    Event,
    Failed,
    Failure,
    Fatal,
    Finished,
    Preparing,
    ProgressMessage,
    Ready,
    TrainRequest,
    Waiting,
    Warned,
)
from trainer_node.worker_process import WorkerProcess

BEHIND_S = 60.0  # of which continuous training may be behind; more is too slow
_ERRORS = {
    Failure.UNKNOWN_KIND: Train.Result.UNKNOWN_KIND,
    Failure.NO_DATA: Train.Result.NO_DATA,
    Failure.DIVERGED: Train.Result.DIVERGED,
    Failure.CANCELLED: Train.Result.CANCELLED,
    Failure.NOT_WRITTEN: Train.Result.NOT_WRITTEN,
    Failure.WORKER_DIED: Train.Result.WORKER_DIED,
    Failure.ERROR: Train.Result.WORKER_DIED,
}


class TrainServer:
    """Hand goals to the worker, and what it says to whom it concerns. `tick` is called by a timer."""

    def __init__(
        self, node: Node, worker: WorkerProcess, in_step: Callable[[float], bool] = lambda since_s: True
    ) -> None:
        """`in_step`: whether what was recorded until that steady time is here; a goal waits for it."""
        self._node, self._worker, self._in_step = node, worker, in_step
        self._waiting: tuple[TrainRequest, float] | None = None  # a goal, and when it came
        self._newest: Announced | None = None
        self._doing: Preparing | ProgressMessage | None = None
        self._at: ProgressMessage | None = None  # where the running training stands
        self._backlog = Waiting("")
        self._slow = False  # said to be
        self._server = GoalServer(node, Train, "trainer/train", self._on_goal, self._on_cancel, held=True)
        self._checkpoint = node.create_publisher(Checkpoint, "trainer/checkpoint", qos.LATCHED)

    @property
    def newest(self) -> Announced | None:
        """The newest checkpoint, None before the first."""
        return self._newest

    @property
    def backlog(self) -> Waiting:
        """What continuous training has before it; nothing when none runs."""
        return self._backlog

    @property
    def status(self) -> str:
        """What the worker does, in words, empty when nothing, or while it is being started."""
        if self._waiting is not None:
            return "waiting for what the recorder has just written"
        if not self._worker.ready:
            return ""
        match self._doing:
            case ProgressMessage() as at:
                return f"step {at.step} of {at.total_steps}, loss {at.loss:.4f}, {at.steps_per_s:.1f} steps/s"
            case Preparing(text):
                return text
        return ""

    def tick(self) -> None:
        """Pass on what the worker has said since the last tick, and a goal that has waited."""
        for event in self._worker.poll():
            self._on_event(event)
        self._begin_when_in_step()

    def _on_goal(self, goal: Train.Goal) -> None:
        if self._worker.busy or self._waiting is not None:
            busy = Train.Result(error_code=Train.Result.BUSY, error_msg="a round is running already")
            self._server.finish(busy)
            return
        # The worker knows the kinds of round, and refuses others before it begins: this process has no torch.
        self._waiting = TrainRequest(uuid.uuid4().hex, goal.kind, goal.steps), steady_s()
        self._begin_when_in_step()

    def _begin_when_in_step(self) -> None:
        if self._waiting is not None and self._in_step(self._waiting[1]):
            request, self._waiting = self._waiting[0], None
            self._worker.train(request)

    def _on_cancel(self) -> None:
        if self._waiting is None:
            self._worker.cancel()
            return
        self._waiting = None
        text = "cancelled before it began"
        self._server.finish(Train.Result(error_code=Train.Result.CANCELLED, error_msg=text))

    def _on_event(self, event: Event) -> None:
        match event:
            case Ready():  # a new process takes up what the last one left
                self._doing = Preparing("starting") if self._worker.busy else None
            case Preparing():
                self._doing = event
            case Warned(text):
                self._node.get_logger().warning(f"training: {text}")
            case ProgressMessage():
                self._doing = self._at = event
                self._tell()
            case Waiting():
                self._backlog = event
                self._tell()
                self._say_if_slow(event)
                if not event.steps:
                    self._doing = Preparing("all labels have had their share, waiting for further ones")
            case Announced():
                self._newest = event
                self._checkpoint.publish(_to_checkpoint(event))
            case Finished():
                self._forget()
                made = self._newest
                self._node.get_logger().info(
                    f"version {made.version} ({made.reason}): {event.episodes} episodes, held-out loss "
                    f"{made.loss:.4f}, {event.expert_labels} expert labels in the store, "
                    f"{event.idle_labels} of them idle"
                )
                self._server.finish(_to_result(self._newest))
            case Failed(failure=failure, text=text):
                self._forget()
                self._node.get_logger().warning(f"training ended without a checkpoint ({failure}): {text}")
                self._server.finish(Train.Result(error_code=_ERRORS[failure], error_msg=text))
            case Fatal(text):
                self._node.get_logger().error(f"no training: {text}")

    def _tell(self) -> None:
        if self._at is not None:
            self._server.feedback(_to_feedback(self._at, self._backlog))

    def _say_if_slow(self, backlog: Waiting) -> None:
        slow = backlog.behind_s > BEHIND_S
        if slow and not self._slow:
            self._node.get_logger().warning(
                f"training is too slow: {backlog.behind_s:.0f} s behind, {backlog.labels} labels wait, "
                "none is dropped"
            )
        elif self._slow and not backlog.steps:
            self._node.get_logger().info("training has caught up")
        self._slow = slow or (self._slow and backlog.steps > 0)

    def _forget(self) -> None:
        self._doing, self._at, self._backlog, self._slow = None, None, Waiting(""), False


def _to_feedback(at: ProgressMessage, backlog: Waiting) -> Train.Feedback:
    return Train.Feedback(
        step=at.step,
        total_steps=at.total_steps,
        loss=at.loss,
        rank=at.rank,
        effective_rank=at.effective_rank,
        steps_per_s=at.steps_per_s,
        eta_s=at.eta_s,
        waiting_labels=backlog.labels,
        behind_s=backlog.behind_s,
    )


def _to_result(made: Announced) -> Train.Result:
    return Train.Result(
        path=made.path,
        sha256=made.sha256,
        version=made.version,
        step=made.step,
        loss=made.loss,
        rank=made.rank,
    )


def _to_checkpoint(made: Announced) -> Checkpoint:
    msg = Checkpoint(
        path=made.path,
        sha256=made.sha256,
        version=made.version,
        parent=made.parent,
        rank=made.rank,
        effective_rank=made.effective_rank,
        loss=made.loss,
        step=made.step,
        reason=made.reason,
    )
    msg.header.stamp = to_stamp(made.created_s)
    return msg
