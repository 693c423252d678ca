"""What all rounds of training share: data, trainer, saving and going on after a crash.

A kind of round takes the data (`update_data`), makes a `trainer`, lets it `run`, and saves what that made.
"""

import hashlib
import json
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import torch
from drift_config.errors import ConfigError
from drift_config.loader import to_plain

from drift_core.arm import ArmModel
from drift_core.data.cutter import WindowCutter
from drift_core.data.feature_cache import FeatureCache
from drift_core.data.training_data import TrainingData
from drift_core.episodes import EpisodeStore
from drift_core.errors import CheckpointError
from drift_core.objectives import Objective
from drift_core.origin import Origin
from drift_core.policy.batch import Batch
from drift_core.policy.checkpoint import LoadedCheckpoint, load_latest
from drift_core.policy.checkpoint_folder import CheckpointInfo, checkpoint_path, next_version, read_latest
from drift_core.policy.normalizer import Normalizer
from drift_core.policy.policy import DiffusionPolicy
from drift_core.policy.versions import Versions
from drift_core.policy.weights import Weights
from drift_core.rank.schedule import RankSchedule
from drift_core.task import TaskConfig
from drift_core.training.branches.exploring import Explore
from drift_core.training.budget import TrainedCorrection
from drift_core.training.config import RankConfig, TrainConfig, TrainFile
from drift_core.training.processes import ALONE, Processes
from drift_core.training.provenance import Provenance, load_provenance, provenance_path, save_provenance
from drift_core.training.report import HeldOutLoss
from drift_core.training.rounds.hooks import (
    CancelledError,
    Hooks,
    NoDataError,
    PausedError,
    RoundReport,
    WorseError,
)
from drift_core.training.rounds.saved import SavedRound
from drift_core.training.state import check_architecture, load_trainer_state
from drift_core.training.trainer import NextBatch, StepProgress, Trainer, held_out_loss


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
        processes: Processes = ALONE,
        explore: Explore | None = None,
    ) -> None:
        """`arm` is None for a task without arm; `threads` 0: as `train_file` says.

        The state of a round is saved every `save_every_s`, more rarely if that took long. `processes`: those
        that train together; each reads the same episodes and checkpoints, and only the first one writes.
        `explore`: makes attempts, in a simulation in this process; None: no round may make any.
        """
        self._origin = Origin.of(arm, task)
        self.file, self.device, self.seed = train_file, device, seed
        self._task, self._folder, self._threads = task, checkpoint_folder, threads
        self._save_every_s, self.processes, self.explore = save_every_s, processes, explore
        self._config = train_file.policy_config(task, 0 if arm is None else arm.n_joints)
        objective = train_file.objective
        self.store, self.cut = store, WindowCutter(store, arm, task, train_file.future_steps)
        self._versions = Versions(checkpoint_folder)
        memory = train_file.image_memory_mb << 20
        self.data = TrainingData(store, self.cut, objective.returns, memory, objective.unlabelled)
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
        version, ids = next_version(self._folder), self.store.ids()
        settings = [kind, steps, version, self.seed, self.device, self._threads, self._origin.robot]
        work = [settings, to_plain(self._task), to_plain(self.file), ids]
        return hashlib.sha256(json.dumps(work).encode()).hexdigest()[:16]

    def update_data(self, hooks: Hooks, excerpts: bool = False) -> TrainingData:
        """Take in the episodes, and the excerpts of open ones, that are new, and return all data."""
        told = len(self.data.complaints)
        with closing(self.data.update(excerpts)) as texts:
            for text in texts:
                hooks.on_text(text)
                hooks.check()
        for complaint in self.data.complaints[told:]:
            hooks.on_warning(complaint)
        return self.data

    def newest_checkpoint(self, with_actor: bool = False) -> tuple[Path, LoadedCheckpoint]:
        """Return the checkpoint that LATEST names, with its path; NoDataError before the first.

        Without its noise actor, which fits to no other weights, unless it is asked for. CheckpointError for
        one of another robot, task or architecture.
        """
        newest = self.newest()
        if newest is None:
            raise NoDataError(f"no checkpoint in {self._folder} to start from: train offline first")
        if objection := self._origin.objection(newest[1].info):
            raise CheckpointError(f"{newest[0]} is no policy to go on from: {objection}")
        path, loaded = newest
        config = replace(loaded.policy.config, noise=None)
        check_architecture(to_plain(config), to_plain(self._config), str(path))
        if loaded.policy.noise_actor is not None and not with_actor:
            loaded = replace(loaded, policy=loaded.policy.with_noise_actor(None))
        return path, loaded

    def new_policy(self) -> DiffusionPolicy:
        """Return an untrained policy whose normaliser is that of the demonstrations."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            policy = DiffusionPolicy(self._config)
        data = self.data.offline
        fitted = Normalizer.fit(data.state, data.actions, data.mask, self._task.action_space)
        policy.normalizer.load_state_dict(fitted.state_dict())
        policy.fit_drafts(data.state, data.actions, data.mask, torch.Generator().manual_seed(self.seed))
        return policy.to(self.device)

    def trainer(
        self,
        policy: DiffusionPolicy,
        config: TrainConfig,
        schedule: RankSchedule,
        modulation: RankConfig | None = None,
        objective: Objective | None = None,
    ) -> Trainer:
        """Return a trainer of `policy` for the next version; `modulation` and `objective` in place of the
        configured ones."""
        generator = torch.Generator().manual_seed(self.seed + 1000 * next_version(self._folder))
        modulation = modulation or self.file.rank.modulation
        if config.batch_size < self.processes.count:
            raise ConfigError(
                f"batch_size={config.batch_size} must be at least the number of processes, "
                f"{self.processes.count}"
            )
        self.processes.check_same("settings, episodes and newest checkpoint", self._common)
        objective = objective or self.file.objective
        return Trainer(policy, config, schedule, generator, modulation, objective, self.processes)

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
        saved = self.saved(order)
        if path := self.processes.first(lambda: str(saved.take_up() or "")):
            trainer.load_state_dict(load_trainer_state(Path(path)))
            hooks.on_text(f"going on from step {trainer.round_step} of {trainer.config.steps}")

        def on_step(progress: StepProgress) -> bool:
            hooks.on_progress(progress)
            saved.keep(trainer.state_dict, hooks)
            return hooks.cancelled() or hooks.paused()

        hooks.on_start(0 if parent is None else parent.step)
        if trainer.run(lambda g: next_batch(g).to(self.device), on_step=on_step).stopped:
            self.leave(trainer, order, hooks)

    def leave(self, trainer: Trainer, order: RoundOrder, hooks: Hooks) -> NoReturn:
        """Raise what a round ends with that shall not go on: PausedError with its state saved, or
        CancelledError; OSError if it cannot be saved."""
        saved = self.saved(order)
        at = f"at step {trainer.round_step} of {trainer.config.steps}"
        if self.processes.any(hooks.paused()) and (where := self._pause(saved, trainer)):
            raise PausedError(f"broken off {at}, saved in {where}")
        saved.forget()
        raise CancelledError(f"cancelled {at}")

    def save(
        self,
        trainer: Trainer,
        parent: CheckpointInfo | None,
        reason: str,
        episode_ids: list[str],
        order: RoundOrder,
        hooks: Hooks,
        canary_tolerance: float | None = None,
    ) -> RoundReport:
        """Write the averaged policy as the next version; `episode_ids`: what it was trained on.

        WorseError where its held-out loss exceeds that of the newest version by more than the share
        `canary_tolerance`; without held-out episodes that is not known, which is said.
        """
        hooks.on_text("evaluating on the held-out episodes")
        policy, weights = trainer.averaged()
        held_out = self.data.held_out_batches(self.device)
        loss = None
        if held_out:
            tell = hooks.counting("evaluating on held-out windows, batch")
            loss = held_out_loss(policy, held_out, self.seed, objective=self.file.objective, between=tell)
        if canary_tolerance is not None:
            self._check_canary(loss, held_out, canary_tolerance, order, hooks)
        corrections = [
            TrainedCorrection(c.episode_id, c.intervention_id, c.labels, c.ended_s, share=1.0)
            for c in self.data.corrections
            if c.episode_id in episode_ids
        ]
        step = trainer.step + (0 if parent is None else parent.step)
        made = self.write(policy, weights, trainer, parent, reason, step, loss, len(episode_ids), corrections)
        self.saved(order).forget()
        return made

    def write(
        self,
        policy: DiffusionPolicy,
        weights: Weights,
        trained: Trainer | CheckpointInfo,
        parent: CheckpointInfo | None,
        reason: str,
        step: int,
        loss: HeldOutLoss | None,
        episodes: int,
        corrections: list[TrainedCorrection],
        loss_on: dict[str, float] | None = None,
    ) -> RoundReport:
        """Write `policy`, whose `weights` are as of `Trainer.averaged`, as the next version, with what it has
        learned from beside it. `trained`: at which rank."""
        learned = Provenance(tuple(corrections), loss_on or {})

        def in_the_first_process() -> list[Any]:
            info = CheckpointInfo(
                task=self._origin.task,
                robot=self._origin.robot,
                version=next_version(self._folder),
                parent=0 if parent is None else parent.version,
                rank=trained.rank,
                effective_rank=trained.effective_rank,
                step=step,
                loss=None if loss is None else loss.total,
                reason=reason,
                created_s=time.time(),
            )
            beside = checkpoint_path(self._folder, info.version)
            save_provenance(beside, learned)
            try:
                path, sha256 = self._versions.save(policy, weights, info)
            except OSError:
                provenance_path(beside).unlink()
                raise
            return [str(path), sha256, to_plain(info)]

        path, sha256, plain = self.processes.first(in_the_first_process)
        info = CheckpointInfo(**plain)
        return self.report(Path(path), sha256, info, {} if loss is None else loss.terms, episodes, learned)

    def report(
        self,
        path: Path,
        sha256: str,
        info: CheckpointInfo,
        held_out_terms: dict[str, float],
        episodes: int,
        learned: Provenance,
    ) -> RoundReport:
        """Return what is said of a version, with the data as they are now."""
        data = self.data
        return RoundReport(
            path,
            sha256,
            info,
            held_out_terms,
            episodes,
            data.expert_labels,
            data.idle_labels,
            dict(data.left_out),
            dict(data.remarks),
            learned.corrections,
            learned.loss_on,
        )

    def delete_versions(self, after: int, before: int) -> None:
        """Delete what nobody needs of the versions between these two, with what stands beside them."""
        for path in self._versions.delete(after, before):
            provenance_path(path).unlink(missing_ok=True)

    def provenance(self, version: int) -> Provenance | None:
        """Return what a version has learned from, None where that was not written."""
        return load_provenance(checkpoint_path(self._folder, version))

    def saved(self, order: RoundOrder) -> SavedRound:
        """Return where the state of a round is kept while it runs, in the first process."""
        return SavedRound(self._folder, "" if self.processes.index else order.round_id, self._save_every_s)

    def _pause(self, saved: SavedRound, trainer: Trainer) -> str:
        """Save the round for whoever gives the same order again; return where, "" without a name for it."""
        return self.processes.first(lambda: str(saved.pause(trainer.state_dict) or ""))

    def _check_canary(
        self,
        loss: HeldOutLoss | None,
        held_out: Sequence[Batch],
        tolerance: float,
        order: RoundOrder,
        hooks: Hooks,
    ) -> None:
        newest = self.newest()
        if loss is None or newest is None:
            hooks.on_warning("no held-out episode yet: the new version is announced without a canary")
            return
        last = newest[1].policy.to(self.device)
        before = held_out_loss(last, held_out, self.seed, objective=self.file.objective).total
        allowed = (1.0 + tolerance) * before
        if not loss.total <= allowed:
            self.saved(order).forget()
            raise WorseError(
                f"what was trained is not announced: held-out loss {loss.total:.4f}, that of version "
                f"{newest[1].info.version} is {before:.4f} and {allowed:.4f} is allowed "
                f"(canary_tolerance={tolerance:g})"
            )

    def _common(self) -> str:
        """Return what tells whether another process would train the same: all but the pixels."""
        latest = read_latest(self._folder)
        settings = [to_plain(self._task), to_plain(self.file), None if latest is None else latest.sha256]
        return json.dumps([*settings, self.seed, self._threads, self.data.digest()])
