"""Training without rounds: corrections are trained on as they come, and versions announced on the way.

One trainer lives as long as the stream, and with it Adam's moments and the averages. It makes steps only
while corrections are owed some (budget.py), more often on those than on others, looks at the disk between
slices of steps, and offers a candidate after so many steps, after so long, or when nothing is owed any more.
It ends when it is cancelled, or after the steps that were ordered.
"""

import math
import statistics
import time
from collections import deque
from dataclasses import replace
from pathlib import Path

from drift_config.errors import ConfigError

from drift_core.data.training_data import Correction
from drift_core.errors import CheckpointError
from drift_core.policy.checkpoint import LoadedCheckpoint
from drift_core.policy.checkpoint_folder import CheckpointInfo
from drift_core.training.budget import Budget, Labels
from drift_core.training.provenance import Provenance
from drift_core.training.rounds.canary import HeldOutCanary
from drift_core.training.rounds.hooks import (
    Backlog,
    CancelledError,
    Hooks,
    NoDataError,
    Refused,
    RoundReport,
)
from drift_core.training.rounds.mixed import MixedBatches
from drift_core.training.rounds.old_and_new import loss_on
from drift_core.training.rounds.shared import RoundOrder, Rounds
from drift_core.training.state import TrainerState, load_trainer_state
from drift_core.training.trainer import StepProgress

_WAIT_S = 0.1  # between two looks while nothing is owed
_TELL_S = 0.4  # between two reports of the backlog
_STEPS = 3, 50  # of which the mean duration is taken: at least, and the newest of these
_OFFER_SHARE = 0.1  # of the time may go into candidates while steps are owed


def train(rounds: Rounds, order: RoundOrder, hooks: Hooks) -> RoundReport:
    """Train the newest policy on until cancelled; return the last version that was announced.

    NoDataError without a label, or without a policy to start from; CancelledError before the first version;
    ConfigError in one of several processes.
    """
    if rounds.processes.count > 1:
        raise ConfigError(
            f"kind=continuous must be offline or online in {rounds.processes.count} processes: it goes by "
            f"the clock, which no two processes read alike"
        )
    began_s = time.time()
    data = rounds.update_data(hooks, excerpts=True)
    if not data.offline.labels and not data.online.labels:
        raise NoDataError(data.nothing("expert label"))
    return _Stream(rounds, order, hooks, began_s).run()


class _Stream:
    """One stream from its start, or from where it was saved."""

    def __init__(self, rounds: Rounds, order: RoundOrder, hooks: Hooks, began_s: float) -> None:
        """`began_s`: system time at which the stream was asked for."""
        self._began_s = began_s
        self._rounds, self._order, self._hooks = rounds, order, hooks
        self._settings = rounds.file.continuous
        path, parent = rounds.newest_checkpoint()
        online, schedule = rounds.shortened(rounds.file.online, rounds.file.rank.online, 0)
        config = self._settings.train_config(online)
        # A version is then W0 + avg(A) V exactly, with one W0 from one change of rank to the next.
        modulation = replace(rounds.file.rank.modulation, averages="restart")
        self._trainer = rounds.trainer(parent.policy.to(rounds.device), config, schedule, modulation)
        self._budget = Budget(self._settings.steps_per_label, self._settings.ema_share)
        self._before = parent.info.step  # gradient steps before this stream
        self._first = parent.info.version  # that it began from
        self._parent = parent.info
        self._newest: RoundReport | None = None
        self._offered_step = 0
        self._begun_s = 0.0  # when the first step since then was made
        self._refused = 0  # candidates in a row
        self._steps_s: deque[float] = deque(maxlen=_STEPS[1])  # durations of the newest steps
        self._offer_s = 0.0  # that the last candidate took
        self._new_waited = False  # some steps since then were made for new corrections
        self._told_s = -_TELL_S
        self._saved = rounds.saved(order)
        self._take_up(path, parent)
        self._rank = (self._trainer.rank, self._trainer.effective_rank)
        self._batches = MixedBatches(rounds, self._trainer)
        self._canary = HeldOutCanary(rounds, self._trainer, hooks)

    def run(self) -> RoundReport:
        """Go on until cancelled."""
        self._hooks.on_start(self._before)
        self._batches.encode(self._hooks)
        while not self._over():
            self._look()
            if self._budget.owed and not self._over():  # what is over may not have taken all in
                self._slice()
            if self._due():
                self._offer()
            self._tell()
            if not self._budget.owed and not self._over():
                time.sleep(_WAIT_S)
        if self._trainer.round_step > self._offered_step:
            self._offer()
        self._saved.forget()
        if self._newest is None:
            raise CancelledError(f"cancelled at step {self._trainer.round_step}, before the first version")
        return self._newest

    def _over(self) -> bool:
        asked = self._hooks.cancelled() or self._hooks.paused()
        return asked or 0 < self._order.steps <= self._trainer.round_step

    def _look(self) -> None:
        """Take in what has come to the disk, or gone from it."""
        try:
            data = self._rounds.update_data(self._hooks, excerpts=True)
            self._batches.encode(self._hooks)
        except CancelledError:
            return
        self._budget.update(data.corrections, self._most())
        self._batches.prefer(self._budget.waiting, self._settings.new_share)

    def _most(self) -> float:
        """Return how many steps new corrections may be owed."""
        known = len(self._steps_s) >= _STEPS[0]
        return self._settings.behind_s / statistics.mean(self._steps_s) if known else math.inf

    def _slice(self) -> None:
        """Make steps for a moment, as far as they are owed."""
        now_s, made = time.monotonic(), self._trainer.round_step - self._offered_step
        end_s = now_s + self._settings.slice_s
        if not made:
            self._begun_s = now_s
        # those of one correction: the decay of the averages is its own
        steps = min(self._budget.owed_to_next, self._settings.candidate_steps - made)
        if self._order.steps:
            steps = min(steps, self._order.steps - self._trainer.round_step)

        def on_step(progress: StepProgress) -> bool:
            self._count(progress)
            self._saved.keep(self._state, self._hooks)
            return time.monotonic() >= end_s or self._over()

        self._trainer.run(
            lambda g: self._batches.next(g).to(self._rounds.device), steps, on_step, self._budget.decay
        )

    def _count(self, progress: StepProgress) -> None:
        rank = (progress.rank, progress.effective_rank)
        if rank != self._rank:
            self._rank = rank
            self._budget.averages_restarted()
        self._new_waited = self._new_waited or self._budget.owed_to_new > 0
        self._budget.step(progress.ema_decay)
        self._steps_s.append(progress.step_s)
        self._hooks.on_progress(replace(progress, round_steps=progress.round_step + self._budget.owed))

    def _due(self) -> bool:
        made = self._trainer.round_step - self._offered_step
        pause_s = max(self._settings.candidate_s, self._offer_s / _OFFER_SHARE)
        late = time.monotonic() - self._begun_s >= pause_s
        had = not self._budget.owed or (self._new_waited and not self._budget.owed_to_new)
        return made > 0 and (made >= self._settings.candidate_steps or late or had)

    def _offer(self) -> None:
        """Announce the averaged weights as the next version, if they are not worse than the last one."""
        began_s = time.monotonic()
        self._judge()
        self._offer_s = time.monotonic() - began_s

    def _judge(self) -> None:
        self._offered_step, self._new_waited = self._trainer.round_step, False
        (policy, weights), step = self._trainer.averaged(), self._before + self._trainer.step
        try:
            loss = self._canary.loss(policy)
            allowed = self._canary.allowed(loss)
        except CancelledError:
            return
        if loss is not None and not (math.isfinite(loss.total) and loss.total <= allowed):
            self._refused += 1
            self._hooks.on_refused(Refused(step, loss.total, allowed, self._refused))
            return
        data = self._rounds.data
        episodes = len({correction.episode_id for correction in data.corrections})
        try:
            made = self._rounds.write(
                policy,
                weights,
                self._trainer,
                self._parent,
                "continuous",
                step,
                loss,
                episodes,
                self._budget.shares(),
                loss_on(self._rounds, self._trainer, policy, self._budget.came),
            )
        except OSError as error:
            self._hooks.on_warning(f"no version of step {step}, it cannot be written: {error}")
            return
        self._canary.passed(loss)
        self._refused, self._newest, self._parent = 0, made, made.info
        self._hooks.on_candidate(made)
        self._delete_old(made.info.version)
        self._saved.keep(self._state, self._hooks, now=True)

    def _delete_old(self, newest: int) -> None:
        kept = newest - self._settings.keep_versions + 1
        try:
            self._rounds.delete_versions(self._first, kept)
        except (OSError, CheckpointError) as error:
            self._hooks.on_warning(f"old versions cannot be deleted: {error}")

    def _tell(self) -> None:
        if time.monotonic() - self._told_s >= _TELL_S:
            self._told_s = time.monotonic()
            owed = self._budget.owed
            labels, each = self._budget.waiting_labels, self._budget.steps_per_label
            step_s = statistics.mean(self._steps_s or [0.0])
            self._hooks.on_backlog(Backlog(labels, owed, self._budget.owed_to_new * step_s, each))

    def _state(self) -> TrainerState:
        state = self._trainer.state_dict()
        kept = {
            "first": self._first,
            "before": self._before,
            "offered": self._offered_step,
            "budget": self._budget.state(),
        }
        return replace(state, info=state.info | {"round": kept})

    def _take_up(self, path: Path, parent: LoadedCheckpoint) -> None:
        """Go on from what was saved, or else from the version `parent` and what it says of itself."""
        saved, provenance = self._saved.take_up(), self._rounds.provenance(parent.info.version)
        state = None if saved is None else load_trainer_state(saved)
        if state is not None and (kept := state.info.get("round")):
            self._first = kept["first"]
            if parent.info.version > self._first:  # announced before this stream was broken off
                had = Provenance(()) if provenance is None else provenance
                episodes = len({correction.episode_id for correction in had.corrections})
                self._newest = self._rounds.report(path, parent.sha256, parent.info, {}, episodes, had)
            if kept["before"] + state.info["step"] >= parent.info.step:
                self._trainer.load_state_dict(state)
                self._before, self._offered_step = kept["before"], kept["offered"]
                self._budget.load_state(kept["budget"])
                self._hooks.on_text(f"going on from step {self._trainer.round_step}")
                self._budget.begin(self._rounds.data.corrections, {}, self._began_s)
                return
        corrections = self._rounds.data.corrections
        self._budget.begin(corrections, _had(provenance, parent.info, corrections), self._began_s)


def _had(provenance: Provenance | None, parent: CheckpointInfo, corrections: list[Correction]) -> Labels:
    """Return how many labels of each correction a version has learned from: all before it, if unsaid."""
    if provenance is None:
        known = [found for found in corrections if found.ended_s <= parent.created_s]
        return {(found.episode_id, found.intervention_id): found.labels for found in known}
    return {
        (found.episode_id, found.intervention_id): found.labels
        * (found.share if found.done is None else found.done)
        for found in provenance.corrections
    }
