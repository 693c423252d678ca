"""One service call or action goal under way: ends by an answer, a limit, or the death of its server.

A Request never waits. Its StackClient moves it on, in callbacks of the node's executor. It may be looked at
and cancelled from any thread, and calls whoever asks for that when it is done.
"""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from typing import Any

from action_msgs.msg import GoalStatus
from action_msgs.srv import CancelGoal
from rclpy.action import ActionClient
from rclpy.client import Client
from rclpy.task import Future

from drift_ros.errors import SessionError

ANSWER_S = 5.0  # a service, an action's acceptance and a cancellation take no longer
LOST_S = 4.0  # what its server says nothing of for so long is lost; see goal_server.HEARTBEAT_S
REPLACED_S = 1.5  # likewise, where another server has been heard since


class StackRequest(ABC):
    """What is asked of a server once `is_ready`. `check` makes a result of its answer, or raises an error."""

    def __init__(
        self,
        name: str,
        limit_s: float,
        check: Callable[[Any], Any],
        is_ready: Callable[[], bool],
        wake: Callable[[], None],
    ) -> None:
        self.name = name
        self.lost = False  # it has ended because nothing is heard of its server any more
        self._limit_s, self._check = limit_s, check
        self._is_ready, self._wake = is_ready, wake
        self._began_s: float | None = None
        self._sent_s: float | None = None
        self._heard_s = 0.0  # when its server last said that it lives
        self._cancelled = False
        self._done = False
        self._result: Any = None
        self._error: SessionError | None = None
        self._callbacks: deque[Callable[[StackRequest], None]] = deque()

    @property
    def done(self) -> bool:
        """Whether it has ended: with a result, or with an error."""
        return self._done

    @property
    def error(self) -> SessionError | None:
        """Why there is no result; None while it is not done, and when all is well."""
        return self._error

    def result(self) -> Any:
        """Return the result of a request that is done, or raise its error."""
        if not self._done:
            raise SessionError(f"{self.name} has not ended yet")
        if self._error is not None:
            raise self._error
        return self._result

    def cancel(self) -> None:
        """Ask for an end; `done` tells when it has come. A service call is only given up."""
        self._cancelled = True
        self._wake()

    def hear(self, now_s: float) -> None:
        """Take note that the server has said that it lives, and has this goal."""
        self._heard_s = now_s

    def add_done_callback(self, callback: Callable[["StackRequest"], None]) -> None:
        """Call `callback(self)` once when it is done, in the executor; at once if it is done already."""
        self._callbacks.append(callback)
        if self._done:
            self._tell()

    def tick(self, now_s: float) -> None:
        """Send it as soon as there is a server, and end it when its time is over. `now_s`: steady."""
        if self._done:
            return
        if self._began_s is None:
            self._began_s = now_s
        if self._sent_s is not None:
            self._watch(now_s, self._sent_s)
        elif self._cancelled:
            self._fail(f"{self.name} was cancelled before it was sent")
        elif self._is_ready():
            self._sent_s = now_s
            self._send()
        elif now_s - self._began_s > ANSWER_S:
            self._fail(f"no server for {self.name} after {ANSWER_S:g} s; is the stack up?")

    @property
    def _died(self) -> str:
        return f"{self.name}: its server has died or was restarted"

    def _awaited(self, future: Future) -> Future:
        # only `tick` takes what comes: done callbacks run outside of the callback group
        future.add_done_callback(lambda _: self._wake())
        return future

    @abstractmethod
    def _send(self) -> None:
        """Send it."""

    @abstractmethod
    def _watch(self, now_s: float, sent_s: float) -> None:
        """Look after what was sent; end it when it is answered, lost or late."""

    def _take(self, answer: Any) -> None:
        try:
            self._result = self._check(answer)
        except SessionError as error:
            self._error = error
        self._end()

    def _fail(self, text: str, lost: bool = False) -> None:
        self._error, self.lost = SessionError(text), lost
        self._end()

    def _end(self) -> None:
        self._done = True
        self._tell()

    def _tell(self) -> None:
        while self._callbacks:
            self._callbacks.popleft()(self)


class ServiceCall(StackRequest):
    """A service that is called. `heartbeat`: a state that its server repeats at 1 Hz, empty for none."""

    def __init__(self, client: Client, request: Any, heartbeat: str, *args: Any) -> None:
        super().__init__(*args)
        self._client, self._request = client, request
        self.heartbeat = heartbeat
        self._answer: Future | None = None

    def restarted(self) -> None:
        """Take note that another server has taken the place of the one that was asked."""
        if self._sent_s is not None and not self._done and not self._answer.done():
            self._give_up(self._died, lost=True)

    def _send(self) -> None:
        self._answer = self._awaited(self._client.call_async(self._request))

    def _watch(self, now_s: float, sent_s: float) -> None:
        if self._answer.done():
            self._take(self._answer.result())
        elif self._cancelled:
            self._give_up(f"{self.name} was cancelled")
        elif self.heartbeat and now_s - max(sent_s, self._heard_s) > LOST_S:
            self._give_up(f"{self._died}; no {self.heartbeat} for {LOST_S:g} s", lost=True)
        elif now_s - sent_s > self._limit_s:
            self._give_up(f"waited {self._limit_s:g} s for the answer of {self.name}")

    def _give_up(self, text: str, lost: bool = False) -> None:
        self._client.remove_pending_request(self._answer)
        self._fail(text, lost)


class ActionGoal(StackRequest):
    """An action's goal. Its limit counts from its sending; when it is over, the goal is cancelled."""

    def __init__(
        self, client: ActionClient, goal: Any, on_feedback: Callable[[Any], None] | None, *args: Any
    ) -> None:
        super().__init__(*args)
        self._client, self._goal, self._on_feedback = client, goal, on_feedback
        self._accepted: Future | None = None
        self._handle: Any = None  # of the accepted goal
        self._answer: Future | None = None
        self._cancelling: Future | None = None
        self._cancelling_s = 0.0
        self._giving_up = ""  # why it ends with an error as soon as its cancellation is answered
        self._silence_s = LOST_S  # that its server may keep

    def replaced(self) -> None:
        """Take note that another server of the action has begun to speak."""
        self._silence_s = REPLACED_S

    @property
    def goal_id(self) -> bytes:
        """The id of the accepted goal, empty before."""
        return b"" if self._handle is None else bytes(self._handle.goal_id.uuid)

    def _send(self) -> None:
        self._accepted = self._awaited(self._client.send_goal_async(self._goal, self._hand_on))

    def _hand_on(self, msg: Any) -> None:
        if self._on_feedback is not None and not self._done:
            self._on_feedback(msg.feedback)

    def _watch(self, now_s: float, sent_s: float) -> None:
        if self._handle is None:
            self._await_acceptance(now_s, sent_s)
        elif self._answer.done():
            self._take_answer(self._answer.result())
        elif now_s - self._heard_s > self._silence_s:
            self._handle.cancel_goal_async()  # its server may live, beyond a network that comes back
            silent = f"{self._died}; nothing heard of the goal for {self._silence_s:g} s"
            self._fail(self._giving_up or silent, lost=True)
        elif self._cancelling is not None:
            self._await_cancellation(now_s, sent_s)
        elif self._cancelled:
            self._cancel(now_s)
        elif now_s - sent_s > self._limit_s:
            self._giving_up = self._too_long
            self._cancel(now_s)

    @property
    def _too_long(self) -> str:
        return f"{self.name} did not end within {self._limit_s:g} s"

    def _await_acceptance(self, now_s: float, sent_s: float) -> None:
        if not self._accepted.done():
            if now_s - sent_s > ANSWER_S:
                self._accepted.add_done_callback(_cancel_late)
                self._fail(f"waited {ANSWER_S:g} s for {self.name} to accept the goal", lost=True)
        elif self._accepted.result().accepted:
            self._handle, self._heard_s = self._accepted.result(), now_s
            self._answer = self._awaited(self._handle.get_result_async())
            self._wake()  # it may have been cancelled meanwhile
        else:
            self._fail(f"{self.name} rejected the goal; is another one running?")

    def _cancel(self, now_s: float) -> None:
        self._cancelling_s = now_s
        self._cancelling = self._awaited(self._handle.cancel_goal_async())

    def _await_cancellation(self, now_s: float, sent_s: float) -> None:
        if self._cancelling.done():
            if self._cancelling.result().return_code == CancelGoal.Response.ERROR_UNKNOWN_GOAL_ID:
                self._fail(
                    self._giving_up or f"{self.name}: its server was restarted, it does not know the goal"
                )
            elif self._giving_up or now_s - sent_s > self._limit_s:
                self._fail(f"{self._giving_up or self._too_long}; cancelled")
        elif now_s - self._cancelling_s > ANSWER_S:
            reason = self._giving_up or f"{self.name} was cancelled"
            self._fail(f"{reason}; the cancellation was not answered within {ANSWER_S:g} s")

    def _take_answer(self, answer: Any) -> None:
        # a callback that raises gives ABORTED, a result that has expired UNKNOWN, both with an empty result
        if answer.status != GoalStatus.STATUS_SUCCEEDED and not answer.result.error_code:
            status = _status_name(answer.status)
            self._fail(f"{self.name} ended as {status} without a result; see the log of its server")
        elif self._giving_up:
            self._fail(f"{self._giving_up}; cancelled")
        else:
            self._take(answer.result)


def _cancel_late(accepted: Future) -> None:
    """Cancel a goal that is accepted when nobody waits for it any more."""
    if accepted.result().accepted:
        accepted.result().cancel_goal_async()


def _status_name(status: int) -> str:
    names = (name for name in dir(GoalStatus) if name.startswith("STATUS_"))
    known = {getattr(GoalStatus, name): name.removeprefix("STATUS_") for name in names}
    return known.get(status, f"status {status}")
