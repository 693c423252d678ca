"""What all rounds of training share: data, trainer, saving and going on after a crash.

A kind of round takes the data (`update_data`), makes a `trainer`, lets it `run`, and saves what that made.
"""

import hashlib
import json
import time
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from drift_config.loader import to_plain

from drift_core.arm import ArmModel
from drift_core.data.cutter import WindowCutter
from drift_core.data.feature_cache import FeatureCache
from drift_core.data.training_data import TrainingData
from drift_core.episodes import EpisodeStore
from drift_core.errors import CheckpointError
from drift_core.origin import Origin
from drift_core.policy.checkpoint import (
    CheckpointInfo,
    LoadedCheckpoint,
    checkpoint_path,
    load_latest,
    next_version,
    read_latest,
    save_checkpoint,
)
from drift_core.policy.normalizer import Normalizer
from drift_core.policy.policy import DiffusionPolicy
from drift_core.rank.schedule import RankSchedule
from drift_core.task import TaskConfig
from drift_core.training.config import TrainConfig, TrainFile
from drift_core.training.rounds.hooks import CancelledError, Hooks, NoDataError, PausedError, RoundReport
from drift_core.training.state import check_architecture, load_trainer_state, save_trainer_state
from drift_core.training.trainer import NextBatch, StepProgress, Trainer, held_out_loss

_SAVE_SHARE = 0.02  # of the time may go into saving the state of a round


@dataclass(frozen=True)
class RoundOrder:
    """How long a round is to be, and what it is called."""

    steps: int = 0  # gradient steps; 0: as configured
    round_id: str = ""  # "": its state is not saved on the way


class Rounds:
    """Where rounds are trained: episodes are read and decoded once, cached features computed once."""

    def __init__(
        self,
        arm: ArmModel | None,
        task: TaskConfig,
        train_file: TrainFile,
        store: EpisodeStore,
        checkpoint_folder: Path,
        device: str = "cpu",
        seed: int = 0,
        threads: int = 0,
        save_every_s: float = 10.0,
    ) -> None:
        """`arm` is None for a task without arm; `threads` 0: as `train_file` says.

        The state of a round is saved every `save_every_s`, more rarely if that took long.
        """
        self._origin = Origin.of(arm, task)
        self.file, self.device, self.seed = train_file, device, seed
        self._task, self._folder, self._threads = task, checkpoint_folder, threads
        self._save_every_s = save_every_s
        self._config = train_file.policy_config(task, 0 if arm is None else arm.n_joints)
        objective = train_file.objective
        cut = WindowCutter(store, arm, task, objective.future_steps)
        self._store = store
        self.data = TrainingData(store, cut, objective.returns)
        self.cache = FeatureCache((self.data.offline, self.data.online))

    @property
    def threads(self) -> int:
        """Threads of torch outside the training loop."""
        return self._threads or self.file.online.threads

    def newest(self) -> tuple[Path, LoadedCheckpoint] | None:
        """Return the checkpoint that LATEST names, None before the first."""
        latest = read_latest(self._folder)
        return None if latest is None else (self._folder / latest.file, load_latest(self._folder))

    def round_id(self, kind: str, steps: int) -> str:
        """Return a name for a round that is the same for the same settings, episodes and version."""
        version, ids = next_version(self._folder), self._store.ids()
        settings = [kind, steps, version, self.seed, self.device, self._threads, self._origin.robot]
        work = [settings, to_plain(self._task), to_plain(self.file), ids]
        return hashlib.sha256(json.dumps(work).encode()).hexdigest()[:16]

    def update_data(self, hooks: Hooks) -> TrainingData:
        """Take in the episodes that are new, and return all data."""
        told = len(self.data.complaints)
        with closing(self.data.update()) as texts:
            for text in texts:
                hooks.on_text(text)
                hooks.check()
        for complaint in self.data.complaints[told:]:
            hooks.on_warning(complaint)
        return self.data

    def newest_checkpoint(self) -> LoadedCheckpoint:
        """Return the checkpoint that LATEST names; NoDataError before the first.

        CheckpointError for one of another robot, task or architecture.
        """
        newest = self.newest()
        if newest is None:
            raise NoDataError(f"no checkpoint in {self._folder} to start from: train offline first")
        if objection := self._origin.objection(newest[1].info):
            raise CheckpointError(f"{newest[0]} is no policy to go on from: {objection}")
        check_architecture(to_plain(newest[1].policy.config), to_plain(self._config), str(newest[0]))
        return newest[1]

    def new_policy(self) -> DiffusionPolicy:
        """Return an untrained policy whose normaliser is that of the demonstrations."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            policy = DiffusionPolicy(self._config)
        data = self.data.offline
        fitted = Normalizer.fit(data.state, data.actions, data.mask, self._task.action_space)
        policy.normalizer.load_state_dict(fitted.state_dict())
        return policy.to(self.device)

    def trainer(self, policy: DiffusionPolicy, config: TrainConfig, schedule: RankSchedule) -> Trainer:
        """Return a trainer of `policy` for the next version."""
        generator = torch.Generator().manual_seed(self.seed + 1000 * next_version(self._folder))
        return Trainer(
            policy, config, schedule, generator, self.file.rank.modulation, objective=self.file.objective
        )

    def shortened(
        self, config: TrainConfig, schedule: RankSchedule, steps: int
    ) -> tuple[TrainConfig, RankSchedule]:
        """Return both for a round of `steps`, the decay of the rank in proportion."""
        config = replace(config, threads=self._threads or config.threads)
        if steps in (0, config.steps):
            return config, schedule
        share = steps / config.steps
        warmup_steps = min(round(share * config.warmup_steps), steps - 1)
        return replace(config, steps=steps, warmup_steps=warmup_steps), schedule.scaled(share)

    def run(
        self,
        trainer: Trainer,
        next_batch: NextBatch,
        parent: CheckpointInfo | None,
        order: RoundOrder,
        hooks: Hooks,
    ) -> None:
        """Train the round to its end, from where it was saved last.

        CancelledError and PausedError if that was asked for; OSError if a paused round cannot be saved.
        """
        state, paused = self._state_file(order.round_id), self._paused_file(order.round_id)
        for other in self._folder.glob("resume_*.safetensors"):
            if other != state:
                other.unlink()
        if state is not None and paused is not None and paused.is_file():
            paused.replace(state)
        if state is not None and state.is_file():
            trainer.load_state_dict(load_trainer_state(state))
            hooks.on_text(f"going on from step {trainer.round_step} of {trainer.config.steps}")
        save_due_s = time.monotonic() + self._save_every_s

        def on_step(progress: StepProgress) -> bool:
            nonlocal save_due_s
            hooks.on_progress(progress)
            if state is not None and time.monotonic() >= save_due_s:
                began_s = time.monotonic()
                try:
                    save_trainer_state(state, trainer.state_dict())
                except OSError as error:  # the round needs it only if it is broken off
                    hooks.on_warning(f"the state of the round is not saved: {error}")
                now_s = time.monotonic()
                save_due_s = now_s + max(self._save_every_s, (now_s - began_s) / _SAVE_SHARE)
            return hooks.cancelled() or hooks.paused()

        hooks.on_start(0 if parent is None else parent.step)
        if trainer.run(lambda g: next_batch(g).to(self.device), on_step=on_step).stopped:
            at = f"at step {trainer.round_step} of {trainer.config.steps}"
            if state is not None and paused is not None and hooks.paused():
                save_trainer_state(state, trainer.state_dict())
                state.replace(paused)
                raise PausedError(f"broken off {at}, saved in {paused}")
            if state is not None:
                state.unlink(missing_ok=True)
            raise CancelledError(f"cancelled {at}")

    def save(
        self,
        trainer: Trainer,
        parent: CheckpointInfo | None,
        reason: str,
        episodes: int,
        order: RoundOrder,
        hooks: Hooks,
    ) -> RoundReport:
        """Write the averaged policy as the next version; `episodes`: how many it was trained on."""
        hooks.on_text("evaluating on the held-out episodes")
        policy = trainer.merged_policy()
        held_out = self.data.held_out_batches(self.device)
        loss = None
        if held_out:
            tell = hooks.counting("evaluating on held-out windows, batch")
            loss = held_out_loss(policy, held_out, self.seed, objective=trainer.objective, between=tell)
        info = CheckpointInfo(
            task=self._origin.task,
            robot=self._origin.robot,
            version=next_version(self._folder),
            parent=0 if parent is None else parent.version,
            rank=trainer.rank,
            effective_rank=trainer.effective_rank,
            step=trainer.step + (0 if parent is None else parent.step),
            loss=None if loss is None else loss.total,
            reason=reason,
            created_s=time.time(),
        )
        path = checkpoint_path(self._folder, info.version)
        sha256 = save_checkpoint(path, policy, info)
        state = self._state_file(order.round_id)
        if state is not None:
            state.unlink(missing_ok=True)
        terms = {} if loss is None else loss.terms
        data = self.data
        return RoundReport(
            path,
            sha256,
            info,
            terms,
            episodes,
            data.expert_labels,
            data.idle_labels,
            dict(data.left_out),
            dict(data.remarks),
        )

    def _state_file(self, round_id: str) -> Path | None:
        """Where the state of a round is kept while it runs."""
        return self._folder / f"resume_{round_id}.safetensors" if round_id else None

    def _paused_file(self, round_id: str) -> Path | None:
        """Where it is kept after the round was broken off on purpose: no other round deletes it."""
        return self._folder / f"paused_{round_id}.safetensors" if round_id else None
