"""The one loop of a session: run episodes, try again, train beside them.

It never waits: a node calls `update` from a timer, a program calls `run_session`. Its owner brings a stack
(drift_ros.stack_client.StackClient, or whatever has its methods) and the time; a SessionWatcher is told.
"""

import math
from collections import deque
from collections.abc import Callable, Sequence
from enum import Enum, StrEnum, auto
from functools import partial
from typing import Any, Protocol

from drift_ros.errors import SessionError, error_name

from drift.errors import StackError

SUCCESS = 1  # Outcome.SUCCESS
_BREAK_OFF_S = 12.0  # to end an episode, and to stop the arm where that fails
_LAST_VERSION_S = 30.0  # for training without rounds to end with its last version
_QUIET_S = 5.0  # without a step after the last episode: all labels have had their share


class SessionRequest(Protocol):
    """Something asked of the stack, as in drift_ros.request."""

    @property
    def done(self) -> bool: ...

    @property
    def error(self) -> Exception | None: ...

    def result(self) -> Any: ...

    def cancel(self) -> None: ...


class StackPort(Protocol):
    """What a session asks of a stack, as in drift_ros.stack_client."""

    def run_episode(self, kind: int, seed: int, on_feedback: Callable[[Any], None]) -> SessionRequest: ...

    def train(self, kind: str, *, on_feedback: Callable[[Any], None]) -> SessionRequest: ...

    def stop(self) -> SessionRequest: ...


class TrainWhen(Enum):
    """When training starts; never more than one runs."""

    NEVER = auto()
    NEW_LABELS = auto()  # as soon as there are labels that the last one did not see
    AFTER_ROUND = auto()  # after each round of episodes, when the last one has ended
    CONTINUOUSLY = auto()  # without rounds, from the beginning until all labels have had their share


class TrainMode(StrEnum):
    """How a person says it."""

    ROUNDS = "rounds"
    CONTINUOUS = "continuous"


class SessionWatcher:
    """Told what happens, in the order in which it happens. Every method may be left out."""

    def on_episode_progress(self, feedback: Any) -> None:
        """Feedback of RunEpisode.action."""

    def on_episode(self, round_number: int, seed: int, result: Any) -> None:
        """A result of RunEpisode.action without an error_code."""

    def on_fault(self, text: str) -> None:
        """An episode could not be run, or the arm not be stopped."""

    def on_training_progress(self, round_number: int, feedback: Any) -> None:
        """Feedback of Train.action."""

    def on_training(self, round_number: int, result: Any) -> None:
        """A result of Train.action; what is raised here ends the session."""


class SessionLoop:
    """Run the seeds of each round one after the other; `kind` as in RunEpisode.action.

    `attempts`: how often an episode that a fault kept from running is tried. `training_silence_s`: how long a
    round of training may make no gradient step once no episode runs beside it any more.
    """

    def __init__(
        self,
        stack: StackPort,
        watcher: SessionWatcher,
        kind: int,
        rounds: Sequence[Sequence[int]],
        train: TrainWhen = TrainWhen.NEVER,
        attempts: int = 1,
        training_silence_s: float = math.inf,
    ) -> None:
        self.watcher = watcher
        self._stack, self._kind = stack, kind
        self._rounds = deque(tuple(seeds) for seeds in rounds)
        self._train, self._attempts, self._training_silence_s = train, attempts, training_silence_s
        self._round = 0  # whose episodes are running, from 1
        self._seeds: deque[int] = deque()  # of this round, still to run; the first is running
        self._attempt = 0
        self._episode: SessionRequest | None = None
        self._training: SessionRequest | None = None
        self._trained_round = 0  # whose episodes are trained on
        self._new_labels = 0  # that the training does not see
        self._begun = False  # some training was
        self._ending = False  # training without rounds was cancelled
        self._step = self._seen_step = 0  # of the training: the newest, and the last that was looked at
        self._waiting_since_s: float | None = None  # for its next step, with no episode beside it
        self._cancelled = False
        self._stop: SessionRequest | None = None

    def update(self, now_s: float) -> bool:
        """Move on and return whether all is over. `now_s`: steady.

        StackError: an episode could not be run. SessionError: the stack did not do what it should.
        """
        if self._cancelled:
            return self._is_held()
        if self._training is not None and self._training.done:
            self._take_training(self._training)
        if self._episode is not None and self._episode.done:
            self._take_episode(self._episode)
        if self._training is None and self._is_training_due():
            self._start_training()
        if self._episode is not None:
            return False
        if self._seeds:
            self._start_episode()
            return False
        return self._next_round(now_s)

    def cancel(self) -> None:
        """Break off the episode; `update` is true when the arm is held. A round of training goes on."""
        self._cancelled = True
        if self._episode is not None:
            self._episode.cancel()
        if self._training is not None and self._train is TrainWhen.CONTINUOUSLY:
            self._training.cancel()

    def is_training_ended(self) -> bool:
        """After `cancel`: whether training without rounds, which nothing else would end, has ended."""
        if self._training is not None and self._train is TrainWhen.CONTINUOUSLY:
            if self._training.done:
                self._take_training(self._training)
            return self._training is None
        return True

    def _is_training_due(self) -> bool:
        if self._train is TrainWhen.CONTINUOUSLY and not self._begun:
            return True
        return self._train in (TrainWhen.NEW_LABELS, TrainWhen.CONTINUOUSLY) and self._new_labels > 0

    def _next_round(self, now_s: float) -> bool:
        train = self._train is TrainWhen.AFTER_ROUND and self._round > self._trained_round
        if self._training is not None and (train or not self._rounds):
            self._limit_training(self._training, now_s)
            return False
        if train:
            self._start_training()
        if self._rounds:
            self._round += 1
            self._seeds.extend(self._rounds.popleft())
            self._attempt = 0
        return not (self._seeds or self._rounds or self._training)

    def _limit_training(self, training: SessionRequest, now_s: float) -> None:
        if self._waiting_since_s is None or self._step != self._seen_step:
            self._waiting_since_s, self._seen_step = now_s, self._step
            return
        silence_s = now_s - self._waiting_since_s
        if self._train is TrainWhen.CONTINUOUSLY and silence_s > _QUIET_S and not self._ending:
            self._ending = True
            training.cancel()
        if silence_s > self._training_silence_s:
            raise SessionError(
                f"the training round has made no step for {self._training_silence_s:g} s, "
                f"after step {self._step}"
            )

    def _start_episode(self) -> None:
        self._attempt += 1
        watch = self.watcher.on_episode_progress
        self._episode = self._stack.run_episode(self._kind, self._seeds[0], on_feedback=watch)

    def _take_episode(self, episode: SessionRequest) -> None:
        if episode.error is None:
            self._episode = None  # else it is left for `cancel`, which sees that the arm is held
        result, seed = episode.result(), self._seeds[0]
        if result.error_code:
            fault = f"episode with seed {seed}: {error_name(result)}: {result.error_msg}"
            if self._attempts > 1:
                self.watcher.on_fault(f"{fault} (attempt {self._attempt} of {self._attempts})")
            if self._attempt == self._attempts:
                raise StackError(fault)
            return
        self._seeds.popleft()
        self._attempt = 0
        if self._train is not TrainWhen.CONTINUOUSLY or self._training is None:
            self._new_labels += result.expert_labels
        self.watcher.on_episode(self._round, seed, result)

    def _start_training(self) -> None:
        self._new_labels, self._waiting_since_s, self._step = 0, None, 0
        self._trained_round = number = self._round
        self._begun, self._ending = True, False
        kind = "continuous" if self._train is TrainWhen.CONTINUOUSLY else "online"
        self._training = self._stack.train(kind, on_feedback=partial(self._on_training_progress, number))

    def _on_training_progress(self, round_number: int, feedback: Any) -> None:
        self._step = feedback.step
        self.watcher.on_training_progress(round_number, feedback)

    def _take_training(self, training: SessionRequest) -> None:
        self._training = None
        self.watcher.on_training(self._trained_round, training.result())

    def _is_held(self) -> bool:
        """The trainer stops the arm when it ends an episode; where it does not answer, the gate is asked."""
        if self._stop is not None:
            if self._stop.done:
                self._stop.result()  # raises what kept the gate from stopping
            return self._stop.done
        if self._episode is None:
            return True
        if not self._episode.done:
            return False
        if self._episode.error is not None:
            self._stop = self._stack.stop()
        return self._stop is None


class Client(Protocol):
    """What spins, as in drift_ros.session."""

    def wait_until(self, condition: Callable[[], bool], limit_s: float, what: str) -> None: ...


def run_session(client: Client, loop: SessionLoop, clock: Callable[[], float]) -> None:
    """Spin until the session is over. Whatever ends it early (Ctrl-C, too) is raised when the arm is held.

    By then training without rounds has made its last version, too.
    """
    try:
        client.wait_until(lambda: loop.update(clock()), math.inf, "the session to end")
    except BaseException:
        loop.cancel()
        try:
            client.wait_until(lambda: loop.update(clock()), _BREAK_OFF_S, "the arm to be held")
            client.wait_until(loop.is_training_ended, _LAST_VERSION_S, "the last version of the training")
        except SessionError as failure:
            loop.watcher.on_fault(str(failure))
        raise
